using System.Management.Automation;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-MigrationReceiver: the receivers of this session and the migrations that came in.</summary>
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
        foreach (string pattern in HostName ?? ["*"])
        {
            ForEachInput(pattern, () =>
            {
                foreach (MigrationReceiver receiver in ReceiverSelection.Match(pattern))
                {
                    WriteObject(MigrationReceiverInfo.Of(receiver));
                }
            });
        }
    }
}
