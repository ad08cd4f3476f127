using System.Management.Automation;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-MigrationDomain: the domains of the hosts that this session knows.</summary>
[Cmdlet(VerbsCommon.Get, "MigrationDomain", DefaultParameterSetName = NameSet)]
[OutputType(typeof(DomainInfo))]
public sealed class GetMigrationDomainCommand : MigrationCmdlet
{
    private const string NameSet = "Name";
    private const string HostSet = "Host";

    /// <summary>Names or wildcard patterns; every domain where it is not given.</summary>
    [Parameter(Position = 0, ParameterSetName = NameSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Parameter(Position = 0, ParameterSetName = HostSet)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DomainNameCompleter))]
    public string[]? Name { get; set; }

    /// <summary>Names or wildcard patterns of the hosts to look on; all known hosts where it is not given.</summary>
    [Parameter(ParameterSetName = NameSet, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string[]? HostName { get; set; }

    /// <summary>Hosts that Get-MigrationHost or New-SimulatedHost returned.</summary>
    [Parameter(Mandatory = true, ParameterSetName = HostSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public MigrationHost[] MigrationHost { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == HostSet)
        {
            foreach (MigrationHost host in MigrationHost)
            {
                ForEachInput(host.Name, () => Write([HostRegistry.Get(host.Name)]));
            }

            return;
        }

        IReadOnlyList<IMigrationHost> hosts = [];
        ForCommand(() => hosts = HostName is null ? HostRegistry.Default() : [.. HostName.SelectMany(HostRegistry.Match).Distinct()]);
        Write(hosts);
    }

    private void Write(IReadOnlyList<IMigrationHost> hosts)
    {
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
