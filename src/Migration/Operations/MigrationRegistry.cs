using System.Collections.Concurrent;
using PreRecordMigration.Errors;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Operations;

/// <summary>
/// The migrations of a process: those under way or interrupted, and the last that ended. At the end those under way are stopped, or
/// finished where the domain is already leaving.
/// </summary>
public sealed class MigrationRegistry
{
    private readonly Workspace _workspace;
    private readonly ConcurrentDictionary<int, MigrationJob> _jobs = new();
    private int _lastId;

    internal MigrationRegistry(Workspace workspace) => _workspace = workspace;

    /// <summary>How many ended migrations are kept to be asked for; a test keeps fewer.</summary>
    internal int KeptEnded { get; set; } = 100;

    /// <summary>All migrations, oldest first.</summary>
    public IReadOnlyList<MigrationJob> All => [.. _jobs.Values.OrderBy(job => job.Id)];

    /// <summary>Starts a move under a number of its own, and lists it.</summary>
    /// <param name="move">What to move.</param>
    /// <param name="watcher">Told of progress from the first report on; null for nobody.</param>
    /// <param name="tracer">Told of every step of the protocol; null for nobody.</param>
    /// <param name="warner">Told of bounds that are not kept; null for nobody.</param>
    /// <exception cref="OperationException">The recording it starts from is not held any more, or the session ends.</exception>
    public MigrationJob Start(
        PlannedMove move,
        Action<MigrationProgress>? watcher = null,
        Action<MigrationTrace>? tracer = null,
        Action<MigrationWarning>? warner = null)
    {
        ArgumentNullException.ThrowIfNull(move);
        MoveSource source = move.Take(_workspace.Recordings);
        try
        {
            int id = Interlocked.Increment(ref _lastId);
            MigrationJob job = _workspace.Gate.Begin(() => _jobs[id] = MigrationJob.Start(id, move, source, watcher, tracer, warner, _workspace.History));
            ForgetFirstEnded();
            return job;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Takes over a migration whose process was killed after its domain had left, lists it, and goes on with it. One that this process has taken
    /// over and that is interrupted goes on, by the way that is given.
    /// </summary>
    /// <param name="move">The domain, the receiver that has its other half, and what the administrator chooses; how memory travels is the migration's.</param>
    /// <exception cref="OperationException">The session ends, or the destination has no receiver.</exception>
    /// <exception cref="MigrationException">There is nothing that could be taken over, or another process has done it.</exception>
    public MigrationJob TakeOver(PlannedMove move)
    {
        ArgumentNullException.ThrowIfNull(move);
        if (HolderOf(move.Location.Info.Name) is { IsTakenOver: true, State: MigrationState.Interrupted } taken
            && ReferenceEquals(taken.Location.Host, move.Location.Host))
        {
            // The same command again, because the destination did not answer: it is this process's already.
            Resume(taken, move.Destination.RouteToReceiver());
            return taken;
        }

        int id = Interlocked.Increment(ref _lastId);

        // Not at the gate, which nobody may hold for as long as a hypervisor's call takes: what is taken over stays as it is until it is resumed.
        MigrationJob job = MigrationJob.TakeOver(id, move, _workspace.History);
        Resume(_jobs[id] = job, null);
        ForgetFirstEnded();
        return job;
    }

    /// <summary>Goes on with an interrupted migration, over a new connection.</summary>
    /// <param name="job">The migration.</param>
    /// <param name="way">Where to connect to; null for where it went before.</param>
    /// <exception cref="OperationException">It is not interrupted, or the session ends.</exception>
    public void Resume(MigrationJob job, Route? way)
    {
        ArgumentNullException.ThrowIfNull(job);
        _workspace.Gate.Begin(() =>
        {
            job.Resume(way);
            return job;
        });
    }

    /// <summary>Gives an interrupted migration up: what this process has of the domain, on either side, is destroyed.</summary>
    /// <param name="job">The migration.</param>
    /// <exception cref="OperationException">It is not interrupted.</exception>
    /// <exception cref="MigrationException">Something of the domain could not be destroyed.</exception>
    public void GiveUp(MigrationJob job)
    {
        ArgumentNullException.ThrowIfNull(job);
        job.GiveUp(_workspace.Receivers);
    }

    /// <summary>Leaves an interrupted migration to whoever takes it over next, and lists it no more.</summary>
    /// <param name="job">The migration.</param>
    /// <exception cref="OperationException">It is not interrupted.</exception>
    internal void Relinquish(MigrationJob job)
    {
        job.Relinquish();
        _jobs.TryRemove(job.Id, out _);
    }

    /// <summary>Finds a migration.</summary>
    /// <param name="id">Its number.</param>
    /// <exception cref="OperationException">There is none of that number, or it ended long ago.</exception>
    public MigrationJob Get(int id) => _jobs.TryGetValue(id, out MigrationJob? job)
        ? job
        : throw NotFound(Text.Format(SR.MigrationNotFound, id), id);

    /// <summary>Finds a migration by what tells it from every other one in any process.</summary>
    /// <param name="instanceId">Its instance id.</param>
    /// <returns>The migration; null where it is not one of this process, or ended long ago.</returns>
    public MigrationJob? Find(Guid instanceId) => _jobs.Values.FirstOrDefault(job => job.InstanceId == instanceId);

    /// <summary>The migrations of the domain of exactly that name, oldest first.</summary>
    /// <param name="name">The domain.</param>
    /// <exception cref="OperationException">There is none.</exception>
    public IReadOnlyList<MigrationJob> OfDomain(string name) =>
        All.Where(job => job.Location.Info.Name == name).ToArray() is { Length: > 0 } found ? found : throw NoneOf(name);

    /// <summary>The migration that holds a domain: one that is under way or interrupted; null where none does.</summary>
    /// <param name="domainName">The domain.</param>
    public MigrationJob? HolderOf(string domainName) => All.LastOrDefault(job => job.Location.Info.Name == domainName && job.HoldsDomain);

    /// <summary>Whether a migration that is not at its end leaves or enters a host.</summary>
    /// <param name="hostName">The host.</param>
    public bool Uses(string hostName) => _jobs.Values.Any(job =>
        job.HoldsDomain
        && (string.Equals(job.Location.Host.Name, hostName, StringComparison.OrdinalIgnoreCase)
            || string.Equals(job.Destination.Name, hostName, StringComparison.OrdinalIgnoreCase)));

    /// <summary>The error of a domain of which no migration is known.</summary>
    /// <param name="name">What was asked for.</param>
    public static OperationException NoneOf(string name) => NotFound(Text.Format(SR.MigrationOfDomainNotFound, name), name);

    /// <summary>The error of a name or pattern of whose migrations none is under way any more.</summary>
    /// <param name="name">What was asked for.</param>
    public static OperationException NoneUnderWay(string name) => new(
        nameof(SR.MigrationNoneUnderWay),
        OperationProblem.NotFound,
        Text.Format(SR.MigrationNoneUnderWay, name),
        SR.MigrationNoneUnderWayRemedy,
        name);

    private void ForgetFirstEnded()
    {
        foreach (MigrationJob ended in All.Where(job => !job.HoldsDomain).SkipLast(KeptEnded))
        {
            _jobs.TryRemove(ended.Id, out _);
        }
    }

    private static OperationException NotFound(string message, object target) => new(
        nameof(SR.MigrationNotFound), OperationProblem.NotFound, message, SR.MigrationNotFoundRemedy, target);
}
