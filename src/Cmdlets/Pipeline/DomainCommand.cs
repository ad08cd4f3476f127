using System.Management.Automation;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Cmdlets;

/// <summary>What the cmdlets share that do something to domains, given by name or by object.</summary>
public abstract class DomainCommand : MigrationCmdlet
{
    /// <summary>The parameter set of names.</summary>
    protected const string NameSet = "Name";

    /// <summary>The parameter set of domain objects.</summary>
    protected const string DomainSet = "Domain";

    /// <summary>Names or wildcard patterns of domains.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = NameSet, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DomainNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>The host they are on; needed only where a name is on several.</summary>
    [Parameter(ParameterSetName = NameSet, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string? HostName { get; set; }

    /// <summary>Domains that Get-MigrationDomain or New-SimulatedDomain returned.</summary>
    [Parameter(Mandatory = true, ParameterSetName = DomainSet, ValueFromPipeline = true)]
    [ValidateNotNull]
    public DomainInfo[] Domain { get; set; } = [];

    /// <summary>Does something for every domain that is meant; each one's error is its own.</summary>
    private protected void ForEachDomain(Action<DomainLocation> action)
    {
        if (ParameterSetName == DomainSet)
        {
            foreach (DomainInfo info in Domain)
            {
                ForEachInput(info.Name, () => action(new DomainLocation(HostRegistry.Get(info.HostName), info)));
            }

            return;
        }

        foreach (string name in Name)
        {
            IReadOnlyList<DomainLocation> found = [];
            ForEachInput(name, () => found = DomainSelection.MatchUnambiguous(
                name, HostName is null ? HostRegistry.Default() : [HostRegistry.Get(HostName)]));
            foreach (DomainLocation location in found)
            {
                ForEachInput(location.Info.Name, () => action(location));
            }
        }
    }
}
