using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Options;

namespace PreRecordMigration.Transports;

/// <summary>A channel over a TCP socket: the bytes as they are, or through TLS.</summary>
/// <remarks>
/// No asynchronous call is ever made of the socket, neither here nor before it gets here. After the first one .NET keeps a socket in non-blocking mode for good, and
/// every call that has to wait then goes by way of two more threads, which costs more than what is carried.
/// </remarks>
internal sealed class SocketChannel : PeerChannel
{
    /// <summary>
    /// TCP_USER_TIMEOUT, an option of Linux's TCP that has no name here: how many milliseconds data may stay unacknowledged,
    /// or wait for a peer that takes nothing, and how long probes of an idle connection may stay unanswered.
    /// </summary>
    internal const int UserTimeoutOption = 18;

    private const int LevelTcp = 6;

    /// <summary>Makes a channel that carries the bytes as they are.</summary>
    public SocketChannel(Socket socket)
        : this(socket, Open(socket), null)
    {
    }

    /// <summary>Makes a channel through a stream that lies over <see cref="Open"/>'s.</summary>
    /// <param name="socket">The socket; the channel takes it over.</param>
    /// <param name="stream">What bytes go through.</param>
    /// <param name="peer">The thumbprint of the peer's certificate.</param>
    public SocketChannel(Socket socket, Stream stream, string? peer)
    {
        Socket = socket;
        Stream = stream;
        Peer = peer;
        Address = socket.RemoteEndPoint is IPEndPoint { Address: { } address } && !IPAddress.IsLoopback(address) ? address.ToString() : null;
    }

    /// <summary>The socket, which stays the channel's.</summary>
    internal Socket Socket { get; }

    /// <inheritdoc/>
    public override string? Address { get; }

    /// <inheritdoc/>
    public override Stream Stream { get; }

    /// <inheritdoc/>
    public override string? Peer { get; }

    /// <inheritdoc/>
    /// <remarks>Where the kernel says that it takes bytes, it takes more than any record of TLS with a few of them.</remarks>
    public override bool? TakesBytes => Socket.Poll(TimeSpan.Zero, SelectMode.SelectWrite);

    /// <summary>
    /// The stream of a connected socket, tuned for records: none waits for the next. Where nobody reads or sends, so that no
    /// beat is missed, the kernel's own probes find that the peer's machine has gone.
    /// </summary>
    public static NetworkStream Open(Socket socket)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 10);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
        if (OperatingSystem.IsLinux())
        {
            socket.SetRawSocketOption(
                LevelTcp, UserTimeoutOption, BitConverter.GetBytes((int)PeerTimeout.Maximum.TotalMilliseconds));
        }

        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>The other end of a connection; null where it has gone already.</summary>
    internal static IPEndPoint? RemoteOf(Socket socket)
    {
        try
        {
            return socket.RemoteEndPoint as IPEndPoint;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public override void EndSending()
    {
        try
        {
            Socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw new IOException(e.Message, e);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing)
        {
            return;
        }

        try
        {
            Socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer has closed the connection already, so only this side's end is left to close.
        }

        Stream.Dispose();
        Socket.Dispose();
    }
}
