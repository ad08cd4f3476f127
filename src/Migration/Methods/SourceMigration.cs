using System.Globalization;
using System.Runtime;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>
/// One migration at its source, whatever number of attempts it takes: the custody of the domain, the recording, the counts,
/// and the steps of which the methods are composed. One thread calls the steps and owns the domain.
/// </summary>
internal sealed partial class SourceMigration : IDisposable
{
    /// <summary>Pages in a record of a round.</summary>
    internal const int RoundBatch = PagePusher.BatchPages;

    private static readonly TimeSpan s_reportInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a rehearsal that goes on may hold the move up.</summary>
    private static readonly TimeSpan s_rehearsalPatience = TimeSpan.FromSeconds(10);

    /// <summary>How long the destination may take over the final name; its own patience with a name that is taken is 30 s.</summary>
    private static readonly TimeSpan s_settlingPatience = TimeSpan.FromSeconds(45);

    private readonly PageBatch _batch = new();
    private readonly PageBitmap _populated;
    private DirtyRounds? _rounds;
    private Route _destination;
    private CancellationToken _cancellation;
    private DomainDescription? _announced;
    private SourceAttempt? _attempt;
    private Continuation? _continuation;
    private (long Bytes, long PlainBytes, long PageBytes, long ZeroPages) _earlier;
    private TimeSpan _committedAt;
    private TimeSpan _runningAt;
    private HandoverTimesRecord? _timesThere;
    private long _compiledAtStop;
    private TimeSpan _allThereAt;
    private long _earlyPages;
    private long _leftAtCommit;
    private int _corePages;
    private int _pageTablePages;
    private ExposureWatch? _exposure;
    private volatile bool _isGivenUp;

    /// <summary>What could not be taken away of attempts that lost their connections.</summary>
    private readonly CleanUp _leftOver = new();

    /// <summary>Prepares; nothing is done yet.</summary>
    /// <param name="custody">The domain, given over.</param>
    /// <param name="recorded">The recording whose domain it is; null in methods without one.</param>
    /// <param name="destination">The way to a receiver.</param>
    /// <param name="options">What the administrator chose.</param>
    /// <param name="progress">Told of progress; null for nobody.</param>
    /// <param name="cancellationToken">Gives up, until the commit.</param>
    public SourceMigration(
        SourceCustody custody,
        PreRecordSession? recorded,
        Route destination,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        CancellationToken cancellationToken)
    {
        Custody = custody;
        Recorded = recorded;
        Options = options.Limits is null ? options with { Limits = new MigrationLimits(options.Bounds) } : options;
        _destination = destination;
        _cancellation = cancellationToken;
        _populated = recorded?.Populated ?? custody.Domain.GetPopulatedPages();
        _pageLog = new SentPageLog(_populated.PageCount, TimeProvider.System);
        _speed = new SpeedLog(TimeProvider.System, () => Holder);
        options.Watch?.Follow(() => Holder);
        Log = new PhaseLog(progress is null ? null : new ThrottledProgress(progress), Status);
    }

    /// <summary>Takes over a migration that another process began: its domain has left, and is gone on with by <see cref="Reconnect"/>.</summary>
    /// <param name="custody">The domain, given over; it is leaving.</param>
    /// <param name="continuation">How it is gone on with.</param>
    /// <param name="destination">The way to the receiver that has the other half.</param>
    /// <param name="options">What the administrator chooses; how memory travels is the migration's.</param>
    public SourceMigration(SourceCustody custody, Continuation continuation, Route destination, MigrationOptions options)
        : this(custody, null, destination, options with { Method = continuation.Method, Mode = continuation.Mode }, null, CancellationToken.None)
    {
        _continuation = continuation;
        _originals = OpenOriginals(continuation);
    }

    public SourceCustody Custody { get; }

    public PreRecordSession? Recorded { get; }

