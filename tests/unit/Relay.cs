#nullable enable
using System.Net;
using System.Net.Sockets;

namespace PreRecordMigration.Tests;

/// <summary>
/// A TCP relay that can stall without closing: as a network that swallows everything, it goes on taking what is sent and delivers
/// nothing of it.
/// </summary>
public sealed class Relay : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _sockets = [];
    private readonly int _port;

    public Relay(int port)
    {
        _port = port;
        _listener.Start();
        Start(Accept);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Set once nothing is delivered any more.</summary>
    public ManualResetEventSlim Stalled { get; } = new();

    /// <summary>Delivers nothing from now on, in either direction.</summary>
    public void Stall() => Stalled.Set();

    /// <summary>Closes every connection.</summary>
    public void Dispose()
    {
        _listener.Stop();
        lock (_sockets)
        {
            _sockets.ForEach(socket => socket.Close(0));
        }
    }

    private static void Start(Action work) => new Thread(() =>
    {
        try
        {
            work();
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or IOException)
        {
            // The test is over, or one end hung up.
        }
    })
    { IsBackground = true }.Start();

    private void Accept()
    {
        while (true)
        {
            Socket near = _listener.AcceptSocket();
            Socket far = new(SocketType.Stream, ProtocolType.Tcp);
            far.Connect(IPAddress.Loopback, _port);
            lock (_sockets)
            {
                _sockets.AddRange([near, far]);
            }

            near.NoDelay = far.NoDelay = true;
            Start(() => Copy(near, far));
            Start(() => Copy(far, near));
        }
    }

    private void Copy(Socket from, Socket to)
    {
        byte[] buffer = new byte[1 << 16];
        while (from.Receive(buffer) is > 0 and int count)
        {
            if (!Stalled.IsSet)
            {
                to.Send(buffer.AsSpan(0, count));
            }
        }

        if (!Stalled.IsSet)
        {
            to.Shutdown(SocketShutdown.Send);
        }
    }
}
