using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Errors;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

/// <summary>Strangers at a receiver: each is turned away, none keeps a place, and honest sources come through beside them.</summary>
public sealed class ArrivalTests
{
    private static readonly X509Certificate2 s_xen1 = TestCertificates.Make("xen1");
    private static readonly X509Certificate2 s_xen2 = TestCertificates.Make("xen2");
    private static readonly X509Certificate2 s_other = TestCertificates.Make("other");

    [Fact]
    public async Task A_peer_without_a_certificate_is_told_and_nothing_it_sends_is_read()
    {
        await using MigrationFixture fixture = Secure();
        using SslStream stream = await HandshakeAsync(fixture, SslProtocols.Tls13);
        using Connection connection = new(stream);
        AbortRecord abort = ReceiveAbort(connection);
        Assert.Equal(MigrationErrorId.NotTrusted, abort.ErrorId);
        Assert.Contains("no certificate", abort.Message, StringComparison.Ordinal);
        Assert.Empty(fixture.Receiver.Incoming);
        await MovesAsync(fixture);
    }

    [Fact]
    public async Task An_older_tls_is_turned_away_by_its_name()
    {
        await using MigrationFixture fixture = Secure();
        await Assert.ThrowsAnyAsync<Exception>(() => HandshakeAsync(fixture, SslProtocols.Tls12));
        await MovesAsync(fixture);
        MigrationException rejection = Rejection(fixture);
        Assert.Equal(MigrationErrorId.TransportMismatch, rejection.ErrorId);
        Assert.Contains("TLS 1.3", rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: xen2\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0000\u0005\u0001\u0000\u0000\u0001\u0000")]
    [InlineData("\u007f\u007f\u007f\u007f\u007f\u007f\u007f\u007f\u007f\u007f")]
    public async Task Garbage_at_a_tls_port_is_turned_away(string garbage)
    {
        await using MigrationFixture fixture = Secure();
        using Socket socket = await ConnectAsync(fixture);
        await socket.SendAsync(Encoding.Latin1.GetBytes(garbage), TestContext.Current.CancellationToken);
        socket.Shutdown(SocketShutdown.Send);
        await ReadToEndAsync(socket);
        Assert.NotEmpty(Rejection(fixture).Message);
        await MovesAsync(fixture);
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    [InlineData(false, 3)]
    public async Task Who_greets_slowly_is_cut_off_when_the_time_is_over(bool isTls, int bytesFirst)
    {
        FakeTimeProvider clock = new(DateTimeOffset.UtcNow);
        await using MigrationFixture fixture = new(tls: isTls ? Sides() : null, receiverClock: clock);
        using Socket socket = await ConnectAsync(fixture);
        SpinWait.SpinUntil(() => fixture.Receiver.Arriving == 1);
        await socket.SendAsync(new byte[] { 0x16, 3, 1, 2, 0, 1, 0 }.AsMemory(0, bytesFirst), TestContext.Current.CancellationToken);
        clock.Advance(Arrivals.GreetingPatience);
        await ReadToEndAsync(socket);
        Assert.Contains("within 10 s", Rejection(fixture).Message, StringComparison.Ordinal);
        await MovesAsync(fixture);
    }

    [Fact]
    public async Task A_crowd_of_silent_strangers_keeps_nobody_out()
    {
        await using MigrationFixture fixture = new(tls: Sides(), receiverClock: new FakeTimeProvider(DateTimeOffset.UtcNow));
        List<Socket> crowd = [];
        for (int i = 0; i <= Arrivals.Maximum; i++)
        {
            crowd.Add(await ConnectAsync(fixture));
        }

        // The first of the crowd has made room for the last.
        await ReadToEndAsync(crowd[0]);
        await MovesAsync(fixture);
        crowd.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task A_crowd_from_one_address_pushes_out_its_own()
    {
        await using MigrationFixture fixture = new(tls: Sides(), receiverClock: new FakeTimeProvider(DateTimeOffset.UtcNow));
        using Socket slow = await ConnectAsync(fixture);
        List<Socket> crowd = [];
        for (int i = 0; i <= Arrivals.Maximum; i++)
        {
            crowd.Add(await ConnectAsync(fixture, IPAddress.Parse("127.0.0.2")));
        }

        // Two of the crowd had to go; the one that came first and alone stays.
        await ReadToEndAsync(crowd[0]);
        await ReadToEndAsync(crowd[1]);
        await MovesAsync(fixture);
        Assert.False(slow.Poll(0, SelectMode.SelectRead));
        crowd.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task The_two_connections_of_a_source_are_no_crowd()
    {
        await using MigrationFixture fixture = new(tls: Sides(), receiverClock: new FakeTimeProvider(DateTimeOffset.UtcNow));
        List<Socket> alone = [];
        for (byte i = 1; i <= Arrivals.Maximum - 2; i++)
        {
            alone.Add(await ConnectAsync(fixture, new IPAddress([127, 0, 1, i])));
        }

        using Socket first = await ConnectAsync(fixture, IPAddress.Parse("127.0.0.2"));
        using Socket second = await ConnectAsync(fixture, IPAddress.Parse("127.0.0.2"));
        alone.Add(await ConnectAsync(fixture, IPAddress.Parse("127.0.2.1")));

        // Each of the others came from an address of its own, and the oldest of these makes room.
        await ReadToEndAsync(alone[0]);
        Assert.False(first.Poll(0, SelectMode.SelectRead) || second.Poll(0, SelectMode.SelectRead));
        alone.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task Who_has_proved_itself_and_greets_without_end_pushes_out_its_own_too()
    {
        await using MigrationFixture fixture = new(
            tls: (s_xen1.Trusting(s_xen2), s_xen2.Trusting(s_xen1, s_other)), receiverClock: new FakeTimeProvider(DateTimeOffset.UtcNow));
        Route other = Route.Tls(HostAddress.Parse("localhost"), fixture.Receiver.Endpoint.Port, s_other.Trusting(s_xen2));
        Guid session = Guid.NewGuid();
        using Connection waiting = Open(fixture.Route, ConnectionRole.Bulk, session);
        SpinWait.SpinUntil(() => fixture.Receiver.WaitingConnections == 1);
        List<Connection> crowd = [];
        for (int i = 0; i < Arrivals.Maximum; i++)
        {
            crowd.Add(Open(other, ConnectionRole.Bulk, Guid.NewGuid()));
        }

        // One connection has gone, and it was none of the first peer's.
        SpinWait.SpinUntil(() => fixture.Receiver.Rejections.Count > 0);
        SpinWait.SpinUntil(() => fixture.Receiver.WaitingConnections == Arrivals.Maximum);
        Assert.Contains("made room", Rejection(fixture).Message, StringComparison.Ordinal);
        Assert.Equal(MigrationErrorId.ConnectionLost, Assert.Throws<MigrationException>(() => crowd[0].Receive(out _)).ErrorId);
        using Connection partner = Open(fixture.Route, ConnectionRole.Demand, session);
        Assert.Equal(RecordType.Welcome, partner.Receive(out _));
        Assert.Equal(RecordType.Welcome, waiting.Receive(out _));
        crowd.ForEach(connection => connection.Dispose());
    }

    [Fact]
    public async Task Before_its_greeting_a_peer_sends_nothing_that_is_longer()
    {
        await using MigrationFixture fixture = new();
        using Connection connection = Connection.Open(fixture.Route, TestContext.Current.CancellationToken);
        byte[] record = new byte[Protocol.HeaderSize + Protocol.HelloLength + 1];
        RecordCodec.WriteHeader(record, RecordType.Hello, Protocol.HelloLength + 1);
        connection.Send(record);
        Assert.Equal(MigrationErrorId.ProtocolViolation, ReceiveAbort(connection).ErrorId);
        Assert.Equal(Protocol.HelloLength, RecordCodec.Encode(new HelloRecord(2, ConnectionRole.Bulk, Guid.NewGuid(), 0)).Length - Protocol.HeaderSize);
    }

    [Fact]
    public async Task A_connection_whose_partner_never_comes_gives_its_place_back()
    {
        FakeTimeProvider clock = new(DateTimeOffset.UtcNow);
        await using MigrationFixture fixture = new(tls: Sides(), receiverClock: clock);
        using Connection lonely = Connection.Open(fixture.Route, CancellationToken.None);
        lonely.Send(new HelloRecord(Protocol.Version, ConnectionRole.Bulk, Guid.NewGuid(), 0));
        SpinWait.SpinUntil(() => fixture.Receiver.WaitingConnections == 1);
        clock.Advance(Arrivals.Patience);
        Assert.Equal(MigrationErrorId.ConnectionLost, Assert.Throws<MigrationException>(() => lonely.Receive(out _)).ErrorId);
        await MovesAsync(fixture);
    }

    [Fact]
    public async Task A_second_connection_from_another_peer_is_refused_and_the_right_one_still_comes_through()
    {
        await using MigrationFixture fixture = new(tls: (s_xen1.Trusting(s_xen2), s_xen2.Trusting(s_xen1, s_other)));
        Guid session = Guid.NewGuid();
        using Connection bulk = Open(fixture.Route, ConnectionRole.Bulk, session);
        Route stranger = Route.Tls(HostAddress.Parse("localhost"), fixture.Receiver.Endpoint.Port, s_other.Trusting(s_xen2));

        SpinWait.SpinUntil(() => fixture.Receiver.WaitingConnections == 1);
        using Connection stolen = Open(stranger, ConnectionRole.Demand, session);
        AbortRecord abort = ReceiveAbort(stolen);
        Assert.Equal(MigrationErrorId.NotTrusted, abort.ErrorId);
        Assert.Contains("same peer", abort.Message, StringComparison.Ordinal);

        using Connection demand = Open(fixture.Route, ConnectionRole.Demand, session);
        Assert.Equal(RecordType.Welcome, demand.Receive(out _));
        Assert.Equal(RecordType.Welcome, bulk.Receive(out _));

        // The session's id is worth nothing to anybody afterwards.
        using Connection again = Open(stranger, ConnectionRole.Bulk, session);
        Assert.Equal(MigrationErrorId.ProtocolViolation, ReceiveAbort(again).ErrorId);
        using Connection resumed = Open(stranger, ConnectionRole.ResumedBulk, session);
        Assert.Equal(MigrationErrorId.NotTrusted, ReceiveAbort(resumed).ErrorId);
        Assert.Single(fixture.Receiver.Incoming);
    }

    [Fact]
    public async Task A_destination_that_is_two_peers_gets_nothing()
    {
        await using MigrationFixture fixture = new();
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task peers = Task.Run(async () =>
        {
            using PeerChannel bulk = await AcceptAsync(s_xen2);
            using PeerChannel demand = await AcceptAsync(s_other);

            // Not even a greeting comes.
            Assert.Equal(-1, demand.Stream.ReadByte());
        }, TestContext.Current.CancellationToken);
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            Route.Tls(HostAddress.Parse("localhost"), ((IPEndPoint)listener.LocalEndpoint).Port, s_xen1.Trusting(s_xen2, s_other)),
            MigrationFixture.Move(MigrationMethod.PostCopy),
            null,
            CancellationToken.None));
        await peers;
        Assert.Equal(MigrationErrorId.NotTrusted, error.ErrorId);
        Assert.Contains("two peers", error.Message, StringComparison.Ordinal);
        await fixture.CheckStayedAsync();

        async Task<PeerChannel> AcceptAsync(X509Certificate2 certificate)
        {
            Socket socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
            (PeerChannel? channel, MigrationException? refusal) = TlsHandshake.Accept(socket, certificate.Trusting(s_xen1), TimeProvider.System);
            Assert.Null(refusal);
            return channel!;
        }
    }

    [Fact]
    public async Task A_destination_of_an_older_tls_is_named_so()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task peer = Task.Run(async () =>
        {
            using Socket socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
            using SslStream stream = new(new NetworkStream(socket));
            await Assert.ThrowsAnyAsync<Exception>(() => stream.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions { ServerCertificate = s_xen2, EnabledSslProtocols = SslProtocols.Tls12 },
                TestContext.Current.CancellationToken));
        }, TestContext.Current.CancellationToken);
        MigrationException error = Assert.Throws<MigrationException>(() => ReceiverProbe.Ask(
            Route.Tls(HostAddress.Parse("localhost"), ((IPEndPoint)listener.LocalEndpoint).Port, s_xen1.Trusting(s_xen2)), CancellationToken.None));
        await peer;
        Assert.Equal(MigrationErrorId.TransportMismatch, error.ErrorId);
        Assert.Contains("TLS 1.3", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_receiver_that_is_asked_says_its_version_and_does_nothing(bool isTls)
    {
        await using MigrationFixture fixture = new(tls: isTls ? Sides() : null);
        ReceiverProbe probe = ReceiverProbe.Ask(fixture.Route, TestContext.Current.CancellationToken);
        Assert.Equal(Protocol.Version, probe.Version);
        Assert.Equal(isTls ? CertificateTrust.Thumbprint(s_xen2) : null, probe.Peer);
        Assert.Empty(fixture.Receiver.Incoming);
        Assert.Empty(fixture.Receiver.Rejections);
        await MovesAsync(fixture);
    }

    private static (TlsIdentity Source, TlsIdentity Destination) Sides() => (s_xen1.Trusting(s_xen2), s_xen2.Trusting(s_xen1));

    private static MigrationFixture Secure() => new(tls: Sides());

    private static async Task MovesAsync(MigrationFixture fixture)
    {
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        await fixture.CheckMovedAsync();
    }

    private static async Task<Socket> ConnectAsync(MigrationFixture fixture, IPAddress? from = null)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(from ?? IPAddress.Loopback, 0));
        await socket.ConnectAsync(fixture.Receiver.Endpoint, TestContext.Current.CancellationToken);
        return socket;
    }

    private static async Task<SslStream> HandshakeAsync(MigrationFixture fixture, SslProtocols protocols)
    {
        SslStream stream = new(new NetworkStream(await ConnectAsync(fixture), ownsSocket: true));
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "",
            EnabledSslProtocols = protocols,
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate!.Equals(s_xen2),
        }, TestContext.Current.CancellationToken);
        return stream;
    }

    private static Connection Open(Route route, ConnectionRole role, Guid session)
    {
        Connection connection = Connection.Open(route, CancellationToken.None);
        connection.Send(new HelloRecord(Protocol.Version, role, session, 0));
        return connection;
    }

    /// <summary>The one connection that was turned away; its thread may still be on its way to say so.</summary>
    private static MigrationException Rejection(MigrationFixture fixture)
    {
        SpinWait.SpinUntil(() => fixture.Receiver.Rejections.Count > 0);
        return Assert.Single(fixture.Receiver.Rejections);
    }

    private static AbortRecord ReceiveAbort(Connection connection)
    {
        RecordType type = connection.Receive(out ReadOnlySpan<byte> body);
        return Assert.IsType<AbortRecord>(RecordCodec.Decode(type, body));
    }

    private static async Task ReadToEndAsync(Socket socket)
    {
        byte[] sink = new byte[1024];
        try
        {
            while (await socket.ReceiveAsync(sink, TestContext.Current.CancellationToken) > 0)
            {
                // Whatever the receiver says before it closes is read.
            }
        }
        catch (SocketException)
        {
            // The receiver closed the connection with bytes unread.
        }
    }
}
