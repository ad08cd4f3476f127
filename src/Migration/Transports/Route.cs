using System.Globalization;
using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;

namespace PreRecordMigration.Transports;

/// <summary>The way to a receiver: each opening of it is one more connection to the same one.</summary>
public abstract class Route
{
    private protected Route(string address) => Address = address;

    /// <summary>Where it leads, for messages.</summary>
    public string Address { get; }

    /// <summary>The way to a receiver of this user on this machine. It is not encrypted; both ends prove that they have the user's
    /// key.</summary>
    /// <param name="endpoint">A loopback address.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/> for any other address.</exception>
    public static Route Loopback(IPEndPoint endpoint) => new LoopbackRoute(endpoint, null);

    /// <summary>The way to another machine, by TLS 1.3 with certificates on both sides.</summary>
    /// <param name="host">Its name or address; it is looked up at each opening and proves nothing.</param>
    /// <param name="port">The receiver's port.</param>
    /// <param name="identity">This side, and whom it trusts.</param>
    public static Route Tls(HostAddress host, int port, TlsIdentity identity) => new TlsRoute(host, port, identity);

    /// <summary>
    /// The way to a receiver on another machine's loopback, through ssh. Each connection has an ssh process of its own, so that none waits
    /// for another. The receiver belongs to the user as whom ssh gets there: ssh fetches that user's key.
    /// </summary>
    /// <param name="target">What ssh calls the machine, such as root@xen2. Who it is, ssh finds out by its own keys.</param>
    /// <param name="port">The receiver's port there; null to have it found, or one started that outlives the connection and ends by itself.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/> for a target that ssh would take for an option.</exception>
    public static Route Ssh(string target, int? port = null) => new SshRoute(target, port, "ssh");

    /// <summary>The way as another process of this user can go it; null where it cannot.</summary>
    internal virtual RouteNote? Note => null;

    /// <inheritdoc/>
    public override string ToString() => Address;

    /// <summary>Opens one connection.</summary>
    /// <param name="peerTimeout">How long it may take, the handshake included: who stays silent is no receiver.</param>
    /// <param name="clock">Measures it, and tells whether certificates are valid.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DestinationUnreachable"/>, and what keeps the two
    /// sides from trusting each other.</exception>
    /// <exception cref="OperationCanceledException">Cancelled first.</exception>
    internal abstract PeerChannel Open(TimeSpan peerTimeout, TimeProvider clock, CancellationToken cancellationToken);

    /// <summary>Opens within a peer's time.</summary>
    private protected static PeerChannel OpenWithin(
        TimeSpan peerTimeout, TimeProvider clock, string address, Func<CancellationToken, PeerChannel> open, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(peerTimeout, clock);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return open(both.Token);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (OperationCanceledException e)
        {
            throw Unreachable(address, $"it stayed silent for {PeerTimeout.Text(peerTimeout)}", e);
        }
    }

    private protected static Socket Connect(EndPoint endpoint, string address, CancellationToken cancellationToken)
    {
        Socket socket = endpoint is IPEndPoint ip
            ? new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // Looking a name up cannot be broken off, so on cancellation it is left to end by itself. (SocketChannel says why this is no asynchronous call.)
            Task.Factory.StartNew(() => socket.Connect(endpoint), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                .WaitAsync(cancellationToken).GetAwaiter().GetResult();
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw Unreachable(address, e.Message, e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private protected static MigrationException Unreachable(string address, string reason, Exception cause) => new(
        MigrationErrorId.DestinationUnreachable,
        $"No migration receiver answers at {address}: {reason.TrimEnd('.')}.",
        "Start one there with Start-MigrationReceiver, and check the address, the port and the firewall.",
        address,
        cause);
}

/// <summary>TCP on loopback only, where both ends prove that they have the same key.</summary>
internal sealed class LoopbackRoute : Route
{
    private readonly IPEndPoint _endpoint;
    private readonly LoopbackKey? _key;

    /// <param name="endpoint">A loopback address.</param>
    /// <param name="key">The receiver's key; null for this user's key at the time of each opening.</param>
    public LoopbackRoute(IPEndPoint endpoint, LoopbackKey? key)
        : base(endpoint.ToString())
    {
        RequireLoopback(endpoint);
        _endpoint = endpoint;
        _key = key;
    }

    internal override RouteNote? Note => _key is null ? new RouteNote(RouteKind.Loopback, _endpoint.Address.ToString(), _endpoint.Port, null) : null;

    /// <summary>Refuses addresses that others can reach: plain TCP neither encrypts nor authenticates.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    public static void RequireLoopback(IPEndPoint endpoint)
    {
        if (!HostAddress.IsLoopbackAddress(endpoint.Address))
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption,
                $"{endpoint} is not a loopback address, and the memory of a domain must not cross a network unprotected.",
                "Use certificates (New-MigrationCertificate makes them), or go through ssh: Connect-MigrationHost with -SshTarget.",
                endpoint.ToString());
        }
    }

    internal override PeerChannel Open(TimeSpan peerTimeout, TimeProvider clock, CancellationToken cancellationToken) => OpenWithin(
        peerTimeout,
        clock,
        Address,
        token =>
        {
            LoopbackKey key = _key ?? LoopbackKey.OfThisUser();
            SocketChannel channel = new(Connect(_endpoint, Address, token));
            LoopbackProof.Connect(channel, key, Address, token);
            return channel;
        },
        cancellationToken);
}

/// <summary>TLS 1.3 over TCP, with certificates on both sides.</summary>
internal sealed class TlsRoute(HostAddress host, int port, TlsIdentity identity)
    : Route(string.Create(CultureInfo.InvariantCulture, $"{host}:{port}"))
{
    internal override RouteNote? Note => identity.Files is { } files ? new RouteNote(RouteKind.Tls, host.Name, port, files) : null;

    internal override PeerChannel Open(TimeSpan peerTimeout, TimeProvider clock, CancellationToken cancellationToken)
    {
        identity.RequireValid(clock.GetUtcNow());
        return OpenWithin(
            peerTimeout,
            clock,
            Address,
            token =>
            {
                EndPoint endpoint = host.Address is { } address ? new IPEndPoint(address, port) : new DnsEndPoint(host.Name, port);
                Socket socket = Connect(endpoint, Address, token);
                return TlsHandshake.Connect(socket, identity, Address, clock, token);
            },
            cancellationToken);
    }
}
