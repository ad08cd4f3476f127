using System.Management.Automation;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-MigrationReceiver: the receivers of this process and of this user's others, and the migrations that came in.</summary>
[Cmdlet(VerbsCommon.Get, "MigrationReceiver")]
[OutputType(typeof(MigrationReceiverInfo))]
public sealed class GetMigrationReceiverCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns of hosts; every receiver where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ReceiverNameCompleter))]
    public string[]? HostName { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        MigrationReceiverInfo[] all =
        [
            .. Workspace.OfProcess.Receivers.All.Select(MigrationReceiverInfo.Of),
            .. ReceiverSelection.AllOf(Elsewhere).Select(found => found.Receiver),
        ];
        foreach (string pattern in HostName ?? ["*"])
        {
            ForEachInput(pattern, () => WriteObject(
                NameRule.Find(pattern, all, receiver => receiver.HostName).OrNoneOfPattern(() => ReceiverRegistry.NotFound(pattern)),
                enumerateCollection: true));
        }
    }
}
