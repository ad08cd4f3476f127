using System.Collections.Concurrent;
using System.Management.Automation;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// The migrations of this process, shared by all its runspaces: those under way, and the last that ended. When the process
/// ends, <see cref="ProcessEnd"/> stops those under way, or has them finish where the domain is already leaving.
/// </summary>
internal static class MigrationRegistry
{
    /// <summary>Ended migrations that are kept to be asked for.</summary>
    private const int KeptEnded = 100;

    private static readonly ConcurrentDictionary<int, MigrationJob> Jobs = new();
    private static int s_lastId;

    static MigrationRegistry() => ProcessEnd.Await();

    /// <summary>All migrations, oldest first.</summary>
    public static IReadOnlyList<MigrationJob> All => [.. Jobs.Values.OrderBy(job => job.Id)];

    /// <summary>Starts a migration under a number of its own.</summary>
    /// <exception cref="CommandException">The session ends.</exception>
    public static MigrationJob Add(Func<int, MigrationJob> start)
    {
        int id = Interlocked.Increment(ref s_lastId);
        MigrationJob job = ProcessEnd.Begin(() => Jobs[id] = start(id));
        foreach (MigrationJob ended in All.Where(other => !other.IsActive && other.State != MigrationState.Interrupted).SkipLast(KeptEnded))
        {
            Jobs.TryRemove(ended.Id, out _);
        }

        return job;
    }

    /// <summary>Finds a migration.</summary>
    /// <exception cref="CommandException">There is none of that number, or it ended long ago.</exception>
    public static MigrationJob Get(int id) => Jobs.TryGetValue(id, out MigrationJob? job)
        ? job
        : throw NotFound(Text.Format(SR.MigrationNotFound, id), id);

    /// <summary>Finds the migration that a handle, or a copy of one, means: by what tells it from every other one in any process.</summary>
    /// <exception cref="CommandException">It is not one of this process, or it ended long ago.</exception>
    public static MigrationJob Get(InputRow handle) =>
        Guid.TryParse(handle.TextOf(nameof(MigrationInfo.InstanceId)), out Guid instance)
            && Jobs.Values.FirstOrDefault(job => job.InstanceId == instance) is { } found
            ? found
            : throw new CommandException(
                nameof(SR.MigrationElsewhere),
                ErrorCategory.ObjectNotFound,
                Text.Format(SR.MigrationElsewhere, handle.TextOf(nameof(MigrationInfo.Id)), handle.Name),
                SR.MigrationElsewhereRemedy,
                handle.Name ?? handle.Label);

    /// <summary>The migrations of the domains that are meant, oldest first.</summary>
    /// <param name="name">A domain's name, which must have moved, or a pattern, which may mean none.</param>
    /// <exception cref="CommandException">None is of a domain of that name.</exception>
    public static IReadOnlyList<MigrationJob> Match(string name) => Find(name).OrNoneOfPattern(() => NotFoundOf(name));

    /// <summary>As <see cref="Match"/> for who does something to them: a pattern that means none is an error too.</summary>
    public static IReadOnlyList<MigrationJob> Require(string name) => Find(name).OrFail(() => NotFoundOf(name));

    /// <summary>The migrations of the domain of exactly that name.</summary>
    /// <exception cref="CommandException">There is none.</exception>
    public static IReadOnlyList<MigrationJob> OfDomain(string name) =>
        All.Where(job => job.Location.Info.Name == name).ToArray() is { Length: > 0 } found ? found : throw NotFoundOf(name);

    /// <summary>The migration that holds a domain: one that is under way or interrupted; null where none does.</summary>
    public static MigrationJob? HolderOf(string domainName) => All.LastOrDefault(job =>
        job.Location.Info.Name == domainName && (job.IsActive || job.State == MigrationState.Interrupted));

    /// <summary>Whether a migration that is not at its end leaves or enters a host.</summary>
    public static bool Uses(string hostName) => Jobs.Values.Any(job =>
        (job.IsActive || job.State == MigrationState.Interrupted)
        && (string.Equals(job.Location.Host.Name, hostName, StringComparison.OrdinalIgnoreCase)
            || string.Equals(job.Destination.Name, hostName, StringComparison.OrdinalIgnoreCase)));

    private static NameMatch<MigrationJob> Find(string name) => NameRule.Find(name, All, job => job.Location.Info.Name);

    private static CommandException NotFoundOf(string name) => NotFound(Text.Format(SR.MigrationOfDomainNotFound, name), name);

    private static CommandException NotFound(string message, object target) => new(
        nameof(SR.MigrationNotFound), ErrorCategory.ObjectNotFound, message, SR.MigrationNotFoundRemedy, target);
}
