using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>
/// One migration at its source: the steps of which the methods are composed. One thread calls the steps and owns the
/// domain; beside it one pushes, one reads page requests, one answers them, and one receives control records.
/// </summary>
internal sealed partial class SourceMigration : IDisposable
{
    /// <summary>The name of the thread that answers demand faults.</summary>
    internal const string AnswerThread = "page answers";

    private static readonly TimeSpan s_reportInterval = TimeSpan.FromMilliseconds(200);
    private readonly PageBatch _batch = new();
    private Route _destination;
    private CancellationToken _cancellation;
    private CancellationTokenSource _running;
    private Workers _workers;
    private DemandGate _demand = new();
    private SentPageTable? _sent;
    private PagePusher? _pusher;
    private FaultServer? _faults;
    private LivePageOrder? _live;
    private CancellationTokenRegistration _endWatch;
    private TimeSpan _stoppedAt;
    private TimeSpan _committedAt;
    private TimeSpan _runningAt;
    private long _roundPages;
    private int _corePages;
    private int _pageTablePages;

    public SourceMigration(
        PreRecordSession session,
        Route destination,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        CancellationToken cancellationToken)
    {
        Session = session;
        Options = options;
        _destination = destination;
        _cancellation = cancellationToken;
        _running = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Log = new PhaseLog(progress is null ? null : new ThrottledProgress(progress), Status);
        _workers = NewWorkers();
    }

    public PreRecordSession Session { get; }

    public ISourceDomain Domain => Session.Domain;

    public MigrationOptions Options { get; }

    public PhaseLog Log { get; }

    public SourceLink? Link { get; private set; }

    /// <summary>Cancelled by the administrator or by the session's end; until the commit every step observes it.</summary>
    public CancellationToken Token => _running.Token;

    private PageOrderOptions OrderOptions => PageOrderOptions.Default with
    {
        Bandwidth = Options.BandwidthLimit ?? PageOrderOptions.Default.Bandwidth,
    };

    public bool RemotePF => Options.RemotePF ?? Options.Method != MigrationMethod.PreCopy;

    /// <summary>Connects, agrees, and waits until the incoming domain exists. The domain runs meanwhile.</summary>
    public void Prepare()
    {
        Link = SourceLink.Open(_destination, new PrepareRecord(Domain.Describe(), RemotePF), Options.PeerTimeout, Options.Trace, Token);
        _endWatch = Link.Ended.UnsafeRegister(_ => _running.Cancel(), null);
        using CancellationTokenRegistration unblock = _cancellation.UnsafeRegister(
            _ => Link.Post(SourceLink.Failure(new OperationCanceledException(_cancellation))), null);
        // A destination that gives up on the bulk connection may never greet on the other one.
        using CancellationTokenRegistration ungreeted = Link.Ended.UnsafeRegister(_ => Link.Demand.Dispose(), null);
        _workers.Start("migration control", Link.ReceiveControl);
        Link.WelcomeDemand();
        Link.WaitFor(SourceStage.Open, Token);
    }

    /// <summary>Sends the core state; from here on pages outside it are pushed or asked for.</summary>
    public void SendCore(CoreState core)
    {
        PageBitmap remaining = Session.Populated.Clone();
        ReadOnlySpan<int> pfns = core.Pages.Pfns;
        for (int start = 0; start < pfns.Length; start += _batch.Capacity)
        {
            ReadOnlySpan<int> part = pfns.Slice(start, Math.Min(_batch.Capacity, pfns.Length - start));
            Link!.Bulk.Send(_batch.Copy(
                RecordType.CorePages, part, core.Pages.Contents.Slice(start * Page.Size, part.Length * Page.Size)));
            foreach (int pfn in part)
            {
                remaining.TryClear(pfn);
            }
        }

        Link!.Bulk.Send(new CoreStateRecord(core.Pages.Count, core.PageTablePageCount, core.Vcpus, core.Sections));
        (_corePages, _pageTablePages) = (core.Pages.Count, core.PageTablePageCount);
        if (RemotePF)
        {
            StartPaging(remaining);
        }
    }

    /// <summary>Sends pages that must be there before the domain may run, and counts them. Until the commit only.</summary>
    public void SendBeforeRun(ReadOnlySpan<int> pfns)
    {
        BandwidthLimiter limiter = new(Options.BandwidthLimit, TimeProvider.System);
        for (int start = 0; start < pfns.Length; start += PagePusher.BatchPages)
        {
            ReadOnlySpan<int> part = pfns.Slice(start, Math.Min(PagePusher.BatchPages, pfns.Length - start));
            ReadOnlyMemory<byte> record = _batch.Read(RecordType.Pages, part, Session.Memory);
            Link!.Bulk.Send(record);
            _roundPages += part.Length;
            limiter.Sent(record.Length, Token);
            Log.Report();
        }
    }

    /// <summary>Pushes pages as they are recorded, beside the window.</summary>
    public void Feed(int[] pfns) => _pusher?.Feed(pfns);

    /// <summary>Notes the moment from which the domain does not run.</summary>
    public void NoteStop() => _stoppedAt = Log.Elapsed;

    /// <summary>The domain is stopped for good: waits for the destination, commits, and waits until it runs there.</summary>
    public void Commit()
    {
        // Nothing may stand in front of Commit on the bulk connection: the domain stands still until it is there.
        _pusher?.Hold();
        Token.ThrowIfCancellationRequested();
        Link!.Post(new SourceEvent.Stopped());
        Link.WaitFor(SourceStage.Committed, Token);
        _committedAt = Log.Elapsed;
        _pusher?.Release();

        // From here on the domain belongs to the destination: only its word, or the loss of it, ends the wait.
        Link.WaitFor(SourceStage.Running, CancellationToken.None);
        _runningAt = Log.Elapsed;
    }

