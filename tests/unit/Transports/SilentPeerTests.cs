using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

/// <summary>Real sockets whose other end accepts, and then says or takes nothing: every wait ends, by its time, by cancelling, by closing.</summary>
public sealed class SilentPeerTests : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly TlsIdentity _here = TestCertificates.Make("xen1").Trusting(TestCertificates.Make("xen2"));
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);

    public SilentPeerTests() => _listener.Start();

    public void Dispose() => _listener.Dispose();

    [Theory]
    [InlineData(true, "")]
    [InlineData(true, "16")] // A handshake that stops after its first byte,
    [InlineData(true, "160303007a0200007603")] // within its first message,
    [InlineData(false, "")] // before the receiver's proof,
    [InlineData(false, "00112233")] // within it.
    public async Task A_handshake_that_stops_ends_by_its_time_and_by_cancelling(bool isTls, string said)
    {
        foreach (bool isCancelled in (bool[])[true, false])
        {
            using CancellationTokenSource cancelling = new();
            Task<Connection> opening = Run(() => Connection.Open(isTls ? Tls() : Plain(), TimeSpan.FromSeconds(30), cancelling.Token, _clock));
            using Socket peer = await _listener.AcceptSocketAsync(TestContext.Current.CancellationToken);

            // The connection has greeted and waits for the answer.
            await peer.ReceiveAsync(new byte[16], TestContext.Current.CancellationToken);
            await peer.SendAsync(Convert.FromHexString(said), TestContext.Current.CancellationToken);
            if (isCancelled)
            {
                await cancelling.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
                continue;
            }

            _clock.Advance(TimeSpan.FromSeconds(30));
            MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => opening);
            Assert.Equal(MigrationErrorId.DestinationUnreachable, error.ErrorId);
            Assert.Contains("stayed silent for 30 s", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_receiver_that_never_welcomes_is_given_up()
    {
        (Connection connection, Socket peer) = await ConnectPlainAsync(PeerTimeout.Maximum);
        using IDisposable both = connection, other = peer;
        connection.ReceiveTimeout = TimeSpan.FromSeconds(30);
        connection.Send(new HelloRecord(Protocol.Version, ConnectionRole.Probe, Guid.NewGuid(), 0));
        Task receiving = Run(() => connection.Receive(out _));
        await EndsAsync(receiving, "did not answer for 30 s", TimeSpan.FromSeconds(30));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_way_that_stalls_without_closing_is_lost_to_who_sends_and_to_who_receives(bool isTls)
    {
        (Connection connection, IDisposable peer) = await ConnectAsync(isTls);
        using (peer)
        {
            connection.Send(new HelloRecord(Protocol.Version, ConnectionRole.Bulk, Guid.NewGuid(), 0));
            Task sending = SendWithoutEnd(connection);
            Task receiving = Run(() => connection.Receive(out _));
            await EndsAsync(sending, "for 30 s", TimeSpan.FromSeconds(35));
            Assert.Contains("for 30 s", (await Assert.ThrowsAsync<MigrationException>(() => receiving)).Message, StringComparison.Ordinal);
            connection.Dispose();
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Closing_under_a_blocked_send_ends_both_at_once(bool isTls)
    {
        (Connection connection, IDisposable peer) = await ConnectAsync(isTls);
        using (peer)
        {
            Task sending = SendWithoutEnd(connection);
            Task receiving = Run(() => connection.Receive(out _));
            connection.Dispose();
            Assert.Equal(MigrationErrorId.ConnectionLost, (await Assert.ThrowsAsync<MigrationException>(() => sending)).ErrorId);
            Assert.Equal(MigrationErrorId.ConnectionLost, (await Assert.ThrowsAsync<MigrationException>(() => receiving)).ErrorId);
        }
    }

    [Fact]
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    public async Task The_kernel_has_a_limit_of_its_own()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "TCP_USER_TIMEOUT is Linux's.");
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(_listener.LocalEndpoint, TestContext.Current.CancellationToken);
        using SocketChannel channel = new(socket);
        byte[] milliseconds = new byte[sizeof(int)];
        socket.GetRawSocketOption(6, SocketChannel.UserTimeoutOption, milliseconds);
        Assert.Equal(PeerTimeout.Maximum, TimeSpan.FromMilliseconds(BitConverter.ToInt32(milliseconds)));
        Assert.NotEqual(0, (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive)!);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    public async Task No_call_ever_makes_a_socket_wait_by_way_of_other_threads(bool isTls)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "How a socket waits is read from /proc.");
        var here = TestCertificates.Make("xen1");
        var there = TestCertificates.Make("xen2");
        int port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        Task<PeerChannel> opening = Run(() => (isTls ? Route.Tls(HostAddress.Parse("localhost"), port, here.Trusting(there)) : Plain())
            .Open(TimeSpan.FromSeconds(30), _clock, CancellationToken.None));
        Socket far = _listener.AcceptSocket();
        using PeerChannel peer = isTls
            ? Assert.IsType<SocketChannel>(TlsHandshake.Accept(far, there.Trusting(here), TimeProvider.System).Channel)
            : LoopbackProof.Accept(far, LoopbackKey.OfThisUser()).Channel!;
        SocketChannel near = Assert.IsType<SocketChannel>(await opening);
        using Connection connection = new(near, TimeSpan.FromSeconds(30), _clock);
        connection.Send(new HelloRecord(Protocol.Version, ConnectionRole.Bulk, Guid.NewGuid(), 0));
        Task receiving = Run(() => connection.Receive(out _));
        _clock.Advance(TimeSpan.FromSeconds(3));
        byte[] greeting = new byte[RecordCodec.Encode(new HelloRecord(Protocol.Version, ConnectionRole.Bulk, Guid.NewGuid(), 0)).Length + Protocol.HeaderSize];
        peer.Stream.ReadExactly(greeting);
        Assert.Equal((ushort)RecordType.Beat, BitConverter.ToUInt16(greeting, greeting.Length - Protocol.HeaderSize));
        Assert.True(IsBlocking(near.Socket), "the source's socket");
        Assert.True(IsBlocking(far), "the destination's socket");
        connection.Dispose();
        await Assert.ThrowsAsync<MigrationException>(() => receiving);
    }

    /// <summary>Whether the kernel waits with whoever calls: O_NONBLOCK is not set.</summary>
    private static bool IsBlocking(Socket socket)
    {
        const int nonBlocking = 0x800;
        string flags = File.ReadLines($"/proc/self/fdinfo/{socket.Handle}").First(line => line.StartsWith("flags:", StringComparison.Ordinal));
        return (Convert.ToInt32(flags["flags:".Length..].Trim(), 8) & nonBlocking) == 0;
    }

    private Route Plain() => Route.Loopback((IPEndPoint)_listener.LocalEndpoint);

    /// <summary>A connection over loopback, and the socket of a peer that has proved its place.</summary>
    private async Task<(Connection Connection, Socket Peer)> ConnectPlainAsync(TimeSpan peerTimeout)
    {
        Task<Connection> opening = Run(() => Connection.Open(Plain(), peerTimeout, CancellationToken.None, _clock));
        Socket peer = await _listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        Assert.Null(LoopbackProof.Accept(peer, LoopbackKey.OfThisUser()).Refusal);
        return (await opening, peer);
    }

    private Route Tls() => Route.Tls(HostAddress.Parse("localhost"), ((IPEndPoint)_listener.LocalEndpoint).Port, _here);

    /// <summary>A connection whose peer has shaken hands, where that is done, and does nothing from then on.</summary>
    private async Task<(Connection Connection, IDisposable Peer)> ConnectAsync(bool isTls)
    {
        if (!isTls)
        {
            return await ConnectPlainAsync(TimeSpan.FromSeconds(30));
        }

        var xen1 = TestCertificates.Make("xen1");
        var xen2 = TestCertificates.Make("xen2");
        Task<Connection> opening = Run(() => Connection.Open(
            Route.Tls(HostAddress.Parse("localhost"), ((IPEndPoint)_listener.LocalEndpoint).Port, xen1.Trusting(xen2)),
            TimeSpan.FromSeconds(30),
            CancellationToken.None,
            _clock));
        Socket socket = await _listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        (PeerChannel? channel, MigrationException? refusal) = TlsHandshake.Accept(socket, xen2.Trusting(xen1), TimeProvider.System);
        Assert.Null(refusal);
        return (await opening, channel!);
    }

    /// <summary>Sends until the buffers are full, and then waits.</summary>
    private static Task SendWithoutEnd(Connection connection)
    {
        byte[] record = new byte[Protocol.HeaderSize + Protocol.MaximumLength];
        RecordCodec.WriteHeader(record, RecordType.Pages, Protocol.MaximumLength);
        Task sending = Run(() =>
        {
            while (true)
            {
                connection.Send(record);
            }
        });
        SpinWait.SpinUntil(() => connection.BytesSent > 0 || connection.Senders > 0);
        return sending;
    }

    /// <summary>
    /// Lets time pass until a call ends; what is blocked in a real socket cannot be seen from here, so that the time may have
    /// to begin anew.
    /// </summary>
    private async Task EndsAsync(Task call, string why, TimeSpan within)
    {
        while (!call.IsCompleted)
        {
            _clock.Advance(within);
            await Task.Yield();
        }

        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => call);
        Assert.Equal(MigrationErrorId.ConnectionLost, error.ErrorId);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    private static Task<T> Run<T>(Func<T> call) => Task.Factory.StartNew(
        call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static Task<bool> Run(Action call) => Run(() =>
    {
        call();
        return true;
    });
}