    /// <summary>Who has the domain; from any thread.</summary>
    public DomainHolder Holder => Custody.Holding switch
    {
        SourceHolding.Running => DomainHolder.Source,
        SourceHolding.Stopped => DomainHolder.SourceStopped,
        SourceHolding.Leaving => Volatile.Read(ref _attempt)?.State.Stage >= SourceStage.Running ? DomainHolder.Both : DomainHolder.Leaving,
        _ => _isGivenUp ? DomainHolder.Nobody : DomainHolder.Destination,
    };

    public ISourceDomain Domain => Custody.Domain;

    public MigrationOptions Options { get; }

    /// <summary>The bounds, which may change at any time.</summary>
    public MigrationLimits Limits => Options.Limits!;

    public PhaseLog Log { get; }

    /// <summary>What the downtime goes into.</summary>
    public DowntimeClock Stop { get; } = new(TimeProvider.System);

    /// <summary>The pages that the domain has.</summary>
    public PageBitmap Populated => _populated;

    /// <summary>How fast pages have left in rounds.</summary>
    public SendPace Pace { get; } = new();

    /// <summary>The migration's id, the same at the destination; empty before it has connected.</summary>
    public Guid Id => _continuation?.Session ?? Guid.Empty;

    /// <summary>Cancelled by the administrator or by the session's end; until the commit every step observes it.</summary>
    public CancellationToken Token => _attempt?.Token ?? _cancellation;

    /// <summary>When memory travels.</summary>
    private PageArrival Arrival => !Options.IsSplit ? PageArrival.BeforeRun : Options.HasRounds ? PageArrival.Both : PageArrival.AfterRun;

    /// <summary>Pages that have not left for the destination; none where all had to be there before the domain left.</summary>
    private long LeftToSend => _attempt?.Sent?.Remaining ?? 0;

    /// <summary>The pages that no round has brought to the destination as they are now.</summary>
    private PageBitmap Left => _rounds?.Left ?? _populated;

    /// <summary>Connects, agrees, and waits until the incoming domain exists. The domain runs meanwhile.</summary>
    public void Prepare()
    {
        _speed.Begin(Domain, Log.Start);
        _announced = Domain.Describe();
        _attempt = SourceAttempt.Open(
            _destination, new PrepareRecord(_announced, Arrival), Custody, () => Memory, Options, _cancellation);
        _continuation = new Continuation(_attempt.Connections.Session, _attempt.Connections.Peer, Options.Method, Options.Mode);

        _attempt.Populated = _populated;
        _attempt.AllThere = () => _allThereAt = Log.Elapsed;
        _attempt.Begin(SourceStage.Open);
        _way = NotedWay.Of(_destination.Note?.ToString());
        AwaitRehearsal();
        _speed.Look();
    }

    /// <summary>Captures the core state of the suspended domain, page tables in front.</summary>
    /// <exception cref="MigrationException">The domain's memory map is no longer the one that was announced.</exception>
    public CoreState CaptureCoreState() => CoreStateCapture.Capture(Domain, _populated);

    /// <summary>Tells of a bound that is not kept.</summary>
    public void Warn(MigrationWarning warning) => Options.Warnings?.Report(warning);

    /// <summary>Begins to track what the domain writes, for rounds.</summary>
    public DirtyRounds BeginRounds()
    {
        _rounds = new DirtyRounds(this);
        _rounds.Begin();
        return _rounds;
    }

    /// <summary>Sends the core state; from here on pages outside it that are left are pushed or asked for.</summary>
    public void SendCore(CoreState core)
    {
        PageBitmap remaining = Left.Clone();
        ReadOnlySpan<int> pfns = core.Pages.Pfns;
        for (int start = 0; start < pfns.Length; start += _batch.Capacity)
        {
            ReadOnlySpan<int> part = pfns.Slice(start, Math.Min(_batch.Capacity, pfns.Length - start));
            _attempt!.Bulk.Send(_batch.Copy(
                RecordType.CorePages, part, core.Pages.Contents.Slice(start * Page.Size, part.Length * Page.Size)));
            _pageLog.Sent(SentPageKind.Core, part);
            foreach (int pfn in part)
            {
                remaining.TryClear(pfn);
            }
        }

        foreach (byte[] named in Arrival == PageArrival.Both ? RestPages.Encode(remaining) : [])
        {
            _attempt!.Bulk.Send(named);
        }

        _attempt!.Bulk.Send(new CoreStateRecord(core.Pages.Count, core.PageTablePageCount, core.Vcpus, core.Sections));
        (_core, _corePages, _pageTablePages) = (core, core.Pages.Count, core.PageTablePageCount);
        if (Options.IsSplit)
        {
            _attempt.StartPaging(remaining, _pageLog);
        }
    }

