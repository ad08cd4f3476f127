using System.Diagnostics.CodeAnalysis;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.History;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Rehearsals;
using PreRecordMigration.Reporting;
using PreRecordMigration.Telemetry;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Operations;

/// <summary>
/// One migration of a process, from its start on. It runs on threads of its own, whatever becomes of whoever started it; its end is
/// always reached, and its outcome is kept. Where it stands is one state, which only this class changes.
/// </summary>
[SuppressMessage(
    "Design", "CA1001", Justification = "A cancellation without timer or wait handle holds nothing, and may be asked for at any time.")]
public sealed partial class MigrationJob : IProgress<MigrationProgress>, IProgress<MigrationTrace>, IProgress<MigrationWarning>
{
    private readonly Lock _changing = new();
    private readonly DateTimeOffset _started = TimeProvider.System.GetLocalNow();
    private readonly long _startedAt = TimeProvider.System.GetTimestamp();
    private readonly DomainWatch _watch = new();
    private readonly MigrationHistory _history;
    private readonly MigrationLimits _limits;
    private readonly List<MigrationWarning> _warnings = [];
    private int _attempts;
    private PlannedMove _move;
    private MoveSource? _source;
    private volatile JobState _state = new JobState.Running();
    private volatile CancellationTokenSource _cancellation = new();
    private volatile MigrationProgress? _progress;
    private Action<MigrationProgress>? _watchers;
    private Action<MigrationTrace>? _tracers;
    private Action<MigrationWarning>? _warners;
    private TimeSpan? _took;
    private DestinationEndpoint? _way;
    private IDisposable? _watching;

    private MigrationJob(int id, PlannedMove move, MoveSource? source, MigrationHistory history)
    {
        Id = id;
        _history = history;
        _move = move;
        _source = source;
        _limits = new MigrationLimits(move.Options.Bounds);
    }

    /// <summary>Names the migration in this process.</summary>
    public int Id { get; }

    /// <summary>Tells the migration from every other one, in any process.</summary>
    public Guid InstanceId { get; } = Guid.NewGuid();

    /// <summary>The domain that moves.</summary>
    public DomainLocation Location => _move.Location;

    /// <summary>Where it goes.</summary>
    public Destination Destination => _move.Destination;

    /// <summary>How long the destination may be silent.</summary>
    public TimeSpan PeerTimeout => _move.Options.PeerTimeout;

    /// <summary>Done when nothing of the migration runs any more; it never fails. A migration that is resumed has another end.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>Where it stands.</summary>
    public MigrationState State => _state.Shown;

    /// <summary>Why it ended, where it did not end well.</summary>
    public Exception? Error => _state.Error;

    /// <summary>What it did, once it is completed.</summary>
    public MigrationOutcome? Outcome => (_state as JobState.Completed)?.Outcome;

    /// <summary>Why its last end is not in the history; null where it is, or has not come.</summary>
    public MigrationException? HistoryProblem { get; private set; }

    /// <summary>Whether it is under way.</summary>
    public bool IsActive => _state.IsActive;

    /// <summary>Whether it has something of its domain: it is under way, or may be resumed.</summary>
    public bool HoldsDomain => _state.HoldsDomain;

    /// <summary>Whether another process began it, which was killed.</summary>
    internal bool IsTakenOver { get; private init; }

    /// <summary>Whether the domain has left its source: there is nothing to stop any more.</summary>
    public bool HasLeft => _watch.Holder is DomainHolder.Leaving or DomainHolder.Both or DomainHolder.Destination;

    /// <summary>Starts a move. <see cref="MigrationRegistry.Start"/> lists it.</summary>
    /// <param name="id">Its number.</param>
    /// <param name="move">What to move.</param>
    /// <param name="source">What was taken over to be moved.</param>
    /// <param name="watcher">Told of progress from the first report on; null for nobody.</param>
    /// <param name="tracer">Told of every step of the protocol; null for nobody.</param>
    /// <param name="warner">Told of bounds that are not kept; null for nobody.</param>
    /// <param name="history">Keeps how it ends.</param>
    internal static MigrationJob Start(
        int id,
        PlannedMove move,
        MoveSource source,
        Action<MigrationProgress>? watcher,
        Action<MigrationTrace>? tracer,
        Action<MigrationWarning>? warner,
        MigrationHistory history)
    {
        MigrationJob job = new(id, move, source, history) { _watchers = watcher, _tracers = tracer, _warners = warner };
        job.Begin(job._state, job.MoveAsync);
        return job;
    }

