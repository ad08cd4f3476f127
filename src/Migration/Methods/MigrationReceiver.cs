using System.Collections.Concurrent;
using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>Listens for migrations into a host: on loopback, or anywhere for peers with a trusted certificate.</summary>
public sealed partial class MigrationReceiver : IAsyncDisposable
{
    private const int MaximumRejections = 100;
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(2);
    private readonly ReceiverListener _listener;
    private readonly Lock _gate = new();
    private readonly ConnectionPairing _pairing = new();
    private readonly List<IncomingMigration> _incoming = [];
    private readonly ConcurrentQueue<MigrationException> _rejections = new();
    private readonly Arrivals _arrivals;
    private readonly AcceptLoop _accepting;
    private readonly Thread _acceptor;
    private readonly TimeSpan _peerTimeout;
    private readonly TimeProvider _clock;
    private volatile bool _isStopping;
    private bool _takesNew = true;

    private MigrationReceiver(IMigrationHost host, ReceiverListener listener, TimeProvider clock, TimeSpan peerTimeout, MemoryBudget budget)
    {
        Host = host;
        Budget = budget;
        _clock = clock;
        _peerTimeout = peerTimeout;
        _listener = listener;
        _arrivals = new Arrivals(clock, OnEnded);
        _accepting = new AcceptLoop(listener.Accept, Greet, error => Note(ProtocolErrors.Lost(error)), _arrivals.MakeRoom, clock);
        _acceptor = new Thread(_accepting.Run) { Name = "migration receiver", IsBackground = true };
    }

    /// <summary>The host into which domains come.</summary>
    public IMigrationHost Host { get; }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Endpoint => _listener.Endpoint;

    /// <summary>How long a source may be silent before the connection to it counts as lost.</summary>
    public TimeSpan MaximumSilence => _peerTimeout;

    /// <summary>The way to it from this process.</summary>
    public Route Route => _listener.Route;

    /// <summary>What it presents and whom it trusts; null where it listens on loopback without TLS.</summary>
    public TlsIdentity? Identity => _listener.Identity;

    /// <summary>The migrations that have come, oldest first; of those that have ended well or were given up, the last
    /// <see cref="MaximumEnded"/> of each source.</summary>
    public IReadOnlyList<IncomingMigration> Incoming
    {
        get
        {
            lock (_gate)
            {
                return [.. _incoming];
            }
        }
    }

    /// <summary>
    /// The migrations whose domain never ran here and could not be destroyed yet. Who stops the receiver tries it again, and so does
    /// the source that comes back, the administrator who gives it up, and the next arrival of the domain.
    /// </summary>
    public IReadOnlyList<IncomingMigration> Left => [.. Incoming.Where(incoming => incoming.IsUndestroyed)];

    /// <summary>Why connections were turned away, oldest first; the last hundred.</summary>
    public IReadOnlyList<MigrationException> Rejections => [.. _rejections];

    /// <summary>The memory of this process that the migrations of all its receivers share.</summary>
    internal MemoryBudget Budget { get; }

    /// <summary>Connections that have come, have their time, and do not belong to a migration yet.</summary>
    internal int Arriving => _arrivals.Count;

    /// <summary>Connections that have greeted and wait for their partner.</summary>
    internal int WaitingConnections
    {
        get
        {
            lock (_gate)
            {
                return _pairing.Count;
            }
        }
    }

    /// <summary>Starts to listen on loopback, for sources of the same user: they prove that they have the user's key.</summary>
    /// <param name="host">The host into which domains come; the caller keeps it.</param>
    /// <param name="listen">A loopback address; port 0 for any free one.</param>
    /// <param name="peerTimeout">How long a source may be silent; null for <see cref="PeerTimeout.Default"/>.</param>
    /// <exception cref="MigrationException">The address is not loopback, or is in use, or the time is out of bounds.</exception>
    public static MigrationReceiver Start(IMigrationHost host, IPEndPoint listen, TimeSpan? peerTimeout = null) =>
        Start(host, listen, null, TimeProvider.System, peerTimeout);

    /// <summary>Starts to listen for this process alone: only <see cref="Route"/> leads to it.</summary>
    /// <param name="host">The host into which domains come; the caller keeps it.</param>
    /// <param name="peerTimeout">How long a source may be silent; null for <see cref="PeerTimeout.Default"/>.</param>
    /// <exception cref="MigrationException">The time is out of bounds.</exception>
    public static MigrationReceiver StartPrivate(IMigrationHost host, TimeSpan? peerTimeout = null) =>
        Start(host, new IPEndPoint(IPAddress.Loopback, 0), null, TimeProvider.System, peerTimeout, LoopbackKey.Fresh());