    /// <summary>Sends pages that must be there before the domain may run, and counts them. Until the commit only.</summary>
    public void SendBeforeRun(ReadOnlySpan<int> pfns)
    {
        BandwidthLimiter limiter = new(Limits, TimeProvider.System);
        for (int start = 0; start < pfns.Length; start += RoundBatch)
        {
            ReadOnlySpan<int> part = pfns.Slice(start, Math.Min(RoundBatch, pfns.Length - start));
            long began = TimeProvider.System.GetTimestamp();
            (int plain, int sent) = _attempt!.Pages.Send(part, Memory);
            Pace.Sent(plain, sent, TimeProvider.System.GetElapsedTime(began));

            // The first round sends every page once, and whatever else goes before the commit goes again.
            int first = (int)Math.Clamp(_populated.Count - _earlyPages, 0, part.Length);
            _pageLog.Sent(SentPageKind.Early, part[..first]);
            _pageLog.Sent(SentPageKind.Again, part[first..]);
            _earlyPages += part.Length;
            limiter.Sent(sent, Token);
            Log.Report();
        }
    }

    /// <summary>Pushes pages as they are recorded, beside the window.</summary>
    public void Feed(int[] pfns) => _attempt!.Feed(pfns);

    /// <summary>Notes the moment from which the domain does not run.</summary>
    public void NoteStop()
    {
        Options.Trace?.Report(MigrationTrace.Step("the domain is about to be stopped"));
        _speed.End();
        _compiledAtStop = JitInfo.GetCompiledMethodCount();
        Stop.Begin();
    }

    /// <summary>The domain is stopped for good: waits for the destination, commits, and waits until it runs there.</summary>
    public void Commit()
    {
        Domain.RequireUnchanged(_announced!);
        NoteDeparture();
        _attempt!.HoldPush();
        _leftAtCommit = _attempt.Sent?.Remaining ?? 0;
        Stop.End(DowntimeClock.Part.Commit);
        _attempt.Post(new SourceEvent.Stopped());
        _attempt.WaitFor(SourceStage.Committed);
        _committedAt = Log.Elapsed;
        Stop.EndCommit(_attempt.LeaveTime);
        _attempt.ReleasePush();

        // From here on the domain belongs to the destination: only its word, or the loss of it, ends the wait.
        AwaitExposed(SourceStage.Running, () => { });
        NoteRunning();
    }

    /// <summary>The good end: everything is there, so the domain here goes, and the destination is told.</summary>
    public MigrationResult Finish()
    {
        Log.Run(MigrationPhase.Finish, () =>
        {
            while (!_attempt!.WorkUntil(SourceStage.Finished, s_settlingPatience))
            {
                _attempt.Post(new SourceEvent.Lost(new MigrationException(
                    MigrationErrorId.ConnectionLost, "The destination did not say how its domain is named.", "Look there.")));
            }
        });
        _attempt!.ThrowIfEnded();
        return Describe((SourceState.Finished)_attempt.State);
    }

