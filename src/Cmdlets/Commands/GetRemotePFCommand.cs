using System.Management.Automation;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Texts;

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
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(IncomingDomainCompleter))]
    public string[]? Name { get; set; }

    /// <summary>The recording that Start-PreRecord returned: what is decided for its move.</summary>
    [Parameter(Mandatory = true, ParameterSetName = PreRecordSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Recorded]
    [ValidateNotNull]
    public PreRecord PreRecord { get; set; } = null!;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == PreRecordSet)
        {
            WriteObject(new RemotePFInfo(
                PreRecord.Name, PreRecord.Destination ?? "", new MigrationOptions { RemotePF = PreRecord.RemotePF }.IsSplit, SR.StateDecided, 0, 0, 0));
            return;
        }

        (MigrationReceiver Receiver, IncomingMigration Incoming)[] all =
        [
            .. from receiver in Workspace.OfProcess.Receivers.Listening
               from incoming in receiver.Incoming
               where incoming.DomainName.Length > 0
               select (receiver, incoming),
        ];
        if (Name is null)
        {
            Report(all);
            return;
        }

        foreach (string name in Name)
        {
            ForEachInput(name, () => Report(
                NameRule.Find(name, all, item => item.Incoming.DomainName).OrNoneOfPattern(() => NotFound(name))));
        }
    }

    private void Report(IEnumerable<(MigrationReceiver Receiver, IncomingMigration Incoming)> found)
    {
        foreach ((MigrationReceiver receiver, IncomingMigration incoming) in found)
        {
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

    private static CommandException NotFound(string name) => new(
        nameof(SR.IncomingNotFound),
        ErrorCategory.ObjectNotFound,
        Text.Format(SR.IncomingNotFound, name),
        SR.IncomingNotFoundRemedy,
        name);
}
