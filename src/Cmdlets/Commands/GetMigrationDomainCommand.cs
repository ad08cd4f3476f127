using System.Management.Automation;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-MigrationDomain: the domains of the hosts that this session knows.</summary>
[Cmdlet(VerbsCommon.Get, "MigrationDomain")]
[OutputType(typeof(DomainInfo))]
public sealed class GetMigrationDomainCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns; every domain where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DomainNameCompleter))]
    public string[]? Name { get; set; }

    /// <summary>Names or wildcard patterns of the hosts to look on; all known hosts where it is not given.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string[]? HostName { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        IReadOnlyList<IMigrationHost> hosts = [];
        ForCommand(() => hosts = HostName is null ? HostRegistry.Default() : [.. HostName.SelectMany(HostRegistry.Match).Distinct()]);
        foreach (string name in Name ?? ["*"])
        {
            ForEachInput(name, () =>
            {
                foreach (DomainLocation found in DomainSelection.Match(name, hosts))
                {
                    WriteObject(found.Info);
                }
            });
        }
    }
}