    /// <summary>Starts to listen for peers that prove by TLS 1.3 who they are.</summary>
    /// <param name="host">The host into which domains come; the caller keeps it.</param>
    /// <param name="listen">Any address of this machine; port 0 for any free one.</param>
    /// <param name="identity">What it presents and whom it trusts.</param>
    /// <param name="peerTimeout">How long a source may be silent; null for <see cref="PeerTimeout.Default"/>.</param>
    /// <exception cref="MigrationException">The address is in use, the certificate is not valid now, or the time is out of
    /// bounds.</exception>
    public static MigrationReceiver Start(IMigrationHost host, IPEndPoint listen, TlsIdentity identity, TimeSpan? peerTimeout = null) =>
        Start(host, listen, identity, TimeProvider.System, peerTimeout);

    /// <summary>
    /// Takes no new migration in, gives up those whose domain does not run here yet and waits for those whose domain does, as
    /// long as they come on; then stops listening. Where one has lost its source meanwhile, the domain is kept, and the receiver
    /// goes on as before: the source can resume it only here. So it does where a domain that never ran cannot be destroyed
    /// (<see cref="Left"/>): only here can its source hear that it is gone.
    /// </summary>
    /// <param name="cancellationToken">Ends the waiting; the receiver goes on as before.</param>
    /// <returns>The migrations that are kept; none where the receiver has stopped.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<IReadOnlyList<IncomingMigration>> StopUnlessKeepingAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            _takesNew = false;
        }

        List<IncomingMigration>? kept = null;
        try
        {
            while (kept is null)
            {
                await EndAllAsync(cancellationToken).ConfigureAwait(false);
                await DestroyLeftAsync(cancellationToken).ConfigureAwait(false);
                lock (_gate)
                {
                    // A source may have resumed its migration since: that one is waited for too.
                    if (_incoming.TrueForAll(incoming => incoming.Ended.IsCompleted))
                    {
                        kept = _incoming.FindAll(incoming => incoming.IsKept || incoming.IsUndestroyed);
                        _isStopping = kept.Count == 0;
                    }
                }
            }
        }
        finally
        {
            lock (_gate)
            {
                _takesNew = !_isStopping;
            }
        }

        if (kept.Count == 0)
        {
            await DisposeAsync().ConfigureAwait(false);
        }

        return kept;
    }

    /// <summary>
    /// Stops listening. Migrations whose domain does not run here yet are given up; those whose domain runs here are
    /// waited for, as long as they come on. What is left of a domain that cannot be destroyed is in <see cref="Left"/>.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _isStopping = true;
        }

        Withdraw();
        _accepting.End();
        _listener.Dispose();
        _acceptor.Join();
        _arrivals.Close();
        await EndAllAsync(CancellationToken.None).ConfigureAwait(false);
        await DestroyLeftAsync(CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Starts a receiver as the public methods do. The clock is for arrivals, for the silence of sources and for the validity of
    /// certificates.</summary>
    internal static MigrationReceiver Start(
        IMigrationHost host,
        IPEndPoint listen,
        TlsIdentity? identity,
        TimeProvider clock,
        TimeSpan? peerTimeout = null,
        LoopbackKey? key = null,
        MemoryBudget? budget = null)
    {
        TimeSpan timeout = PeerTimeout.Require(peerTimeout ?? PeerTimeout.Default);
        MigrationReceiver receiver = new(
            host, ReceiverListener.Start(listen, identity, key, clock), clock, timeout, budget ?? MemoryBudget.OfThisProcess);
        receiver._acceptor.Start();
        return receiver;
    }

    private async Task EndAllAsync(CancellationToken cancellationToken)
    {
        // All are asked before any is waited for: one that has run comes on for as long as it takes.
        IReadOnlyList<IncomingMigration> all = Incoming;
        foreach (IncomingMigration incoming in all)
        {
            incoming.Stop();
        }

        foreach (IncomingMigration incoming in all)
        {
            await incoming.Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Tries on another thread to destroy what is left: a hypervisor that hangs must not hold up whoever stops the
    /// receiver.</summary>
    private Task DestroyLeftAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<IncomingMigration> left = Left;
        return left.Count == 0 ? Task.CompletedTask : Task.Run(DestroyLeft, CancellationToken.None).WaitAsync(cancellationToken);

        void DestroyLeft()
        {
            foreach (IncomingMigration incoming in left)
            {
                incoming.DestroyLeft();
            }
        }
    }
}
