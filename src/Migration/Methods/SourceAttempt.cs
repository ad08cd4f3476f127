using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>
/// One attempt of a migration at its source, from connecting to the end of its connections: the session, and the threads
/// beside the owner's. The owner is the one thread that calls its methods; what others see is posted as events.
/// </summary>
internal sealed partial class SourceAttempt : IDisposable
{
    /// <summary>The name of the thread that answers demand faults.</summary>
    internal const string AnswerThread = "page answers";

    /// <summary>How long a session that has ended may still try to say so before its connections are closed under it.</summary>
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(2);

    private readonly SourceConnections _connections;
    private readonly SessionPump<SourceState, SourceEvent, SourceAction> _pump;
    private readonly SourceDispatcher _dispatcher;
    private readonly CancellationTokenSource _ended = new();
    private readonly CancellationTokenSource _running;
    private readonly CancellationTokenRegistration _cancelling;
    private readonly Timer _closing;
    private readonly ProgressWatch _watch;
    private readonly Workers _workers;
    private readonly Workers _demandWorkers;
    private readonly DemandGate _demand = new();
    private readonly ControlReader _control;
    private readonly Func<IGuestMemory> _memory;
    private readonly MigrationLimits _limits;
    private readonly PageCompression _compression;
    private ulong _capabilities;
    private PageSender? _pages;
    private SentPageTable? _sent;
    private PagePusher? _pusher;
    private readonly TaskCompletionSource<FaultServer> _serving = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private FaultServer? _faults;
    private IPushOrder? _live;

    private SourceAttempt(
        SourceConnections connections,
        SourceSession session,
        SourceCustody custody,
        Func<IGuestMemory> memory,
        MigrationOptions options,
        CancellationToken cancellationToken)
    {
        _connections = connections;
        _control = ControlReader.AtSource(custody.Domain.Info.PageCount);
        _memory = memory;
        _limits = options.Limits!;
        _compression = options.Compression;
        _dispatcher = new SourceDispatcher(custody, connections.Bulk.Send);
        _pump = new(session, _dispatcher.CarryOut, () => options.Trace) { Changed = OnChanged };
        _workers = new Workers(error => _pump.Post(SourceDispatcher.Failure(error)), connections.Dispose);
        _demandWorkers = new Workers(PostWhileNeeded, connections.Dispose);
        _closing = new Timer(_ => connections.Dispose());

        // Other bounds are another patience, which begins anew: what waited because of the old ones is about to go on.
        _watch = new ProgressWatch(
            options.Clock, () => options.PeerTimeout + TimeOfBatch(_limits.Now), () => ((State, _limits.Current), _sent?.Remaining ?? 0), OnStalled);
        _running = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ended.Token);

