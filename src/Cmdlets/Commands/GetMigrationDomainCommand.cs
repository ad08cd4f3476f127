using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-MigrationDomain: the domains of the hosts that this session knows.</summary>
[Cmdlet(VerbsCommon.Get, "MigrationDomain", DefaultParameterSetName = NameSet)]
[OutputType(typeof(DomainInfo))]
public sealed class GetMigrationDomainCommand : MigrationCmdlet
{
    private const string NameSet = "Name";
    private const string InputSet = "Input";

    /// <summary>Names or wildcard patterns; every domain where it is not given.</summary>
    [Parameter(Position = 0, ParameterSetName = NameSet, ValueFromPipeline = true)]
    [Parameter(Position = 0, ParameterSetName = InputSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DomainNameCompleter))]
    public string[]? Name { get; set; }

    /// <summary>Names or wildcard patterns of the hosts to look on; all known hosts where it is not given.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string[]? HostName { get; set; }

    /// <summary>Hosts, whose domains are meant; or what names a domain: what another cmdlet returned about one, or a row with a
    /// Name.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputSet, ValueFromPipeline = true)]
    [Alias("MigrationHost")]
    [ValidateNotNullOrEmpty]
    public PSObject InputObject { get; set; } = null!;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == InputSet)
        {
            foreach (PSObject input in InputRow.Each(InputObject))
            {
                InputRow row = new(input);
                ForEachInput(row.Name, () => WriteFor(input, row));
            }

            return;
        }

        IReadOnlyList<IMigrationHost> hosts = [];
        ForCommand(() => hosts = HostName is null ? Workspace.OfProcess.Hosts.Default() : Hosts(HostName));
        Write(Name, hosts);
    }

    private static IMigrationHost[] Hosts(IEnumerable<string> names) => [.. names.SelectMany(HostSelection.Match).Distinct()];

    private void WriteFor(PSObject input, InputRow row)
    {
        if (input.BaseObject is string name)
        {
            Write([name], HostName is null ? Workspace.OfProcess.Hosts.Default() : Hosts(HostName));
        }
        else if (row.OwnType == nameof(MigrationHost))
        {
            Write(Name, [HostSelection.Get(row.TextOf(nameof(MigrationHost.Name)) ?? "")]);
        }
        else
        {
            Write(
                Name ?? [row.RequireName()],
                HostName is not null ? Hosts(HostName) : row.HostName is { } host ? [HostSelection.Get(host)] : Workspace.OfProcess.Hosts.Default());
        }
    }

    private void Write(IEnumerable<string>? names, IReadOnlyList<IMigrationHost> hosts)
    {
        foreach (string name in names ?? ["*"])
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