    /// <summary>
    /// Takes over a migration whose process was killed after its domain had left, and goes on with it. <see cref="MigrationRegistry.TakeOver"/>
    /// asks for it.
    /// </summary>
    /// <param name="id">Its number.</param>
    /// <param name="move">The domain, the receiver that has its other half, and what the administrator chooses; how memory travels is the migration's.</param>
    /// <param name="history">Keeps how it ends.</param>
    /// <exception cref="MigrationException">There is nothing that could be taken over, or another process has done it.</exception>
    internal static MigrationJob TakeOver(int id, PlannedMove move, MigrationHistory history)
    {
        DestinationEndpoint way = move.Destination.Reopen();
        MigrationJob job = new(id, move, null, history) { _way = way, IsTakenOver = true };
        InterruptedMigration taken = MigrationSource.TakeOver(
            move.Location.Host, move.Location.Info.Name, way.Route, move.Options with { Trace = job, Watch = job._watch, Limits = job._limits, Warnings = job });
        job._move = move with { Options = move.Options with { Method = taken.Method, Mode = taken.Mode } };
        job._state = new JobState.Interrupted(taken, new MigrationException(
            MigrationErrorId.ConnectionLost, $"The process that moved {taken.Domain.Name} was killed.", "Resume it.", taken.Domain.Name));
        return job;
    }

    /// <summary>
    /// Asks the migration to stop. Until the commit it does, and the domain runs on at the source; after it, the migration
    /// is finished all the same, or interrupted where the destination does nothing more for it.
    /// </summary>
    public void Cancel()
    {
        CancellationTokenSource cancellation;
        lock (_changing)
        {
            _state = _state is JobState.Running ? _state.Enter(new JobState.Stopping()) : _state;
            cancellation = _cancellation;
        }

        cancellation.Cancel();
    }

    /// <summary>Refuses a migration that cannot be stopped any more: it has ended, or its domain has left.</summary>
    /// <exception cref="OperationException">It cannot; the message says who has the domain.</exception>
    public void RequireStoppable()
    {
        JobState state = _state;
        if (!state.IsActive || HasLeft)
        {
            throw new OperationException(
                nameof(SR.MigrationNotStoppable),
                OperationProblem.State,
                Text.Format(
                    SR.MigrationNotStoppable, Id, Location.Info.Name, state.IsActive ? _progress?.Phase : state.Shown, ExplainHolder()),
                state.IsActive ? SR.MigrationNotStoppableRemedy : Text.Format(SR.MigrationEndedRemedy, Id),
                Location.Info.Name);
        }
    }

    /// <summary>Goes on with an interrupted migration, over a new connection. <see cref="MigrationRegistry.Resume"/> asks for it.</summary>
    /// <param name="way">Where to connect to; null for where it went before.</param>
    /// <exception cref="OperationException">It is not interrupted.</exception>
    internal void Resume(Route? way)
    {
        lock (_changing)
        {
            JobState.Interrupted interrupted = RequireInterrupted();
            _took = null;

            // That it was asked to stop before does not stop it now.
            CancellationToken cancellationToken = (_cancellation = new CancellationTokenSource()).Token;
            Begin(
                interrupted.Enter(new JobState.Running()),
                () => interrupted.Migration.ResumeAsync(way ?? _way!.Route, this, cancellationToken));
        }
    }

    /// <summary>
    /// Gives an interrupted migration up: what this process has of the domain, on either side, is destroyed.
    /// <see cref="MigrationRegistry.GiveUp"/> asks for it.
    /// </summary>
    /// <param name="receivers">The receivers of this process.</param>
    /// <exception cref="OperationException">It is not interrupted.</exception>
    internal void GiveUp(ReceiverRegistry receivers)
    {
        JobState.Interrupted interrupted;
        lock (_changing)
        {
            interrupted = RequireInterrupted();
            _state = interrupted.Enter(new JobState.GivingUp(interrupted.Reason));
        }

        CleanUp givingUp = new();
        givingUp.Try(interrupted.Migration.GiveUp);

        // The other half, where it is in this process: that of this migration, since another domain of the name may wait on another host.
        foreach (IncomingMigration incoming in receivers.Incoming.Where(incoming => incoming.Id == interrupted.Migration.Id))
        {
            givingUp.Try(() =>
            {
                // It may not have noticed yet that the source has gone, and would wait for it.
                incoming.Disconnect();
                StopPatience.Join([incoming.Ended]);
                if (incoming.IsUndecided)
                {
                    incoming.GiveUp();
                }
            });
        }

        givingUp.Try(() => LeaveAsync().AsTask().GetAwaiter().GetResult());
        End(givingUp.Errors.Count > 0
            ? new JobState.NotGivenUp(interrupted.Reason, givingUp.Errors[0])
            : new JobState.GivenUp(interrupted.Reason));
        givingUp.ThrowIfFailed();
    }

    /// <summary>Leaves an interrupted migration to whoever takes it over next. <see cref="MigrationRegistry.Relinquish"/> asks for it.</summary>
    /// <exception cref="OperationException">It is not interrupted.</exception>
    internal void Relinquish()
    {
        JobState.Interrupted interrupted;
        lock (_changing)
        {
            interrupted = RequireInterrupted();
            _state = interrupted.Enter(new JobState.Relinquished(interrupted.Reason));
        }

        CleanUp.All(interrupted.Migration.Relinquish, () => LeaveAsync().AsTask().GetAwaiter().GetResult());
    }

    /// <summary>Refuses a migration that is not interrupted.</summary>
    /// <exception cref="OperationException">It is not.</exception>
    public void RequireResumable() => RequireInterrupted();

