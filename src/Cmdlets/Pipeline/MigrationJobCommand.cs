using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>What the cmdlets share that look at migrations, or do something to those of this process, from whatever runspace.</summary>
public abstract class MigrationJobCommand : MigrationCmdlet
{
    /// <summary>The parameter set of domain names.</summary>
    protected const string NameSet = "Name";

    /// <summary>The parameter set of numbers.</summary>
    protected const string IdSet = "Id";

    /// <summary>The parameter set of handles and of what names a domain.</summary>
    protected const string InputSet = "Input";

    /// <summary>Names or wildcard patterns of the domains that move.</summary>
    [Parameter(Position = 0, ParameterSetName = NameSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(MovingDomainCompleter))]
    public string[]? Name { get; set; }

    /// <summary>The numbers of the migrations in this process.</summary>
    [Parameter(Mandatory = true, ParameterSetName = IdSet)]
    [Given]
    public int[] Id { get; set; } = [];

    /// <summary>
    /// Handles of Start-Migration and Get-Migration, which mean their own migration and no other; or what names a domain, which
    /// means its migrations: a domain's number is not a migration's.
    /// </summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = InputSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public PSObject InputObject { get; set; } = null!;

    /// <summary>Does something for every migration that is meant; each one's error is its own.</summary>
    /// <param name="isMeant">Which of those of a name are meant, and which where nothing was given.</param>
    /// <param name="action">What to do.</param>
    private protected void ForEachMigration(Func<MigrationJob, bool> isMeant, Action<MigrationJob> action)
    {
        switch (ParameterSetName)
        {
            case IdSet:
                foreach (int id in Id)
                {
                    ForEachInput(id, () => action(MigrationSelection.Get(id, () => Elsewhere)));
                }

                break;
            case InputSet:
                foreach (PSObject input in InputRow.Each(InputObject).Where(IsOfMigration))
                {
                    ForInput(input, isMeant, action);
                }

                break;
            case NameSet when Name is null:
                ForNothingGiven(isMeant, action);
                break;
            default:
                foreach (string name in Name ?? [])
                {
                    ForEachInput(name, () => ForName(name, isMeant, action));
                }

                break;
        }
    }

    /// <summary>Does something to every domain that is named and that a killed process left; each one's error is its own.</summary>
    /// <param name="hostName">The host where they stand; this machine's Xen where it is null.</param>
    /// <param name="nameMissing">The error where none is named.</param>
    /// <param name="action">What to do.</param>
    private protected void ForEachLeft(string? hostName, Func<CommandException> nameMissing, Action<IMigrationHost, string> action)
    {
        if (Name is null)
        {
            ForCommand(() => throw nameMissing());
        }

        foreach (string name in Name ?? [])
        {
            ForEachInput(name, () => action(HostSelection.Get(hostName ?? LocalXen.HostName), name));
        }
    }

    /// <summary>
    /// Whether the cmdlet only looks: a name then means the migrations of all processes, and a pattern may mean none. Else it means those of this
    /// process, and where it has none of that name those of others.
    /// </summary>
    private protected virtual bool OnlyLooks => false;

    /// <summary>What is done for a migration of another process that is meant: little can be.</summary>
    /// <exception cref="CommandException">It can only be done in that process.</exception>
    private protected virtual void ForElsewhere(MigrationElsewhere found) => throw MigrationSelection.IsElsewhere(found);

    /// <summary>Which migrations of other processes are meant where nothing was given.</summary>
    private protected virtual IEnumerable<MigrationElsewhere> MeantElsewhere => [];

    /// <summary>Whether an input means a migration at all.</summary>
    private protected virtual bool IsOfMigration(PSObject input) => true;

    /// <summary>Whether the cmdlet has a use for migrations that have ended already, as Wait-Migration has for their outcomes.</summary>
    private protected virtual bool TakesEnded => false;

    /// <summary>What is said where nothing was given and there is nothing to do something about; null for nothing.</summary>
    private protected virtual string? NothingMeant => null;

