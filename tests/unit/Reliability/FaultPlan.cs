using PreRecordMigration.Errors;

namespace PreRecordMigration.Tests.Reliability;

/// <summary>What is made to go wrong at a point.</summary>
public enum Upset
{
    /// <summary>A call fails without an effect.</summary>
    Fails,

    /// <summary>A call takes effect and reports an error all the same.</summary>
    FailsAfter,

    /// <summary>A call does not return until the other side has ended without it.</summary>
    Hangs,

    /// <summary>A call throws what nobody expects.</summary>
    Unknown,

    /// <summary>A call fails now and each time that it is made again in this attempt.</summary>
    FailsForGood,

    /// <summary>The bulk connection is lost.</summary>
    BulkCut,

    /// <summary>The demand connection is lost.</summary>
    DemandCut,

    /// <summary>Both connections are lost.</summary>
    BothCut,

    /// <summary>Nothing passes any more, and nothing is closed.</summary>
    Silent,

    /// <summary>The next record to the destination comes twice.</summary>
    DoubledToDestination,

    /// <summary>The next record to the source comes twice.</summary>
    DoubledToSource,

    /// <summary>The next record to the destination is lost together with the connections.</summary>
    DroppedToDestination,

    /// <summary>The next record to the source is lost together with the connections.</summary>
    DroppedToSource,

    /// <summary>The next record to the destination has a damaged header.</summary>
    CorruptedToDestination,

    /// <summary>The next record to the source has a damaged header.</summary>
    CorruptedToSource,

    /// <summary>The next record to the destination is of another length than it must be.</summary>
    MisshapenToDestination,

    /// <summary>The next record to the source is of another length than it must be.</summary>
    MisshapenToSource,

    /// <summary>The destination's process is killed.</summary>
    DestinationGone,

    /// <summary>The source's process is killed.</summary>
    SourceGone,
}

/// <summary>One thing that goes wrong: at the n-th passing of a point, counted from the disturbance before it.</summary>
public sealed record Disturbance(string Point, int Occurrence, Upset Upset)
{
    /// <summary>Whether it goes wrong in a call of the hypervisor's boundary, and not on the way between the sides.</summary>
    public bool IsCall => Upset <= Upset.FailsForGood;

    public override string ToString() => $"{Point} #{Occurrence} {Upset}";
}

/// <summary>A point that a migration passed.</summary>
/// <param name="Point">A call of the boundary, or a state of a session.</param>
/// <param name="Situation">Where both sides stood then.</param>
public sealed record Passage(string Point, string Situation);

/// <summary>An exception of a type that the engine has never heard of.</summary>
public sealed class UnheardOfException(string point) : Exception($"{point} threw what nobody expects.");

/// <summary>Disturbs one migration as planned, and notes every point that it passes: calls, and states of both sessions.</summary>
public sealed class FaultPlan(IReadOnlyList<Disturbance> disturbances)
{
    private static readonly TaskCompletionSource<string> s_never = new();
    private readonly Lock _lock = new();
    private readonly List<Passage> _log = [];
    private readonly HashSet<string> _failing = [];
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _hung = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _hungToo = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _next;
    private int _count;
    private bool _isOver;

    /// <summary>Carries out disturbances of the connections between the sides.</summary>
    public Action<Upset> OnTheWay { get; set; } = _ => { };

    /// <summary>Says where both sides stand. Called while the plan is locked: it must wait for nothing.</summary>
    public Func<string> Situation { get; set; } = () => "";

    /// <summary>Done when a call hangs: the point. Once it was released, an attempt that comes later meets no hang.</summary>
    public Task<string> Hung => _released.Task.IsCompleted ? s_never.Task : _hung.Task;

    /// <summary>Done when another call hangs beside it: the point.</summary>
    public Task<string> HungToo => _hungToo.Task;

    /// <summary>How many of the disturbances have happened.</summary>
    public int Come
    {
        get
        {
            lock (_lock)
            {
                return _next;
            }
        }
    }

    /// <summary>The points passed, in order.</summary>
    public Passage[] Log
    {
        get
        {
            lock (_lock)
            {
                return [.. _log];
            }
        }
    }

    /// <summary>How long the log was when the last disturbance came.</summary>
    public int LogAtLast { get; private set; }

    /// <summary>Lets go of whatever hangs.</summary>
    public void Release() => _released.TrySetResult();

    /// <summary>Ends the plan: nothing goes wrong any more and nothing is noted, because what follows only looks at the outcome.</summary>
    public void End()
    {
        lock (_lock)
        {
            _failing.Clear();
            _isOver = true;
        }
    }

    /// <summary>Mends what failed for good.</summary>
    public void Mend()
    {
        lock (_lock)
        {
            _failing.Clear();
        }
    }

    /// <summary>Passes the point of a session's state.</summary>
    public void PassState(string point)
    {
        if (Pass(point) is { } upset)
        {
            OnTheWay(upset);
        }
    }

    /// <summary>Makes a call, and passes its point.</summary>
    /// <param name="point">Which.</param>
    /// <param name="call">Makes it.</param>
    /// <param name="undo">Takes down what it made, as a host does that fails after it made something.</param>
    public T PassCall<T>(string point, Func<T> call, Action<T>? undo = null)
    {
        switch (Pass(point))
        {
            case Upset.Fails or Upset.FailsForGood:
                throw Failure(point);
            case Upset.Unknown:
                throw new UnheardOfException(point);
            case Upset.FailsAfter:
                T made = call();
                undo?.Invoke(made);
                throw Failure(point);
            case Upset.Hangs:
                if (!_hung.TrySetResult(point))
                {
                    _hungToo.TrySetResult(point);
                }

                _released.Task.Wait();
                break;
        }

        return call();
    }

    private static MigrationException Failure(string point) =>
        new(MigrationErrorId.HypervisorCall, $"{point} was made to fail.", "This failure was injected; remove it.");

    private Upset? Pass(string point)
    {
        lock (_lock)
        {
            if (_isOver)
            {
                return null;
            }

            _log.Add(new Passage(point, Situation()));
            if (_failing.Contains(point))
            {
                return Upset.Fails;
            }

            if (_next < disturbances.Count && disturbances[_next] is { } next && next.Point == point && ++_count == next.Occurrence)
            {
                (_next, _count, LogAtLast) = (_next + 1, 0, _log.Count);
                if (next.Upset == Upset.FailsForGood)
                {
                    _failing.Add(point);
                }

                return next.Upset;
            }

            return null;
        }
    }
}
