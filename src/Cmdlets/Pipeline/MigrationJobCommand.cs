using System.Management.Automation;

namespace PreRecordMigration.Cmdlets;

/// <summary>What the cmdlets share that do something to migrations of this process, from whatever runspace.</summary>
public abstract class MigrationJobCommand : MigrationCmdlet
{
    /// <summary>The parameter set of domain names.</summary>
    protected const string NameSet = "Name";

    /// <summary>The parameter set of numbers and handles.</summary>
    protected const string IdSet = "Id";

    /// <summary>
    /// Names or wildcard patterns of the domains that move. A domain that is piped in means its migrations by its name: its
    /// number is not a migration's.
    /// </summary>
    [Parameter(Position = 0, ParameterSetName = NameSet, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(MovingDomainCompleter))]
    public string[]? Name { get; set; }

    /// <summary>The numbers of the migrations; handles of Start-Migration and Get-Migration carry them.</summary>
    [Parameter(Mandatory = true, ParameterSetName = IdSet, ValueFromPipelineByPropertyName = true)]
    public int[] Id { get; set; } = [];

    /// <summary>Does something for every migration that is meant; each one's error is its own.</summary>
    /// <param name="fallback">The pattern where nothing was given.</param>
    /// <param name="isMeant">Which of those that a name matches are meant.</param>
    /// <param name="action">What to do.</param>
    private protected void ForEachMigration(string fallback, Func<MigrationJob, bool> isMeant, Action<MigrationJob> action)
    {
        if (ParameterSetName == IdSet)
        {
            foreach (int id in Id)
            {
                ForEachInput(id, () => action(MigrationRegistry.Get(id)));
            }

            return;
        }

        foreach (string name in Name ?? [fallback])
        {
            ForEachInput(name, () =>
            {
                foreach (MigrationJob job in MigrationRegistry.Match(name).Where(isMeant))
                {
                    ForEachInput(job.Location.Info.Name, () => action(job));
                }
            });
        }
    }
}