    private void ForInput(PSObject input, Func<MigrationJob, bool> isMeant, Action<MigrationJob> action)
    {
        switch (input.BaseObject)
        {
            case int id:
                ForEachInput(id, () => action(MigrationSelection.Get(id, () => Elsewhere)));
                return;
            case string name:
                ForEachInput(name, () => ForName(name, isMeant, action));
                return;
        }

        InputRow row = new(input);
        ForEachInput(row.Name, () =>
        {
            if (row.OwnType == nameof(MigrationInfo) || row.TextOf(nameof(MigrationInfo.InstanceId)) is not null)
            {
                if (MigrationSelection.Find(row) is { } job)
                {
                    action(job);
                }
                else
                {
                    ForElsewhere(MigrationSelection.Get(row, Elsewhere));
                }
            }
            else if (row.OwnType is null)
            {
                ForName(row.RequireName(), isMeant, action);
            }
            else
            {
                // An object names exactly one domain: another whose name differs in case only is not meant.
                string name = row.RequireName();
                object[] own = [.. Workspace.OfProcess.Migrations.All.Where(job => job.Location.Info.Name == name)];
                object[] others = OnlyLooks || own.Length == 0
                    ? [.. MigrationSelection.AllOf(Elsewhere).Where(found => found.Migration.Name == name)]
                    : [];
                ForFound(name, own.Length + others.Length > 0 ? [.. own, .. others] : throw MigrationRegistry.NoneOf(name), isMeant, action);
            }
        });
    }

    private void ForNothingGiven(Func<MigrationJob, bool> isMeant, Action<MigrationJob> action)
    {
        IReadOnlyList<MigrationJob> own = Workspace.OfProcess.Migrations.All;
        MigrationElsewhere[] others = [.. MeantElsewhere];
        if (NothingMeant is { } words && others.Length == 0 && !own.Any(isMeant))
        {
            WriteWarning(words);
        }

        ForAll(own, isMeant, action);
        ForAll(others);
    }

    private void ForName(string name, Func<MigrationJob, bool> isMeant, Action<MigrationJob> action) => ForFound(
        name,
        OnlyLooks ? MigrationSelection.FindEverywhere(name, Elsewhere).OrNoneOfPattern(() => MigrationRegistry.NoneOf(name))
            : MigrationSelection.Find(name) is { Found: [_, ..] own } ? own
            : MigrationSelection.FindElsewhere(name, Elsewhere).OrFail(() => MigrationRegistry.NoneOf(name)),
        isMeant,
        action);

    /// <summary>Does something for what a name means here and elsewhere; of those elsewhere for those under way, where there are any.</summary>
    private void ForFound(string name, IReadOnlyList<object> found, Func<MigrationJob, bool> isMeant, Action<MigrationJob> action)
    {
        ForNamed(name, [.. found.OfType<MigrationJob>()], isMeant, action);
        MigrationElsewhere[] others = [.. found.OfType<MigrationElsewhere>()];
        ForAll(
            OnlyLooks ? others
            : others.Any(one => one.Migration.IsUnderWay()) ? others.Where(one => one.Migration.IsUnderWay())
            : others.GroupBy(one => one.Migration.Name, StringComparer.Ordinal).Select(ofDomain => ofDomain.MaxBy(one => one.Migration.Started)!));
    }

    /// <summary>
    /// Does something for the migrations that a name means. Where all of them have ended, the last one of the domain gets the action, whose
    /// error says how it ended; where the name means several domains, one error is written for all.
    /// </summary>
    private void ForNamed(string name, IReadOnlyList<MigrationJob> jobs, Func<MigrationJob, bool> isMeant, Action<MigrationJob> action)
    {
        if (jobs.Count == 0 || jobs.Any(isMeant))
        {
            ForAll(jobs, isMeant, action);
            return;
        }

        MigrationJob[] last = [.. jobs.GroupBy(job => job.Location.Info.Name, StringComparer.Ordinal).Select(ofDomain => ofDomain.Last())];
        if (last.Length > 1 && !TakesEnded)
        {
            throw MigrationRegistry.NoneUnderWay(name);
        }

        ForAll(last, _ => true, action);
    }

    private void ForAll(IEnumerable<MigrationJob> jobs, Func<MigrationJob, bool> isMeant, Action<MigrationJob> action)
    {
        foreach (MigrationJob job in jobs.Where(isMeant))
        {
            ForEachInput(job.Location.Info.Name, () => action(job));
        }
    }

    private void ForAll(IEnumerable<MigrationElsewhere> others)
    {
        foreach (MigrationElsewhere found in others)
        {
            ForEachInput(found.Migration.Name, () => ForElsewhere(found));
        }
    }
}