        // The session is told on the cancelling thread, so that nothing is committed between the cancellation and the abort.
        _cancelling = cancellationToken.UnsafeRegister(_ => OnCancelled(cancellationToken), null);
    }

    /// <summary>What failed once the outcome was decided.</summary>
    public IReadOnlyList<Exception> Afterwards => _dispatcher.Afterwards;

    /// <summary>The connections, which a resumption must lead to the same peer.</summary>
    public SourceConnections Connections => _connections;

    public Connection Bulk => _connections.Bulk;

    /// <summary>What sends pages that are not demanded. The owner's, and once it pushes that thread's; not before the destination has greeted.</summary>
    public PageSender Pages => _pages ??= new PageSender(Bulk, _limits, _compression, Volatile.Read(ref _capabilities));

    /// <summary>Bytes of the pages that it has sent, before compression and as they went.</summary>
    public (long Plain, long Sent) PageBytes => (_pages?.PlainBytes ?? 0, _pages?.Bytes ?? 0);

    public SourceState State => _pump.State;

    /// <summary>Cancelled by the administrator or by the session's end; until the commit every step observes it.</summary>
    public CancellationToken Token => _running.Token;

    /// <summary>Pages that went, but for the core state's, and were all zero.</summary>
    public long ZeroPages => (_pages?.ZeroPages ?? 0) + (_faults?.ZeroPages ?? 0);

    /// <summary>Pages still to be sent; null before the core state is out and with RemotePF off.</summary>
    public SentPageTable? Sent => _sent;

    /// <summary>Whether pages are pushed beside demand faults.</summary>
    public bool IsPaging => _pusher is not null;

    /// <summary>What the destination said is missing when this attempt resumed the migration; null before that, and in a first
    /// attempt.</summary>
    public PageBitmap? Missing { get; private set; }

    /// <summary>How long it took to note that the domain leaves; zero before that.</summary>
    public TimeSpan LeaveTime => _dispatcher.LeaveTime;

    /// <summary>What the handover took at the destination; null before it has said so, and where it says nothing of the kind.</summary>
    public HandoverTimesRecord? TimesThere { get; private set; }

    /// <summary>What the destination has seen of the domain; null before it has said so, and where it says nothing of the kind.</summary>
    public ObservationsRecord? Observed { get; private set; }

    /// <summary>The pages that the domain has: of others nothing can be said.</summary>
    public PageBitmap? Populated { get; set; }

    /// <summary>The pages that the guest has used at the destination; null where that is not said.</summary>
    public PageBitmap? Used { get; private set; }

    /// <summary>When the domain here was destroyed, as a timestamp; null before that.</summary>
    public long? DestroyedAt => _dispatcher.DestroyedAt;

    /// <summary>Pages that were asked for, and how long these requests have waited here.</summary>
    public (long Count, TimeSpan Waited) Requests => Volatile.Read(ref _faults)?.Requests ?? default;

    /// <summary>Called when the destination has said that every page is there.</summary>
    public Action? AllThere { get; set; }

    /// <summary>Connects for a new migration, agrees, and waits until the incoming domain exists.</summary>
    public static SourceAttempt Open(
        Route destination,
        PrepareRecord prepare,
        SourceCustody custody,
        Func<IGuestMemory> memory,
        MigrationOptions options,
        CancellationToken cancellationToken) =>
        new(SourceConnections.Open(destination, options, cancellationToken), new SourceSession(prepare), custody, memory, options, cancellationToken);

    /// <summary>Connects again for a migration whose connections were lost after the commit.</summary>
    public static SourceAttempt Reopen(
        Route destination,
        Continuation lost,
        SourceCustody custody,
        Func<IGuestMemory> memory,
        MigrationOptions options,
        CancellationToken cancellationToken) =>
        new(SourceConnections.Reopen(destination, lost, options, cancellationToken), SourceSession.Resume(), custody, memory, options, cancellationToken);

    /// <summary>Greets, and works until the session has come to a stage.</summary>
    public void Begin(SourceStage stage)
    {
        // A destination that gives up on the bulk connection may never greet on the other one.
        using CancellationTokenRegistration ungreeted = _ended.Token.UnsafeRegister(_ => _connections.Demand.Dispose(), null);
        _workers.Start("migration control", ReceiveControl);
        WelcomeDemand();

        // Requests are read from the welcome on, even while none are to be expected: this is how the end of the destination is heard.
        _demandWorkers.StartFirst("page requests", ReceiveRequests);
        WaitFor(stage);
    }

    /// <summary>Tells the session what happened.</summary>
    public void Post(SourceEvent e) => _pump.Post(e);

    /// <summary>Works until the session has come as far as a stage, or further.</summary>
    /// <exception cref="MigrationException">The session ended otherwise.</exception>
    public void WaitFor(SourceStage stage)
    {
        WorkUntil(stage, null);
        ThrowIfEnded();
    }

    /// <summary>Works until the session has come as far as a stage, or to its end.</summary>
    /// <returns>Whether it has; false where nothing happened for that long.</returns>
    public bool WorkUntil(SourceStage stage, TimeSpan? timeout) => _pump.WorkUntil(state => state.Stage >= stage, timeout);

    /// <summary>Works until the session is at its end, which it is about to be.</summary>
    public void WorkToEnd() => _pump.WorkUntil(_ => false);

    /// <summary>Starts to push and to answer faults.</summary>
    /// <param name="remaining">The pages that the destination does not have.</param>
    /// <param name="log">Told of each page that goes or is asked for.</param>
    public void StartPaging(PageBitmap remaining, SentPageLog log)
    {
        IGuestMemory memory = _memory();
        _sent = new SentPageTable(remaining);
        _pusher = new PagePusher(Pages, memory, _sent, new BandwidthLimiter(_limits, TimeProvider.System), _demand, log);
        Volatile.Write(ref _faults, new FaultServer(_connections.Demand, memory, _sent, _demand, pfn => Volatile.Read(ref _live)?.Steer(pfn), log));
        _workers.Start("page pusher", token =>
        {
            _pusher.Run(token);
            Post(new SourceEvent.PushedAll());
        });
        _serving.SetResult(_faults!);
        _demandWorkers.StartFirst(AnswerThread, _faults!.Answer);
    }

    /// <summary>Pushes pages as they are recorded, beside the window.</summary>
    public void Feed(int[] pfns) => _pusher?.Feed(pfns);

    /// <summary>Holds the push: nothing may stand in front of Commit, for the domain stands still until it is there.</summary>
    public void HoldPush() => _pusher?.Hold(Token);

    /// <summary>Ends the hold.</summary>
    public void ReleasePush() => _pusher?.Release();

    /// <summary>Pushes the rest. Where nothing is pushed, everything has been sent already.</summary>
    /// <param name="order">What to follow; null for nothing.</param>
    public void CompletePush(IPushOrder? order)
    {
        if (_pusher is null)
        {
            Post(new SourceEvent.PushedAll());
            return;
        }

        Volatile.Write(ref _live, order);
        _pusher.CompleteFeed(order);
    }

    /// <exception cref="MigrationException">The session has ended other than well.</exception>
    public void ThrowIfEnded()
    {
        switch (State)
        {
            case SourceState.Aborted aborted:
                throw aborted.Error;
            case SourceState.Detached detached:
                throw detached.Error;
        }
    }

    /// <summary>Ends what still runs: every thread has ended when this returns.</summary>
    public void Stop()
    {
        CleanUp.All(
            () => _closing.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan),
            _watch.Dispose,
            _workers.Stop,
            _demandWorkers.Stop,

            // A thread that is blocked in a socket ends with its connection.
            _connections.Dispose,
            _workers.Join,
            _demandWorkers.Join);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        CleanUp.All(
            _cancelling.Dispose,
            Stop,
            _workers.Dispose,
            _demandWorkers.Dispose,
            () => _pusher?.Dispose(),
            () => _faults?.Dispose(),
            _demand.Dispose,
            _closing.Dispose,
            _running.Dispose,
            _ended.Dispose);
    }

    /// <summary>How long one record of pages takes at the bandwidth limit: for that long it is no stall that nothing happens.</summary>
    private static TimeSpan TimeOfBatch(MigrationBounds bounds) => bounds.BandwidthLimit is long limit
        ? TimeSpan.FromSeconds((double)PagePusher.BatchPages * Page.Size / limit)
        : TimeSpan.Zero;

    private void OnCancelled(CancellationToken cancellationToken)
    {
        Post(SourceDispatcher.Failure(new OperationCanceledException(cancellationToken)));

        // After the commit the migration is finished all the same, as long as it makes progress.
        _watch.Start();
    }

    /// <summary>Posts a failure of the demand connection, unless every page is there: then neither a late request nor the end of that
    /// connection means anything.</summary>
    private void PostWhileNeeded(Exception error)
    {
        if (State.Stage < SourceStage.Releasing)
        {
            Post(SourceDispatcher.Failure(error));
        }
    }

    private void OnStalled() => Post(new SourceEvent.Failed(new MigrationException(
        MigrationErrorId.Cancelled,
        $"The migration was cancelled at the source after the commit, and nothing of it has happened for {PeerTimeout.Text(_watch.Patience)} since.",
        "Look at the destination's hypervisor, then resume it.")));

    private void OnChanged(SourceState state)
    {
        if (state is SourceState.Releasing)
        {
            AllThere?.Invoke();
        }

        if (state is SourceState.Aborted or SourceState.Detached)
        {
            // The owner may be blocked in a send to a peer that takes nothing.
            _closing.Change(s_farewell, Timeout.InfiniteTimeSpan);
            _ended.Cancel();
        }
    }
}