    private JobState.Interrupted RequireInterrupted()
    {
        JobState state = _state;
        return state as JobState.Interrupted ?? throw new OperationException(
            nameof(SR.MigrationNotInterrupted),
            OperationProblem.State,
            Text.Format(SR.MigrationNotInterrupted, Id, Location.Info.Name, state.Shown, ExplainHolder()),
            state.IsActive ? SR.MigrationNotInterruptedRemedy : Text.Format(SR.MigrationEndedRemedy, Id),
            Location.Info.Name);
    }

    /// <summary>Begins an attempt. Whoever reads that the migration runs reads this attempt's end, too.</summary>
    private void Begin(JobState running, Func<Task<MigrationResult>> attempt)
    {
        _attempts++;
        Task<Task> begun = new(() => RunAsync(attempt), TaskCreationOptions.LongRunning);
        Ended = begun.Unwrap();
        _state = running;
        begun.Start(TaskScheduler.Default);
    }

    /// <summary>Takes an attempt to the state that it ends in. Its way is closed then, unless the migration may go on.</summary>
    private async Task RunAsync(Func<Task<MigrationResult>> attempt)
    {
        using TracedSpan? span = MigrationSpans.Begin(Location.Info.Name, Location.Host.Name, Destination.Name, _move.Options.Method, _attempts);
        JobState end = await TryAsync(attempt).ConfigureAwait(false);
        if (end is not JobState.Interrupted)
        {
            try
            {
                await LeaveAsync().ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Whatever it is, it is how the migration ends; nobody waits on this thread.
            catch (Exception error)
#pragma warning restore CA1031
            {
                end = new JobState.Failed(error);
            }
        }

        if (end.Error is { } failed)
        {
            span?.Fail(IdOf(failed));
        }

        End(end);
    }

    private async Task<JobState> TryAsync(Func<Task<MigrationResult>> attempt)
    {
        try
        {
            MigrationResult result = await attempt().ConfigureAwait(false);
            TimeSpan took = Stop();
            return new JobState.Completed(new MigrationOutcome(
                Id, _started, _started + took, result with { Destination = Destination.Name, ModeReason = _move.ModeReason }));
        }
        catch (MigrationInterruptedException error)
        {
            Stop();
            return new JobState.Interrupted(error.Migration, error);
        }
        catch (OperationCanceledException error)
        {
            Stop();
            return new JobState.Stopped(error);
        }
        catch (MigrationException error) when (error.ErrorId == MigrationErrorId.ConnectionLost && _cancellation.IsCancellationRequested)
        {
            // Who stops it before the commit ends its connections, and one that is just being opened may notice that first.
            Stop();
            return new JobState.Stopped(new OperationCanceledException(error.Message, error));
        }
#pragma warning disable CA1031 // Whatever it is, it is how the migration ends; nobody waits on this thread.
        catch (Exception error)
#pragma warning restore CA1031
        {
            Stop();
            return new JobState.Failed(error);
        }

        TimeSpan Stop()
        {
            TimeSpan took = TimeProvider.System.GetElapsedTime(_startedAt);
            _took = took;
            return took;
        }
    }

    private async Task<MigrationResult> MoveAsync()
    {
        // Here only, so that an ended migration keeps nothing of its domain.
        using MoveSource source = Interlocked.Exchange(ref _source, null)!;

        // Beside the connecting, so that it is over, as a rule, before the destination has made its domain.
        Task<Exception?> rehearsed = Rehearsal.Begin(_move.Options.Method, _move.Options.Mode);
        _way = Destination.Open(PeerTimeout);
        _watching = _way.Receiver?.Watch(Hear);
        return await source.MigrateAsync(
            _way.Route, options => options with { Trace = this, Watch = _watch, Limits = _limits, Warnings = this, Rehearsed = rehearsed }, this, _cancellation.Token).ConfigureAwait(false);
    }

    /// <summary>Hands on what the other side does, where it is in this process. Others may come in at a receiver that it shares.</summary>
    private void Hear(IncomingMigration incoming, MigrationTrace step)
    {
        if (_way?.Temporary is not null || incoming.DomainName == Location.Info.Name)
        {
            Report(step);
        }
    }

    /// <summary>
    /// Leaves the way to the destination: nothing more goes there. The job stays listed long after that, with its outcome: it
    /// lets go of the recording that it came from, of receivers, and of the pipelines that watched it.
    /// </summary>
    private async ValueTask LeaveAsync()
    {
        if (_way is { } way)
        {
            await way.DisposeAsync().ConfigureAwait(false);
        }

        _watching?.Dispose();
        Change(() => (_watchers, _tracers, _warners) = (null, null, null));
        (_way, _watching) = (null, null);
        _move = _move with { Recorded = null, Report = null };
    }

    /// <summary>Enters a state in which nothing of the migration runs, which the history has by then.</summary>
    private void End(JobState end)
    {
        HistoryEntry entry = HistoryOf(end);
        HistoryProblem = _history.Note(entry);
        Enter(end);
        MigrationMetrics.Note(entry);
    }

    private void Enter(JobState next) => Change(() => _state = _state.Enter(next));

    private void Change(Action change)
    {
        lock (_changing)
        {
            change();
        }
    }
}
