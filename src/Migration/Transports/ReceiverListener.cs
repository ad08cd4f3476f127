using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Transports;

/// <summary>Where a receiver listens, and what those who connect must prove: the same user's key on loopback, a certificate elsewhere.</summary>
internal sealed class ReceiverListener : IDisposable
{
    private readonly Socket _socket;
    private readonly TimeProvider _clock;

    private readonly LoopbackKey? _key;

    private ReceiverListener(Socket socket, TlsIdentity? identity, LoopbackKey? key, TimeProvider clock)
    {
        _socket = socket;
        _key = key;
        _clock = clock;
        Identity = identity;
        Endpoint = (IPEndPoint)socket.LocalEndPoint!;
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>What it presents and whom it trusts; null on loopback without TLS.</summary>
    public TlsIdentity? Identity { get; }

    /// <summary>Starts to listen.</summary>
    /// <param name="listen">The address; port 0 for any free one.</param>
    /// <param name="identity">Who listens; null only on loopback.</param>
    /// <param name="key">The key that sources on loopback must have; null for this user's key at the time when they connect.</param>
    /// <param name="clock">Tells whether certificates are valid.</param>
    /// <exception cref="MigrationException">The address needs certificates, or is in use; or this user's key cannot be had.</exception>
    public static ReceiverListener Start(IPEndPoint listen, TlsIdentity? identity, LoopbackKey? key, TimeProvider clock)
    {
        if (identity is null)
        {
            LoopbackRoute.RequireLoopback(listen);
            _ = key ?? LoopbackKey.OfThisUser();
        }

        identity?.RequireValid(clock.GetUtcNow());
        Socket socket = new(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (listen.Address.Equals(IPAddress.IPv6Any))
            {
                // The unspecified IPv6 address means every address, IPv4 included, whatever this machine's default is.
                socket.DualMode = true;
            }

            socket.Bind(listen);
            socket.Listen();
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new MigrationException(
                MigrationErrorId.InvalidOption,
                $"Cannot listen at {listen}: {e.Message.TrimEnd('.')}.",
                "Choose an address of this machine and a free port, or port 0 for any.",
                listen.ToString(),
                e);
        }

        return new ReceiverListener(socket, identity, key, clock);
    }

    /// <summary>Whether nobody but this process can get here.</summary>
    public bool IsPrivate => _key is not null;

    /// <summary>The way here from this process.</summary>
    public Route Route => Identity is null
        ? new LoopbackRoute(Endpoint, _key)
        : Transports.Route.Tls(HostAddress.Of(Endpoint.Address), Endpoint.Port, Identity);

    /// <summary>Waits for the next connection.</summary>
    public Socket Accept() => _socket.Accept();

    /// <summary>Whether a connection comes from another user of this machine, who has no business here. This does not wait for the
    /// peer.</summary>
    public bool IsStranger(Socket socket) => Identity is null
        && !(SocketChannel.RemoteOf(socket) is { } peer && socket.LocalEndPoint is IPEndPoint here && LoopbackPeer.IsOurs(peer, here));

    /// <summary>Finds out who has connected. Blocks as long as the peer takes; closing the socket ends it.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="isStranger">What <see cref="IsStranger"/> said of it.</param>
    /// <returns>The channel, and why the peer is to be turned away; no channel where the peer could not understand it.</returns>
    public (PeerChannel? Channel, MigrationException? Refusal) Authenticate(Socket socket, bool isStranger) => Identity is null
        ? LoopbackProof.Accept(socket, isStranger ? LoopbackKey.Fresh() : _key ?? LoopbackKey.OfThisUser(), isStranger)
        : TlsHandshake.Accept(socket, Identity, _clock);

    /// <summary>Stops listening.</summary>
    public void Dispose() => _socket.Dispose();
}
