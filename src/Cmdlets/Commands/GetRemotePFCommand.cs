using System.Management.Automation;
using PreRecordMigration.Methods;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-RemotePF: whether memory may arrive after a domain runs, what is missing, and which faults wait.</summary>
[Cmdlet(VerbsCommon.Get, "RemotePF", DefaultParameterSetName = NameSet)]
[OutputType(typeof(RemotePFInfo))]
public sealed class GetRemotePFCommand : MigrationCmdlet
{
    private const string NameSet = "Name";
    private const string PreRecordSet = "PreRecord";

    /// <summary>Names or wildcard patterns of domains that come into hosts of this process.</summary>
    [Parameter(Position = 0, ParameterSetName = NameSet, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(MovingDomainCompleter))]
    public string[] Name { get; set; } = ["*"];

    /// <summary>The recording that Start-PreRecord returned: what is decided for its move.</summary>
    [Parameter(Mandatory = true, ParameterSetName = PreRecordSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNull]
    public PreRecord PreRecord { get; set; } = null!;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == PreRecordSet)
        {
            WriteObject(new RemotePFInfo(
                PreRecord.Name, PreRecord.Destination ?? "", PreRecord.RemotePF ?? true, SR.StateDecided, 0, 0, 0));
            return;
        }

        foreach (string name in Name)
        {
            ForEachInput(name, () => Report(name));
        }
    }

    private void Report(string name)
    {
        WildcardPattern wildcard = WildcardPattern.Get(name, WildcardOptions.IgnoreCase);
        bool isFound = WildcardPattern.ContainsWildcardCharacters(name);
        foreach (MigrationReceiver receiver in ReceiverRegistry.Listening)
        {
            foreach (IncomingMigration incoming in receiver.Incoming.Where(item => item.DomainName.Length > 0 && wildcard.IsMatch(item.DomainName)))
            {
                isFound = true;
                WriteObject(new RemotePFInfo(
                    incoming.DomainName,
                    receiver.Host.Name,
                    incoming.IsRemotePFEnabled,
                    incoming.State.GetType().Name,
                    incoming.MissingPages,
                    incoming.RemoteFaults,
                    incoming.WaitingFaults));
            }
        }

        if (!isFound)
        {
            throw new CommandException(
                nameof(SR.IncomingNotFound),
                ErrorCategory.ObjectNotFound,
                Text.Format(SR.IncomingNotFound, name),
                SR.IncomingNotFoundRemedy,
                name);
        }
    }
}
