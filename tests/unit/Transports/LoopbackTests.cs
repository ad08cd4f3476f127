using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

/// <summary>Other users of the machine, on either side of loopback, and those between: none of them gets a domain or brings one.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class LoopbackTests : IDisposable
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;
    private const string SetPriv = "/usr/bin/setpriv";
    private readonly string _folder = Directory.CreateTempSubdirectory("prerecord-key-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_source_without_the_receiver_s_key_is_turned_away()
    {
        await using MigrationFixture fixture = new();
        MigrationException error = await MigrateAsync(fixture, new LoopbackRoute(fixture.Receiver.Endpoint, LoopbackKey.Fresh()));
        Assert.Equal(MigrationErrorId.NotTrusted, error.ErrorId);
        Assert.Empty(fixture.Receiver.Incoming);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_source_that_has_the_key_only_to_hear_is_turned_away()
    {
        await using MigrationFixture fixture = new();
        using Socket socket = await ConnectAsync(fixture.Receiver.Endpoint);
        NetworkStream stream = new(socket);
        await stream.WriteAsync((byte[])[.. "PRLP"u8, 1, .. new byte[32]], s_cancel);
        byte[] answer = new byte[1 + 32 + 32];
        await stream.ReadExactlyAsync(answer, s_cancel);
        Assert.Equal(0, answer[0]);

        // The receiver's own code, sent back to it.
        await stream.WriteAsync(answer.AsMemory(33), s_cancel);
        Assert.Equal(3, stream.ReadByte());
        Assert.Equal(-1, stream.ReadByte());
        SpinWait.SpinUntil(() => fixture.Receiver.Rejections.Count > 0);
        Assert.Equal(MigrationErrorId.NotTrusted, fixture.Receiver.Rejections[0].ErrorId);
    }

    [Fact]
    public async Task A_source_that_greets_without_a_proof_is_told_why_it_is_turned_away()
    {
        await using MigrationFixture fixture = new();
        using Connection connection = new(new SocketChannel(await ConnectAsync(fixture.Receiver.Endpoint)), PeerTimeout.Default, TimeProvider.System);
        connection.Send(new HelloRecord(Protocol.Version, ConnectionRole.Bulk, Guid.NewGuid(), 0));
        RecordType type = connection.Receive(out ReadOnlySpan<byte> body);
        AbortRecord abort = Assert.IsType<AbortRecord>(RecordCodec.Decode(type, body));
        Assert.Equal(MigrationErrorId.NotTrusted, abort.ErrorId);
        Assert.NotEmpty(abort.Remedy);
    }

    /// <summary>Another user's program that was there first: it gets a greeting, and not a byte more.</summary>
    /// <param name="answer">What it answers: that all is well, with a number and a code of its own; the greeting itself; a record.</param>
    [Theory]
    [InlineData("accepted")]
    [InlineData("echo")]
    [InlineData("welcome")]
    public async Task Who_listens_without_the_key_gets_nothing_of_a_domain(string answer)
    {
        await using MigrationFixture fixture = new();
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task<int> impostor = Task.Run(
            async () =>
            {
                using Socket socket = await listener.AcceptSocketAsync(s_cancel);
                NetworkStream stream = new(socket);
                byte[] greeting = new byte[37];
                await stream.ReadExactlyAsync(greeting, s_cancel);
                await stream.WriteAsync(
                    answer switch
                    {
                        "accepted" => new byte[1 + 32 + 32],
                        "echo" => [0, .. greeting[5..], .. greeting[5..]],
                        _ => RecordCodec.Encode(new WelcomeRecord(Protocol.Version, 0)),
                    },
                    s_cancel);
                try
                {
                    return await stream.ReadAsync(new byte[100], s_cancel);
                }
                catch (IOException)
                {
                    return 0;
                }
            },
            s_cancel);
        MigrationException error = await MigrateAsync(fixture, Route.Loopback((IPEndPoint)listener.LocalEndpoint));
        Assert.Contains(
            error.ErrorId, (MigrationErrorId[])[MigrationErrorId.NotTrusted, MigrationErrorId.ProtocolViolation, MigrationErrorId.ProtocolVersion]);
        Assert.Equal(0, await impostor);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_crowd_of_another_user_keeps_nobody_out()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists(SetPriv), "Only root can have another user's process, by setpriv.");
        await using MigrationFixture fixture = new(receiverClock: new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow));
        using Process crowd = Process.Start(new ProcessStartInfo(SetPriv)
        {
            ArgumentList =
            {
                "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c",
                $"for i in {{1..{2 * Arrivals.Maximum}}}; do exec {{c}}<> /dev/tcp/127.0.0.1/{fixture.Receiver.Endpoint.Port}; done; echo all; read",
            },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("all", await crowd.StandardOutput.ReadLineAsync(s_cancel));

        // A connection of this user's that says nothing yet has its place beside them.
        using Socket slow = await ConnectAsync(fixture.Receiver.Endpoint);
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        await fixture.CheckMovedAsync();
        Assert.InRange(fixture.Receiver.Arriving, 1, Arrivals.MaximumStrangers + 1);
        Assert.False(slow.Poll(0, SelectMode.SelectRead));
        crowd.StandardInput.Close();
        await crowd.WaitForExitAsync(s_cancel);
    }

    /// <summary>Another user's program between the two would hear what follows the proof, whether it passes all of it on or lies in the last byte.</summary>
    /// <param name="lies">Whether it answers the source's code itself.</param>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Another_user_who_passes_on_what_the_two_say_is_found_out(bool lies)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists(SetPriv), "Only root can have another user's process, by setpriv.");
        await using MigrationFixture fixture = new();
        using TcpListener between = new(IPAddress.Loopback, 0);
        between.Start();
        using Process far = Process.Start(new ProcessStartInfo(SetPriv)
        {
            ArgumentList =
            {
                "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c",
                $"exec 3<> /dev/tcp/127.0.0.1/{fixture.Receiver.Endpoint.Port}; cat <&3 & cat <&0 >&3; exec 3>&-; wait",
            },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Task<int> relay = Task.Run(
            async () =>
            {
                using Socket source = await between.AcceptSocketAsync(s_cancel);
                NetworkStream near = new(source);
                int heard = 0;
                if (lies)
                {
                    byte[] bytes = new byte[65];
                    await near.ReadExactlyAsync(bytes.AsMemory(0, 37), s_cancel);
                    await far.StandardInput.BaseStream.WriteAsync(bytes.AsMemory(0, 37), s_cancel);
                    await far.StandardInput.BaseStream.FlushAsync(s_cancel);
                    int length = await far.StandardOutput.BaseStream.ReadAsync(bytes, s_cancel);
                    bytes[0] = 0;
                    await near.WriteAsync(bytes, s_cancel);
                    await near.WriteAsync(new byte[33], s_cancel);
                    Assert.Equal(1, length);
                    heard = await near.ReadAtLeastAsync(new byte[100], 100, throwOnEndOfStream: false, s_cancel);
                }
                else
                {
                    Task back = near.CopyToAsync(far.StandardInput.BaseStream, s_cancel);
                    await far.StandardOutput.BaseStream.CopyToAsync(near, s_cancel);
                }

                return heard;
            },
            s_cancel);
        MigrationException error = await MigrateAsync(fixture, Route.Loopback((IPEndPoint)between.LocalEndpoint));
        Assert.Equal(MigrationErrorId.NotTrusted, error.ErrorId);
        far.StandardInput.Close();
        await far.WaitForExitAsync(s_cancel);
        Assert.Equal(0, await relay);
        Assert.Empty(fixture.Receiver.Incoming);
        await fixture.CheckStayedAsync();
    }

    [Theory]
    [InlineData("   1: 0100007F:B2C1 0200007F:1B58 01 00000000:00000000 00:00000000 00000000  1000        0 7 1", 1000u)]
    [InlineData("   1: 0000000000000000FFFF00000100007F:B2C1 0000000000000000FFFF00000200007F:1B58 01 0:0 00:0 0 65534 0 7 1", 65534u)]
    [InlineData("   1: 0100007F:B2C1 0200007F:1B58 04 00000000:00000000 00:00000000 00000000     0        0 0 1", null)] // Closed by its process:
    [InlineData("   1: 0200007F:1B58 0100007F:B2C1 01 00000000:00000000 00:00000000 00000000     0        0 7 1", null)] // this end:
    [InlineData("   1: 0100007F:B2C2 0200007F:1B58 01 00000000:00000000 00:00000000 00000000     0        0 7 1", null)] // another one.
    public void The_owner_of_the_other_end_is_the_one_that_the_system_names(string line, uint? user) => Assert.Equal(
        user,
        LoopbackPeer.UserOf(
            new IPEndPoint(IPAddress.Loopback, 0xB2C1),
            new IPEndPoint(IPAddress.Parse("::ffff:127.0.0.2"), 7000),
            ["  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", line]));

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task This_process_is_found_at_the_other_end(string address)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux lists them.");
        Assert.SkipUnless(address != "::1" || Socket.OSSupportsIPv6, "There is no IPv6 here.");
        using TcpListener listener = new(IPAddress.Parse(address), 0);
        listener.Start();
        using Socket there = await ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using Socket here = await listener.AcceptSocketAsync(s_cancel);
        Assert.True(LoopbackPeer.IsOurs((IPEndPoint)here.RemoteEndPoint!, (IPEndPoint)here.LocalEndPoint!));
    }

    [Fact]
    public async Task A_receiver_for_this_process_is_not_for_the_user_s_others()
    {
        await using MigrationFixture fixture = new();
        using SimulatedHost host = new("xen3");
        await using MigrationReceiver receiver = MigrationReceiver.StartPrivate(host);
        Assert.Equal(
            MigrationErrorId.NotTrusted,
            Assert.Throws<MigrationException>(() => ReceiverProbe.Ask(Route.Loopback(receiver.Endpoint), s_cancel)).ErrorId);
        ReceiverProbe.Ask(receiver.Route, s_cancel);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Only_what_a_process_sends_to_itself_is_its_host_s_own(bool isPrivate)
    {
        await using MigrationFixture fixture = new();
        using AskedHost host = new(fixture.Destination);
        await using MigrationReceiver receiver = isPrivate
            ? MigrationReceiver.StartPrivate(host)
            : MigrationReceiver.Start(host, new IPEndPoint(IPAddress.Loopback, 0));
        await MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName), receiver.Route, MigrationFixture.Move(MigrationMethod.PostCopy), null, CancellationToken.None);
        Assert.Equal(isPrivate, host.IsAsked);
    }

    [Fact]
    public async Task Another_version_of_the_proof_is_told_to_both()
    {
        await using MigrationFixture fixture = new();
        using Socket socket = await ConnectAsync(fixture.Receiver.Endpoint);
        NetworkStream stream = new(socket);
        await stream.WriteAsync((byte[])[.. "PRLP"u8, 9, .. new byte[32]], s_cancel);
        Assert.Equal(2, stream.ReadByte());
        SpinWait.SpinUntil(() => fixture.Receiver.Rejections.Count > 0);
        Assert.Equal(MigrationErrorId.ProtocolVersion, fixture.Receiver.Rejections[0].ErrorId);
    }

    [Fact]
    public void The_key_is_made_once_whoever_is_first_and_for_its_owner_alone()
    {
        string path = Path.Combine(_folder, "run", LoopbackKey.FileName);
        byte[][] codes = new byte[16][];
        Parallel.For(0, codes.Length, i => codes[i] = LoopbackKey.Of(Path.GetDirectoryName(path)!).Sign("x"u8));
        Assert.All(codes, code => Assert.Equal(codes[0], code));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(path)!));
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
        Assert.Equal(64, File.ReadAllText(path).Trim().Length);
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void A_key_that_others_may_read_or_write_is_refused(UnixFileMode others)
    {
        LoopbackKey.Of(_folder);
        string path = Path.Combine(_folder, LoopbackKey.FileName);
        File.SetUnixFileMode(path, File.GetUnixFileMode(path) | others);
        MigrationException error = Assert.Throws<MigrationException>(() => LoopbackKey.Of(_folder));
        Assert.Equal(MigrationErrorId.FileNotTrusted, error.ErrorId);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("12")]
    [InlineData("zz00000000000000000000000000000000000000000000000000000000000000")]
    public void What_is_no_key_is_refused_with_what_to_do(string content)
    {
        LoopbackKey.Of(_folder);
        File.WriteAllText(Path.Combine(_folder, LoopbackKey.FileName), content, Encoding.ASCII);
        MigrationException error = Assert.Throws<MigrationException>(() => LoopbackKey.Of(_folder));
        Assert.Equal(MigrationErrorId.InvalidFile, error.ErrorId);
        Assert.Contains("Remove the file", error.Remedy, StringComparison.Ordinal);
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint endpoint)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(endpoint, s_cancel);
        return socket;
    }

    private static Task<MigrationException> MigrateAsync(MigrationFixture fixture, Route route) => Assert.ThrowsAsync<MigrationException>(
        () => MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName), route, MigrationFixture.Move(MigrationMethod.PostCopy), null, CancellationToken.None));

    /// <summary>A host that notes whether it was asked for itself.</summary>
    private sealed class AskedHost(IMigrationHost host) : ForwardingHost(host)
    {
        internal bool IsAsked { get; private set; }

        public override IMigrationHost ForItself
        {
            get
            {
                IsAsked = true;
                return this;
            }
        }
    }
}
