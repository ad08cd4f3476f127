using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;
using PreRecordMigration.Custody;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// One migration of this process, from its start on. It runs on threads of its own, whatever becomes of the runspace that
/// started it; its end is always reached, and its outcome is kept.
/// </summary>
[SuppressMessage(
    "Design", "CA1001", Justification = "A cancellation without timer or wait handle holds nothing, and may be asked for at any time.")]
internal sealed class MigrationJob : IProgress<MigrationProgress>, IProgress<MigrationTrace>
{
    private PlannedMove _move;
    private MoveSource? _source;
    private volatile CancellationTokenSource _cancellation = new();
    private readonly Lock _changing = new();
    private readonly DateTimeOffset _started = TimeProvider.System.GetLocalNow();
    private readonly long _startedAt = TimeProvider.System.GetTimestamp();
    private volatile MigrationProgress? _progress;
    private Action<MigrationProgress>? _watchers;
    private Action<MigrationTrace>? _tracers;
    private TimeSpan? _took;
    private DestinationEndpoint? _way;
    private IDisposable? _watching;
    private InterruptedMigration? _interrupted;
    private bool _isGivenUp;
    private Exception? _notGivenUp;
    private readonly DomainWatch _watch = new();

    private MigrationJob(int id, PlannedMove move, MoveSource source)
    {
        Id = id;
        _move = move;
        _source = source;
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

    /// <summary>Done when nothing of the migration runs any more.</summary>
    public Task<MigrationResult> Ended { get; private set; } = null!;

    /// <summary>Why it ended, where it did not end well.</summary>
    public Exception? Error => Ended.IsFaulted ? Ended.Exception.InnerException
        : Ended.IsCanceled ? new OperationCanceledException() : null;

    /// <summary>What it did, once it is completed.</summary>
    public MigrationOutcome? Outcome =>
        Ended.IsCompletedSuccessfully ? new MigrationOutcome(Id, _started, _started + (_took ?? TimeSpan.Zero), Ended.Result) : null;

    /// <summary>Where it stands.</summary>
    public MigrationState State => Ended.Status switch
    {
        TaskStatus.RanToCompletion => MigrationState.Completed,
        TaskStatus.Canceled => MigrationState.Stopped,
        TaskStatus.Faulted => Error switch
        {
            OperationCanceledException => MigrationState.Stopped,
            MigrationInterruptedException => _interrupted is null ? MigrationState.Failed : MigrationState.Interrupted,
            _ => MigrationState.Failed,
        },
        _ => _cancellation.IsCancellationRequested ? MigrationState.Stopping : MigrationState.Running,
    };

    /// <summary>Whether it is under way.</summary>
    public bool IsActive => State is MigrationState.Running or MigrationState.Stopping;

    /// <summary>Whether the domain has left its source: there is nothing to stop any more.</summary>
    public bool HasLeft => _watch.Holder is DomainHolder.Leaving or DomainHolder.Both or DomainHolder.Destination;

    /// <summary>Who has the domain, in words.</summary>
    public string ExplainHolder() => Text.Format(
        _watch.Holder switch
        {
            DomainHolder.Source => SR.HolderSource,
            DomainHolder.SourceStopped => SR.HolderSourceStopped,
            DomainHolder.Leaving => SR.HolderLeaving,
            DomainHolder.Both => SR.HolderBoth,
            DomainHolder.Destination => SR.HolderDestination,
            _ => SR.OutcomeGivenUp,
        },
        Location.Info.Name,
        Location.Host.Name,
        Destination.Name);

    /// <summary>What is said where nobody waits any more for a migration that was asked to stop: who has the domain, what goes
    /// on, and how that ends.</summary>
    public string ExplainGoingOn() => Text.Format(
        HasLeft ? SR.GoesOnMoving : SR.GoesOnStopping,
        Id,
        Location.Info.Name,
        _progress?.Phase,
        ExplainHolder(),
        Location.Host.Name,
        Destination.Name,
        Text.Duration(PeerTimeout));

    /// <summary>Starts a move, and lists it.</summary>
    /// <param name="move">What to move.</param>
    /// <param name="watcher">Told of progress from the first report on; null for nobody.</param>
    /// <param name="tracer">Told of every step of the protocol; null for nobody.</param>
    /// <exception cref="CommandException">The recording it starts from is not held any more, or the session ends.</exception>
    public static MigrationJob Start(PlannedMove move, Action<MigrationProgress>? watcher, Action<MigrationTrace>? tracer)
    {
        MoveSource source = move.Take();
        try
        {
            return MigrationRegistry.Add(id =>
            {
                MigrationJob job = new(id, move, source) { _watchers = watcher, _tracers = tracer };
                job.Begin(job.MoveAsync);
                return job;
            });
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Asks the migration to stop. Until the commit it does, and the domain runs on at the source; after it, the migration
    /// is finished all the same, or interrupted where the destination does nothing more for it.
    /// </summary>
    public void Cancel() => _cancellation.Cancel();

    /// <summary>Tells of progress, and of the protocol's steps, from now on.</summary>
    /// <param name="watcher">Told of progress.</param>
    /// <param name="tracer">Told of steps; null for nobody.</param>
    /// <returns>Ends it.</returns>
    public IDisposable Watch(Action<MigrationProgress> watcher, Action<MigrationTrace>? tracer)
    {
        Change(() => (_watchers, _tracers) = (_watchers + watcher, _tracers + tracer));
        if (_progress is { } last)
        {
            watcher(last);
        }

        return new Watching(() => Change(() => (_watchers, _tracers) = (_watchers - watcher, _tracers - tracer)));
    }

    /// <inheritdoc/>
    public void Report(MigrationProgress value)
    {
        _progress = value;
        Volatile.Read(ref _watchers)?.Invoke(value);
    }

    /// <inheritdoc/>
    public void Report(MigrationTrace value) => Volatile.Read(ref _tracers)?.Invoke(value);

    /// <summary>The migration as it is now.</summary>
    public MigrationInfo Describe()
    {
        MigrationProgress? progress = _progress;
        MigrationState state = State;
        MigrationOutcome? outcome = Outcome;
        bool isRecorded = _move.Options.Method == MigrationMethod.PreRecord;
        return new MigrationInfo
        {
            Id = Id,
            InstanceId = InstanceId,
            Name = Location.Info.Name,
            Source = Location.Host.Name,
            Destination = Destination.Name,
            Method = _move.Options.Method,
            Mode = isRecorded ? _move.Options.Mode : null,
            State = state,
            Phase = progress?.Phase,
            Holder = _watch.Holder,
            PagesDone = progress?.PagesDone ?? 0,
            PagesTotal = progress?.PagesTotal ?? 0,
            BytesSent = progress?.BytesSent ?? 0,
            BytesPerSecond = outcome?.BytesPerSecond ?? (_took is { } took ? Rates.Average(progress?.BytesSent ?? 0, took) : (long)(progress?.BytesPerSecond ?? 0)),
            Remaining = IsActive ? progress?.Remaining?.TotalSeconds : null,
            Started = _started,
            Ended = _started + _took,
            Elapsed = outcome?.TotalTime ?? (_took ?? TimeProvider.System.GetElapsedTime(_startedAt)).TotalSeconds,
            Outcome = outcome,
            Error = Error is null ? null : Explain(Error),
        };
    }

    private string Explain(Exception error) => error switch
    {
        _ when _notGivenUp is { } left => Text.Format(SR.OutcomeNotGivenUp, Location.Info.Name, left.Message),
        _ when _isGivenUp => Text.Format(SR.OutcomeGivenUp, Location.Info.Name),
        OperationCanceledException => Text.Format(SR.OutcomeStopped, Location.Info.Name, Location.Host.Name),
        _ => error.Message,
    };

    /// <summary>Goes on with an interrupted migration, over a new connection.</summary>
    /// <param name="way">Where to connect to; null for where it went before.</param>
    /// <exception cref="CommandException">It is not interrupted.</exception>
    public void Resume(Route? way)
    {
        InterruptedMigration interrupted = TakeInterrupted();
        _took = null;

        // That it was asked to stop before does not stop it now.
        CancellationToken cancellationToken = (_cancellation = new CancellationTokenSource()).Token;
        Begin(() => FollowAsync(interrupted.ResumeAsync(way ?? _way!.Route, this, cancellationToken)));
    }

    /// <summary>Gives an interrupted migration up: what this process has of the domain, on either side, is destroyed.</summary>
    /// <exception cref="CommandException">It is not interrupted.</exception>
    public void GiveUp()
    {
        InterruptedMigration interrupted = TakeInterrupted();
        _isGivenUp = true;
        CleanUp givingUp = new();
        givingUp.Try(interrupted.GiveUp);
        foreach (IncomingMigration incoming in ReceiverRegistry.Listening.SelectMany(receiver => receiver.Incoming))
        {
            // Its own other half: another domain of that name may wait on another host. It may not have heard yet that the source
            // has gone, and would wait for it.
            if (incoming.Id == interrupted.Id)
            {
                givingUp.Try(() =>
                {
                    incoming.Disconnect();
                    StopPatience.Join([incoming.Ended]);
                    if (incoming.IsUndecided)
                    {
                        incoming.GiveUp();
                    }
                });
            }
        }

        givingUp.Try(() => LeaveAsync().AsTask().GetAwaiter().GetResult());
        _notGivenUp = givingUp.Errors.Count > 0 ? givingUp.Errors[0] : null;
        givingUp.ThrowIfFailed();
    }

    /// <summary>Refuses a migration that is not interrupted.</summary>
    /// <exception cref="CommandException">It is not.</exception>
    public void RequireInterrupted()
    {
        if (_interrupted is null)
        {
            throw NotInterrupted();
        }
    }

    private InterruptedMigration TakeInterrupted() => Interlocked.Exchange(ref _interrupted, null) ?? throw NotInterrupted();

    private CommandException NotInterrupted() => new(
        nameof(SR.MigrationNotInterrupted),
        ErrorCategory.InvalidOperation,
        Text.Format(SR.MigrationNotInterrupted, Id, Location.Info.Name, State, ExplainHolder()),
        IsActive ? SR.MigrationNotInterruptedRemedy : Text.Format(SR.MigrationEndedRemedy, Id),
        Location.Info.Name);

    private void Begin(Func<Task<MigrationResult>> move)
    {
        Task<Task<MigrationResult>> begun = new(move, TaskCreationOptions.LongRunning);
        Ended = begun.Unwrap();
        begun.Start(TaskScheduler.Default);
    }

    private async Task<MigrationResult> MoveAsync()
    {
        // Here only, so that an ended migration keeps nothing of its domain.
        using MoveSource source = Interlocked.Exchange(ref _source, null)!;
        _way = Destination.Open(PeerTimeout);
        _watching = _way.Receiver?.Watch(Hear);
        return await FollowAsync(source.MigrateAsync(_way.Route, this, this, _watch, _cancellation.Token)).ConfigureAwait(false);
    }

    /// <summary>Follows a move to its end. Its way is closed again then, unless it is needed to go on.</summary>
    private async Task<MigrationResult> FollowAsync(Task<MigrationResult> moving)
    {
        bool isKept = false;
        try
        {
            MigrationResult result = await moving.ConfigureAwait(false);
            return result with { Destination = Destination.Name, ModeReason = _move.ModeReason };
        }
        catch (MigrationInterruptedException error)
        {
            isKept = true;
            _interrupted = error.Migration;
            throw;
        }
        finally
        {
            _took = TimeProvider.System.GetElapsedTime(_startedAt);
            if (!isKept)
            {
                await LeaveAsync().ConfigureAwait(false);
            }
        }
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
        await _way!.DisposeAsync().ConfigureAwait(false);
        _watching?.Dispose();
        Change(() => (_watchers, _tracers) = (null, null));
        (_way, _watching) = (null, null);
        _move = _move with { Recorded = null, Report = null };
    }

    private void Change(Action change)
    {
        lock (_changing)
        {
            change();
        }
    }

    private sealed class Watching(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
