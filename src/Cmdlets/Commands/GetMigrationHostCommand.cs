using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-MigrationHost: the hosts that this session knows.</summary>
[Cmdlet(VerbsCommon.Get, "MigrationHost")]
[OutputType(typeof(MigrationHost))]
public sealed class GetMigrationHostCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns; every known host where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DestinationCompleter))]
    public string[]? HostName { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string pattern in HostName ?? ["*"])
        {
            ForEachInput(pattern, () =>
            {
                (IReadOnlyList<IMigrationHost> here, IReadOnlyList<RemoteHost> remote) = HostSelection.MatchAll(pattern);
                WriteObject(
                    here.Select(Workspace.OfProcess.Describe).Concat(remote.Select(host => host.Describe())).OrderBy(host => host.Name, StringComparer.OrdinalIgnoreCase),
                    enumerateCollection: true);
            });
        }
    }
}