    /// <summary>Pushes the rest in order beside the demand faults, and waits until every page has been placed.</summary>
    public void PushRest(PageOrder? order)
    {
        if (_pusher is not null)
        {
            LivePageOrder? live = order is null ? null : new LivePageOrder(order, _sent!.Unclaimed, OrderOptions);
            Volatile.Write(ref _live, live);
            _pusher.CompleteFeed(live);
        }
        else
        {
            Link!.Post(new SourceEvent.PushedAll());
        }

        AwaitEnd();
    }

    /// <summary>Waits until every page has been placed.</summary>
    private void AwaitEnd()
    {
        while (Link!.State is not SourceState.Finished)
        {
            Link.ThrowIfEnded();
            Link.WaitForChange(s_reportInterval);
            Log.Report();
        }
    }

    /// <summary>The order in which the pages outside the core state go.</summary>
    public PageOrder Order()
    {
        PageBitmap remaining = _sent?.GetUnclaimed() ?? Session.Populated.Clone();
        if (Options.Order is null && Options.Method != MigrationMethod.PreRecord)
        {
            return PageOrder.Sequential(remaining);
        }

        return PageOrder.Build(
            remaining, Session.Trajectory, Options.Order ?? [PageOrderStrategy.RecordedFirst], OrderOptions);
    }

    /// <summary>The good end: everything is there, so the domain here goes, and the destination is told.</summary>
    public MigrationResult Finish()
    {
        CompleteRecord report = ((SourceState.Finished)Link!.State).Report;
        TimeSpan exposureEnd = Log.Elapsed;
        Log.Run(MigrationPhase.Finish, () =>
        {
            // Destroyed before its traps are removed: there is nothing left to untrap.
            Domain.Destroy();
            Link.TellReleased();
            Session.Forget();
        });
        bool isRecorded = Options.Method == MigrationMethod.PreRecord;
        bool isRollback = isRecorded && Session.Backups is not null;
        return new MigrationResult
        {
            Name = Domain.Info.Name,
            Source = Domain.Info.HostName,
            Destination = _destination.ToString(),
            Method = Options.Method,
            Mode = isRecorded ? Session.Options.Mode : null,
            Phases = Log.Phases,
            TotalTime = Log.Elapsed,
            Downtime = _runningAt - _stoppedAt,
            CheckpointPause = isRollback ? Session.CheckpointPause : TimeSpan.Zero,
            DiscardedExecution = isRollback ? Session.WindowTime : TimeSpan.Zero,
            Exposure = exposureEnd - _committedAt,
            BytesSent = _earlier.Bytes + Link.BytesSent,
            PagesPushed = _earlier.Pushed + _roundPages + (_pusher?.PagesPushed ?? 0),
            PagesDemanded = _earlier.Demanded + (_faults?.PagesDemanded ?? 0),
            CorePages = _corePages,
            PageTablePages = _pageTablePages,
            RecordedPages = isRecorded ? Session.RecordedPages : 0,
            BackedUpPages = isRollback ? Session.Backups!.Count : 0,
            RemoteFaults = report.RemoteFaults,
            FaultLatency = report.Latency,
            RollbackProof = isRollback ? Session.Proof : null,
        };
    }

    /// <summary>
    /// The one abort path: ends the session with its reason, joins every thread, and leaves the domain as the session's
    /// end demands: running here, or (after the commit) stopped with its memory.
    /// </summary>
    /// <returns>The error that ended the session: the first one, not what followed from it.</returns>
    public Exception Abort(Exception cause)
    {
        if (Link is null || cause is MigrationInterruptedException)
        {
            return cause;
        }

        Link.Post(SourceLink.Failure(cause));
        Exception error = Link.State switch
        {
            SourceState.Detached detached => AfterCommit(detached.Error),
            SourceState.Aborted { Error.InnerException: OperationCanceledException cancelled } => cancelled,
            SourceState.Aborted aborted => aborted.Error,
            _ => cause,
        };
        StopWorkers();
        if (Link.DomainAction == SourceAction.KeepStopped)
        {
            Session.KeepStopped();
        }
        else
        {
            Session.LetGo();
        }

        return error;
    }

    public void Dispose()
    {
        StopWorkers();
        _workers.Dispose();
        _pusher?.Dispose();
        _faults?.Dispose();
        _demand.Dispose();
        _endWatch.Dispose();
        Link?.Dispose();
        _running.Dispose();
    }

    private Workers NewWorkers() => new(e => Link?.Post(SourceLink.Failure(e)));

    private void StartPaging(PageBitmap remaining)
    {
        _sent = new SentPageTable(remaining);
        _pusher = new PagePusher(
            Link!.Bulk, Session.Memory, _sent, new BandwidthLimiter(Options.BandwidthLimit, TimeProvider.System), _demand);
        _faults = new FaultServer(
            Link.Demand, Session.Memory, _sent, _demand, () => Link.State.MayAnswerFaults, pfn => Volatile.Read(ref _live)?.Steer(pfn));
        _workers.Start("page pusher", token =>
        {
            _pusher.Run(token);
            Link.Post(new SourceEvent.PushedAll());
        });
        _workers.Start("page requests", _faults.ReadRequests);
        _workers.Start(AnswerThread, _faults.Answer);
    }

    private void StopWorkers()
    {
        // A thread that is blocked in a socket ends with its connection.
        _workers.Stop();
        Link?.CloseConnections();
        _workers.Join();
    }

    private (long Done, long Total, long Bytes) Status()
    {
        long total = Session.Populated.Count;
        long done = _sent is null ? _roundPages : total - _sent.Remaining;
        return (Math.Min(done, total), total, _earlier.Bytes + (Link?.BytesSent ?? 0));
    }
}
