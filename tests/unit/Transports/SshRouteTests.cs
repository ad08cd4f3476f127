using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Errors;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

/// <summary>Moves through standard input and output of processes; a script stands for ssh and does what <c>ssh -W</c> does.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class SshRouteTests : IDisposable
{
    private readonly string _ssh = Path.Combine(Directory.CreateTempSubdirectory("prerecord-ssh-").FullName, "ssh");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_ssh)!, recursive: true);

    [Fact]
    public async Task A_domain_moves_through_two_processes_and_neither_is_left()
    {
        await using MigrationFixture fixture = new();
        MigrationResult result = await MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            Forwarding(fixture),
            MigrationFixture.Move(MigrationMethod.PostCopy),
            null,
            CancellationToken.None);
        Assert.Equal($"root@xen2, port {fixture.Receiver.Endpoint.Port}", result.Destination);
        await fixture.CheckMovedAsync();
        string[] started = await File.ReadAllLinesAsync(_ssh + ".started", TestContext.Current.CancellationToken);

        // One ssh fetched the key, and two carried the connections.
        Assert.Equal(3, started.Length);
        Assert.All(started, id => Assert.False(Directory.Exists($"/proc/{id}"), $"process {id} is left"));
    }

    [Fact]
    public void A_folder_of_PATH_that_depends_on_the_current_one_is_passed_over()
    {
        string folder = Path.GetDirectoryName(_ssh)!;
        Write("exit 0");
        string here = Path.GetRelativePath(Environment.CurrentDirectory, folder);
        Assert.True(File.Exists(Path.Combine(here, "ssh")));
        Assert.Null(SshRoute.Find("ssh", $"{here}::."));
        Assert.Equal(_ssh, SshRoute.Find("ssh", $"{here}::.:{folder}"));
        Assert.Equal(_ssh, SshRoute.Find(_ssh, ""));
    }

    [Fact]
    public async Task What_was_lost_with_a_process_is_resumed_through_new_ones()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Before(SimulatedCall.Place, 2, () => fixture.Receiver.Incoming[^1].Disconnect());
        Route route = Forwarding(fixture);
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName), route, MigrationFixture.Move(MigrationMethod.PostCopy), null, CancellationToken.None));
        await interrupted.Migration.ResumeAsync(route, null, TestContext.Current.CancellationToken);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task An_ssh_is_in_a_session_of_its_own_and_looks_after_the_way_itself()
    {
        // The other end has the key, whichever test runs first.
        _ = LoopbackKey.OfThisUser();
        Write(
            """
            echo "$$ $(cut -d ' ' -f 6 /proc/$$/stat)" >> "$0.session"
            echo "$*" >> "$0.arguments"
            case "$*" in *" -W "*) exit 255;; esac
            eval "${!#}"
            """);
        Assert.Throws<MigrationException>(
            () => new SshRoute("root@xen2", 7000, _ssh).Open(TimeSpan.FromSeconds(30), TimeProvider.System, CancellationToken.None));
        string[] sessions = await File.ReadAllLinesAsync(_ssh + ".session", TestContext.Current.CancellationToken);
        string[] arguments = await File.ReadAllLinesAsync(_ssh + ".arguments", TestContext.Current.CancellationToken);
        Assert.Equal(2, arguments.Length);
        Assert.All(sessions, session => Assert.Equal(session.Split(' ')[0], session.Split(' ')[1]));
        foreach (string option in (string[])["ConnectTimeout=30", "ServerAliveInterval=10", "ServerAliveCountMax=3", "BatchMode=yes"])
        {
            Assert.All(arguments, line => Assert.Contains($"-o {option} ", line, StringComparison.Ordinal));
        }

    }

    [Fact]
    public async Task Another_key_than_the_one_that_is_known_is_fetched_anew()
    {
        // Before and after the machine was started anew.
        string[] folders = [Path.Combine(Path.GetDirectoryName(_ssh)!, "before"), Path.Combine(Path.GetDirectoryName(_ssh)!, "after")];
        using SimulatedHost host = new("xen2");
        IPEndPoint there = new(IPAddress.Loopback, 0);
        SshRoute? route = null;
        foreach (string folder in folders)
        {
            await using MigrationReceiver receiver = MigrationReceiver.Start(host, there, null, TimeProvider.System, null, LoopbackKey.Of(folder));
            there = receiver.Endpoint;
            Forward(there.Port, $"cat {folder}/{LoopbackKey.FileName}");
            route ??= new SshRoute("root@xen2", there.Port, _ssh);
            ReceiverProbe.Ask(route, TestContext.Current.CancellationToken);
            ReceiverProbe.Ask(route, TestContext.Current.CancellationToken);
        }

        // Key, connection, connection; a connection in vain, key, connection, connection.
        Assert.Equal(7, (await File.ReadAllLinesAsync(_ssh + ".started", TestContext.Current.CancellationToken)).Length);
    }

    [Theory]
    [InlineData("echo Welcome to xen2")]
    [InlineData(":")]
    [InlineData("echo 'no such file' >&2; exit 1")]
    public void A_machine_that_says_no_key_is_told(string answer)
    {
        Write(answer);
        MigrationException error = Assert.Throws<MigrationException>(
            () => ReceiverProbe.Ask(new SshRoute("root@xen2", 7000, _ssh), CancellationToken.None));
        Assert.Contains("xen2", error.Message, StringComparison.Ordinal);
        Assert.Contains("Start-MigrationReceiver", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_ssh_that_stalls_is_lost_and_closing_its_way_ends_it_with_its_children()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        LoopbackKey key = LoopbackKey.OfThisUser();
        Task<Socket> proved = Task.Run(
            async () =>
            {
                Socket socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
                LoopbackProof.Accept(socket, key);
                return socket;
            },
            TestContext.Current.CancellationToken);
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;

        // The script passes on as many bytes as the proof has, and takes no more after that.
        Write(
            $$"""
            case "$*" in *" -W "*) ;; *) eval "${!#}"; exit;; esac
            exec 3<> /dev/tcp/127.0.0.1/{{port}}
            cat <&3 &
            dd bs=1 count=69 status=none >&3
            echo "$$ $!" > "$0.started"
            wait
            """);
        FakeTimeProvider clock = new();
        using Connection connection = Connection.Open(
            new SshRoute("root@xen2", port, _ssh), TimeSpan.FromSeconds(30), CancellationToken.None, clock);
        using Socket silent = await proved;
        connection.Send(new HelloRecord(Protocol.Version, ConnectionRole.Bulk, Guid.NewGuid(), 0));
        byte[] record = new byte[Protocol.HeaderSize + (1 << 20)];
        RecordCodec.WriteHeader(record, RecordType.Pages, 1 << 20);
        Task[] blocked =
        [
            Task.Run(() => connection.Receive(out _), TestContext.Current.CancellationToken),
            Task.Run(() => connection.Send(record), TestContext.Current.CancellationToken),
            Task.Run(() => connection.Send(record), TestContext.Current.CancellationToken),
        ];
        SpinWait.SpinUntil(() => connection.Senders == 2 && File.Exists(_ssh + ".started"));
        while (!blocked.All(call => call.IsCompleted))
        {
            clock.Advance(TimeSpan.FromSeconds(35));
            await Task.Yield();
        }

        foreach (Task call in blocked)
        {
            MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => call);
            Assert.Equal(MigrationErrorId.ConnectionLost, error.ErrorId);
            Assert.Contains("for 30 s", error.Message, StringComparison.Ordinal);
        }

        foreach (string id in (await File.ReadAllTextAsync(_ssh + ".started", TestContext.Current.CancellationToken)).Split())
        {
            Assert.True(id.Length == 0 || HasEnded(id), $"process {id} is left");
        }
    }

    [Fact]
    public void What_ssh_complains_about_is_told()
    {
        Write("echo 'root@xen2: Permission denied (publickey).' >&2; exit 255");
        MigrationException error = Assert.Throws<MigrationException>(
            () => ReceiverProbe.Ask(new SshRoute("root@xen2", 7000, _ssh), CancellationToken.None));
        Assert.Equal(MigrationErrorId.DestinationUnreachable, error.ErrorId);
        Assert.Contains("Permission denied", error.Message, StringComparison.Ordinal);
        Assert.Equal(
            MigrationErrorId.LibraryMissing,
            Assert.Throws<MigrationException>(() => ReceiverProbe.Ask(new SshRoute("root@xen2", 7000, _ssh + "x"), CancellationToken.None)).ErrorId);
    }

    [Theory]
    [InlineData("-oProxyCommand=reboot")]
    [InlineData("")]
    [InlineData("a b")]
    public void What_ssh_would_take_for_something_else_is_refused(string target) => Assert.Equal(
        MigrationErrorId.InvalidOption, Assert.Throws<MigrationException>(() => Route.Ssh(target, 7000)).ErrorId);

    /// <summary>Whether a process has ended; a zombie that nobody has waited for yet counts.</summary>
    private static bool HasEnded(string id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/stat").Contains(") Z", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return true;
        }
    }

    private SshRoute Forwarding(MigrationFixture fixture)
    {
        Forward(fixture.Receiver.Endpoint.Port, "eval \"$3\"");
        return new SshRoute("root@xen2", fixture.Receiver.Endpoint.Port, _ssh);
    }

    /// <summary>Writes a script that does what ssh and its server do: it prints a command's output, or carries bytes to and from a port on
    /// loopback.</summary>
    private void Forward(int port, string command) => Write(
        $$"""
        echo $$ >> "$0.started"
        while [ "$1" != -W ] && [ "$1" != -- ]; do shift; done
        if [ "$1" = -- ]; then [ "$2" = root@xen2 ] && {{command}}; exit; fi
        [ "$2 $4" = "127.0.0.1:{{port}} root@xen2" ] || exit 255
        exec 3<> /dev/tcp/127.0.0.1/{{port}}
        cat <&3 &
        cat <&0 >&3 &
        exec 3>&-
        wait -n
        kill $(jobs -p)
        """);

    private void Write(string script)
    {
        File.WriteAllText(_ssh, "#!/usr/bin/env bash\n" + script + "\n");
        File.SetUnixFileMode(_ssh, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
