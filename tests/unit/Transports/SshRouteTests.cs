using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Reporting;
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
        Assert.Equal(2, started.Length);
        Assert.All(started, id => Assert.False(Directory.Exists($"/proc/{id}"), $"process {id} is left"));
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
        Write(
            """
            echo "$$ $(cut -d ' ' -f 6 /proc/$$/stat)" > "$0.session"
            echo "$*" > "$0.arguments"
            cat
            """);
        using PeerChannel channel = new SshRoute("root@xen2", 7000, _ssh).Open(
            TimeSpan.FromSeconds(30), TimeProvider.System, CancellationToken.None);

        // It echoes: what comes back shows that it has said where it is.
        await channel.Stream.WriteAsync(new byte[] { 1 }, TestContext.Current.CancellationToken);
        Assert.Equal(1, channel.Stream.ReadByte());
        string[] session = (await File.ReadAllTextAsync(_ssh + ".session", TestContext.Current.CancellationToken)).Trim().Split(' ');
        Assert.Equal(session[0], session[1]);
        string arguments = await File.ReadAllTextAsync(_ssh + ".arguments", TestContext.Current.CancellationToken);
        foreach (string option in (string[])["ConnectTimeout=30", "ServerAliveInterval=10", "ServerAliveCountMax=3", "BatchMode=yes"])
        {
            Assert.Contains($"-o {option} ", arguments, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_ssh_that_stalls_is_lost_and_closing_its_way_ends_it_with_its_children()
    {
        Write(
            """
            sleep 1000 &
            echo "$$ $!" > "$0.started"
            echo
            wait
            """);
        FakeTimeProvider clock = new();
        using Connection connection = Connection.Open(
            new SshRoute("root@xen2", 7000, _ssh), TimeSpan.FromSeconds(30), CancellationToken.None, clock);
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
        Assert.Equal(MigrationErrorId.ConnectionLost, error.ErrorId);
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

    /// <summary>Whether a process is gone, or is only waited for by nobody yet.</summary>
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
        Write(
            """
            echo $$ >> "$0.started"
            while [ "$1" != -W ]; do shift; done
            [ "$4" = root@xen2 ] || exit 255
            exec 3<> "/dev/tcp/127.0.0.1/${2#localhost:}"
            cat <&3 &
            cat <&0 >&3 &
            exec 3>&-
            wait -n
            kill $(jobs -p)
            """);
        return new SshRoute("root@xen2", fixture.Receiver.Endpoint.Port, _ssh);
    }

    private void Write(string script)
    {
        File.WriteAllText(_ssh, "#!/usr/bin/env bash\n" + script + "\n");
        File.SetUnixFileMode(_ssh, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
