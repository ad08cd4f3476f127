using System.Diagnostics.CodeAnalysis;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// One migration of this process, from its start on. It runs on threads of its own, whatever becomes of the runspace that
/// started it; its end is always reached, and its outcome is kept.
/// </summary>
[SuppressMessage(
    "Design", "CA1001", Justification = "A cancellation without timer or wait handle holds nothing, and may be asked for at any time.")]
internal sealed class MigrationJob : IProgress<MigrationProgress>
{
    private readonly PlannedMove _move;
    private readonly MoveSource _source;
    private readonly CancellationTokenSource _cancellation = new();
    private readonly DateTimeOffset _started = TimeProvider.System.GetLocalNow();
    private readonly long _startedAt = TimeProvider.System.GetTimestamp();
    private volatile MigrationProgress? _progress;
    private Action<MigrationProgress>? _watchers;
    private TimeSpan? _took;

    private MigrationJob(int id, PlannedMove move, MoveSource source)
    {
        Id = id;
        _move = move;
        _source = source;
    }

    /// <summary>Names the migration in this process.</summary>
    public int Id { get; }

    /// <summary>The domain that moves.</summary>
    public DomainLocation Location => _move.Location;

    /// <summary>Where it goes.</summary>
    public Destination Destination => _move.Destination;

    /// <summary>Done when nothing of the migration runs any more.</summary>
    public Task<MigrationResult> Ended { get; private set; } = null!;

    /// <summary>Why it ended, where it did not end well.</summary>
    public Exception? Error => Ended.IsFaulted ? Ended.Exception.InnerException
        : Ended.IsCanceled ? new OperationCanceledException() : null;

    /// <summary>Where it stands.</summary>
    public MigrationState State => Ended.Status switch
    {
        TaskStatus.RanToCompletion => MigrationState.Completed,
        TaskStatus.Canceled => MigrationState.Stopped,
        TaskStatus.Faulted => Error is OperationCanceledException ? MigrationState.Stopped : MigrationState.Failed,
        _ => MigrationState.Running,
    };

    /// <summary>Starts a move, and lists it.</summary>
    /// <param name="move">What to move.</param>
    /// <param name="watcher">Told of progress from the first report on; null for nobody.</param>
    /// <exception cref="CommandException">The recording it starts from is not held any more.</exception>
    public static MigrationJob Start(PlannedMove move, Action<MigrationProgress>? watcher)
    {
        MoveSource source = move.Take();
        return MigrationRegistry.Add(id =>
        {
            MigrationJob job = new(id, move, source) { _watchers = watcher };
            job.Begin();
            return job;
        });
    }

    /// <summary>
    /// Asks the migration to stop. Until the commit it does, and the domain runs on at the source; after it, the migration
    /// is finished all the same.
    /// </summary>
    public void Cancel() => _cancellation.Cancel();

    /// <summary>Tells a watcher of progress from now on.</summary>
    /// <returns>Ends it.</returns>
    public IDisposable Watch(Action<MigrationProgress> watcher)
    {
        Change(() => _watchers += watcher);
        if (_progress is { } last)
        {
            watcher(last);
        }

        return new Watching(() => Change(() => _watchers -= watcher));
    }

    /// <inheritdoc/>
    public void Report(MigrationProgress value)
    {
        _progress = value;
        Volatile.Read(ref _watchers)?.Invoke(value);
    }

    /// <summary>The migration as it is now.</summary>
    public MigrationInfo Describe()
    {
        MigrationProgress? progress = _progress;
        MigrationState state = State;
        bool isRecorded = _move.Options.Method == Methods.MigrationMethod.PreRecord;
        return new MigrationInfo
        {
            Id = Id,
            DomainName = Location.Info.Name,
            Source = Location.Host.Name,
            Destination = Destination.Name,
            Method = _move.Options.Method,
            Mode = isRecorded ? _move.Options.Mode : null,
            State = state,
            Phase = progress?.Phase,
            PagesDone = progress?.PagesDone ?? 0,
            PagesTotal = progress?.PagesTotal ?? 0,
            BytesSent = progress?.BytesSent ?? 0,
            BytesPerSecond = progress?.BytesPerSecond ?? 0,
            Remaining = state == MigrationState.Running ? progress?.Remaining : null,
            Started = _started,
            Elapsed = _took ?? TimeProvider.System.GetElapsedTime(_startedAt),
            Result = state == MigrationState.Completed ? Ended.Result : null,
            Error = Error is null ? null : Outcome(Error),
        };
    }

    private string Outcome(Exception error) => error switch
    {
        OperationCanceledException => Text.Format(SR.OutcomeStopped, Location.Info.Name, Location.Host.Name),
        _ => error.Message,
    };

    private void Begin()
    {
        Task<Task<MigrationResult>> begun = new(RunAsync, TaskCreationOptions.LongRunning);
        Ended = begun.Unwrap();
        begun.Start(TaskScheduler.Default);
    }

    /// <summary>Moves the domain over a way that is closed again before this ends, whatever happens.</summary>
    private async Task<MigrationResult> RunAsync()
    {
        try
        {
            using MoveSource source = _source;
            DestinationEndpoint endpoint = Destination.Open();
            await using (endpoint.ConfigureAwait(false))
            {
                MigrationResult result = await source.MigrateAsync(endpoint.Address, this, _cancellation.Token).ConfigureAwait(false);
                return result with { Destination = Destination.Name };
            }
        }
        finally
        {
            _took = TimeProvider.System.GetElapsedTime(_startedAt);
        }
    }

    private void Change(Action change)
    {
        lock (_cancellation)
        {
            change();
        }
    }

    private sealed class Watching(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
