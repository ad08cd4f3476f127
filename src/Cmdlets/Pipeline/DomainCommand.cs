using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>What the cmdlets share that do something to domains, given by name, by object or by row.</summary>
public abstract class DomainCommand : RowCommand
{
    /// <summary>Names or wildcard patterns of domains.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = NameSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DomainNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>The host they are on; needed only where a name is on several.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string? HostName { get; set; }

    /// <summary>
    /// What says which domain: a domain, what another cmdlet returned about one, or a row with a Name, and with options in
    /// columns named as the parameters are.
    /// </summary>
    [Parameter(Mandatory = true, ParameterSetName = InputSet, ValueFromPipeline = true)]
    [Alias("Domain")]
    [ValidateNotNullOrEmpty]
    public PSObject InputObject { get; set; } = null!;

    /// <summary>Does something for every domain that is meant; each one's error is its own.</summary>
    private protected void ForEachDomain(Action<DomainLocation> action)
    {
        if (ParameterSetName == InputSet)
        {
            foreach (PSObject input in InputRow.Each(InputObject))
            {
                ForInput(input, action);
            }

            return;
        }

        ForCommand(PrepareAgain);
        foreach (string name in Name)
        {
            ForEachNamed(name, null, action);
        }
    }

    /// <summary>Does something for what one object of the pipeline means.</summary>
    private protected virtual void ForInput(PSObject input, Action<DomainLocation> action)
    {
        if (input.BaseObject is DomainInfo info)
        {
            // A domain object knows its host, so that one is meant unless another one is named.
            ForEachInput(info.Name, () =>
            {
                PrepareAgain();
                action(DomainLocation.Find(info.Name, HostSelection.Get(HostName ?? info.HostName)));
            });
            return;
        }

        if (input.BaseObject is string name)
        {
            ForEachNamed(name, null, action);
            return;
        }

        InputRow row = new(input);
        ForEachInput(row.Name, () => WithCells(row, () => ForEachNamed(row.RequireName(), row.HostName, action)));
    }

    private void ForEachNamed(string name, string? hostName, Action<DomainLocation> action)
    {
        IReadOnlyList<DomainLocation> found = [];
        string? meant = HostName ?? hostName;
        ForEachInput(name, () => found = DomainSelection.MatchUnambiguous(
            name, meant is null ? Workspace.OfProcess.Hosts.Default() : [HostSelection.Get(meant)]));
        foreach (DomainLocation location in found)
        {
            ForEachInput(location.Info.Name, () => action(location));
        }
    }
}