    /// <summary>
    /// The one abort path: ends the session with its reason, does what the session decides of the domain, joins every thread.
    /// </summary>
    /// <param name="cause">What ended it.</param>
    /// <param name="ending">Takes the steps, and keeps what fails of them: none of it keeps the next step from being taken.</param>
    /// <returns>The error that ended the session: the first one, not what followed from it. Null where the domain has moved.</returns>
    public Exception? Abort(Exception cause, CleanUp ending)
    {
        if (_attempt is null || cause is MigrationInterruptedException)
        {
            return cause;
        }

        ending.Try(() => _attempt.Post(SourceDispatcher.Failure(cause)));
        if (!_attempt.State.IsFinal)
        {
            // After the commit a cancellation stops nothing, but the step that threw it has ended.
            ending.Try(() => _attempt.Post(new SourceEvent.Failed(new MigrationException(
                MigrationErrorId.Cancelled, "The migration was cancelled at the source after the commit.", "Resume it.", null, cause))));
        }

        while (!ending.Try(_attempt.WorkToEnd))
        {
            // Whoever is told of a state may throw. What was due before is done, and the rest is done below.
        }

        ending.Try(_attempt.Stop);
        Exception? error = _attempt.State switch
        {
            SourceState.Finished => null,
            SourceState.Detached detached => AfterCommit((MigrationException)CleanUp.Attach(detached.Error, ending.Errors)),
            SourceState.Aborted when Custody.Holding == SourceHolding.Leaving => AfterCommit((MigrationException)CleanUp.Attach(WentBackOnItsWord(), ending.Errors)),
            SourceState.Aborted { Error.InnerException: OperationCanceledException cancelled } => cancelled,
            SourceState.Aborted aborted => aborted.Error,
            _ => cause,
        };
        return error is null or MigrationInterruptedException ? error : CleanUp.Attach(error, _attempt.Afterwards);
    }

    /// <summary>What the migration came to, once the domain has moved.</summary>
    public MigrationResult Describe() => Describe((SourceState.Finished)_attempt!.State);

    /// <summary>Joins every thread, and frees the domain as its custody says.</summary>
    public void Dispose() => CleanUp.All(_speed.Dispose, () => _attempt?.Dispose(), Custody.Dispose, LetOriginalsGo, () => Options.Watch?.End());

    /// <summary>Gives a rehearsal some time to end: the domain runs meanwhile. What comes of it changes nothing but what is told.</summary>
    /// <exception cref="OperationCanceledException">Given up meanwhile.</exception>
    private void AwaitRehearsal()
    {
        if (Options.Rehearsed is not { } rehearsed)
        {
            return;
        }

        bool hasEnded = Task.WaitAny([rehearsed], (int)s_rehearsalPatience.TotalMilliseconds, Token) == 0;
        Exception? failure = hasEnded ? rehearsed.IsCompletedSuccessfully ? rehearsed.Result : rehearsed.Exception : null;
        if (failure is not null)
        {
            Warn(new MigrationWarning(
                $"The handover could not be rehearsed, and '{Domain.Info.Name}' may stand still for a little longer than it had to: {failure.Message}"));
        }

        Options.Trace?.Report(MigrationTrace.Step(hasEnded && failure is null ? "the handover has been rehearsed" : "the handover has not been rehearsed"));
    }

    /// <summary>Notes the moment from which the domain runs at the destination, the first time that this side hears of it.</summary>
    private void NoteRunning()
    {
        if (_runningAt == TimeSpan.Zero)
        {
            _runningAt = Log.Elapsed;
            Stop.End(DowntimeClock.Part.AwaitRunning);
            Options.Trace?.Report(MigrationTrace.Step(string.Create(
                CultureInfo.InvariantCulture,
                $"the domain runs there, after {Stop.Total.TotalMilliseconds:0} ms in which this process compiled {JitInfo.GetCompiledMethodCount() - _compiledAtStop} methods")));
        }
    }

    private void AwaitAllThere() => AwaitExposed(SourceStage.Releasing, Log.Report);

    /// <summary>Waits, while the domain needs both hosts, until the session has come as far as a stage. Of a migration that was taken over it is
    /// not known since when it does: since it was taken over at least.</summary>
    /// <exception cref="MigrationException">The session ended otherwise.</exception>
    private void AwaitExposed(SourceStage stage, Action report)
    {
        _exposure ??= new ExposureWatch(Limits, Domain.Info.Name, Warn);
        _exposure.Look(Log.Elapsed - _committedAt, LeftToSend);
        while (!_attempt!.WorkUntil(stage, s_reportInterval))
        {
            report();
            _exposure.Look(Log.Elapsed - _committedAt, LeftToSend);
        }

        _attempt.ThrowIfEnded();
    }
}
