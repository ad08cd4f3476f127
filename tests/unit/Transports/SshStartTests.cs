using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Errors;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Processes;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

/// <summary>Where no port is given, the receiver is found by ssh, or one is started.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed partial class SshStartTests : IDisposable
{
    private readonly SimulatedHost _host = new("xen2");
    private readonly List<SshMachine> _machines = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _host.Dispose();
        _machines.ForEach(machine => machine.Dispose());
    }

    [Fact]
    public void The_command_is_one_word_for_any_shell_and_says_nothing_but_what_is_written_there()
    {
        Assert.StartsWith("sh -c '", SshScript.Command, StringComparison.Ordinal);
        Assert.EndsWith("'", SshScript.Command, StringComparison.Ordinal);
        string script = SshScript.Command["sh -c '".Length..^1];

        // csh looks for commands of before at any exclamation mark, in quotes, too, but for this.
        Assert.DoesNotContain(script.Replace("!=", "=", StringComparison.Ordinal), character => character is '\'' or '!' or '\n' or '\r' || character > '~');
        Assert.DoesNotContain(@"\\", script, StringComparison.Ordinal);
        foreach (string shell in (string[])["dash", "bash", "sh"])
        {
            if (SshRoute.Find(shell, "/bin:/usr/bin") is { } program)
            {
                using Process parsing = Process.Start(program, ["-n", "-c", script]);
                parsing.WaitForExit();
                Assert.Equal(0, parsing.ExitCode);
            }
        }
    }

    [Fact]
    public async Task A_receiver_that_listens_is_used_and_a_domain_moves_to_it()
    {
        SshMachine machine = Machine();
        await using MigrationFixture fixture = new();
        LoopbackKey.OfThisUser();
        File.Copy(Path.Combine(PreRecordMigration.Files.RuntimeFolder.Find(), LoopbackKey.FileName), Path.Combine(machine.Runtime, LoopbackKey.FileName));
        fixture.Receiver.Announce(machine.Runtime);
        MigrationResult result = await MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName), machine.Route(), MigrationFixture.Move(MigrationMethod.PostCopy), null, CancellationToken.None);
        Assert.Equal("root@xen2", result.Destination);
        await fixture.CheckMovedAsync();

        // One ssh asked where it is and fetched the key, and two carried the connections.
        Assert.Equal(3, machine.Started.Length);
        Assert.StartsWith(string.Create(CultureInfo.InvariantCulture, $"listens {fixture.Receiver.Endpoint.Port} "), Assert.Single(machine.Said), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_none_listens_one_is_started_once_and_the_next_uses_it()
    {
        SshMachine machine = Machine();
        await using MigrationReceiver receiver = machine.Receive(_host, isAnnounced: false);
        machine.PowerShell(receiver.Endpoint.Port);
        ReceiverProbe.Ask(machine.Route(), Token);
        ReceiverProbe.Ask(machine.Route(), Token);
        Assert.Equal(["pwsh"], machine.Calls);
        Assert.Equal(["starting", "listens", "listens"], machine.Said.Select(line => line.Split(' ')[0]));
    }

    [Fact]
    public async Task A_note_of_a_process_that_has_ended_is_not_believed_and_goes_with_the_next()
    {
        SshMachine machine = Machine();
        using Process ended = Process.Start("sleep", "1000");
        OwnerProcess dead = OwnerProcess.TryParse($"{ended.Id}:{StartOf(ended.Id)}", out OwnerProcess owner) ? owner : default;
        machine.Note(dead.Id, dead.StartTime, 1);
        ended.Kill();
        await ended.WaitForExitAsync(Token);

        // Another process has this one's number since.
        machine.Note(Environment.ProcessId, OwnerProcess.Current.StartTime + 1, 1);
        await File.WriteAllTextAsync(Path.Combine(machine.Runtime, "receiver-1-*-*-x"), "", Token);
        await using MigrationReceiver receiver = machine.Receive(_host, isAnnounced: false);
        machine.PowerShell(receiver.Endpoint.Port);
        ReceiverProbe.Ask(machine.Route(), Token);
        Assert.Equal(["pwsh"], machine.Calls);
        Assert.Equal(4, Notes(machine).Length);
        receiver.Announce(machine.Runtime);
        Assert.Equal(3, Notes(machine).Length);
        receiver.Withdraw();
        receiver.Withdraw();
        Assert.Equal(2, Notes(machine).Length);
    }

    [Fact]
    public async Task A_receiver_is_noted_for_as_long_as_it_listens_and_the_first_is_found()
    {
        SshMachine machine = Machine();
        using SimulatedHost other = new("xen3");
        await using MigrationReceiver first = machine.Receive(_host, isAnnounced: true);
        await using (MigrationReceiver second = machine.Receive(other, isAnnounced: true))
        {
            Assert.Equal(2, Notes(machine).Length);
            ReceiverProbe.Ask(machine.Route(), Token);
            Assert.Contains($" {first.Endpoint.Port} ", machine.Said[^1], StringComparison.Ordinal);
        }

        Assert.Single(Notes(machine));
        await first.DisposeAsync();
        Assert.Empty(Notes(machine));
        first.Announce(machine.Runtime);
        Assert.Empty(Notes(machine));
    }

    [Fact]
    public async Task Where_the_receiver_has_gone_the_same_route_looks_again()
    {
        SshMachine machine = Machine();
        SshRoute route = machine.Route();
        await using (MigrationReceiver first = machine.Receive(_host, isAnnounced: true))
        {
            ReceiverProbe.Ask(route, Token);
        }

        await using MigrationReceiver second = machine.Receive(_host, isAnnounced: false);
        machine.PowerShell(second.Endpoint.Port);
        ReceiverProbe.Ask(route, Token);
        ReceiverProbe.Ask(route, Token);

        // Where it is, a connection; a connection in vain, where it is, a connection; a connection.
        Assert.Equal(6, machine.Started.Length);
        Assert.Equal(["pwsh"], machine.Calls);
    }

    [Fact]
    public async Task What_was_lost_is_resumed_though_it_must_be_looked_for_again()
    {
        SshMachine machine = Machine();
        await using MigrationFixture fixture = new();
        LoopbackKey.OfThisUser();
        File.Copy(Path.Combine(PreRecordMigration.Files.RuntimeFolder.Find(), LoopbackKey.FileName), Path.Combine(machine.Runtime, LoopbackKey.FileName));
        fixture.Receiver.Announce(machine.Runtime);
        fixture.Destination.Faults.Before(SimulatedCall.Place, 2, () => fixture.Receiver.Incoming[^1].Disconnect());
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName), machine.Route(), MigrationFixture.Move(MigrationMethod.PostCopy), null, CancellationToken.None));
        await interrupted.Migration.ResumeAsync(machine.Route(), null, Token);
        await fixture.CheckMovedAsync();
        Assert.Equal(2, machine.Said.Length);
    }

    [Theory]
    [InlineData("pwsh", "PowerShell 7.6")]
    [InlineData("flock", "util-linux")]
    [InlineData("setsid", "util-linux")]
    public void A_machine_that_lacks_a_program_is_told_with_what_to_install(string program, string remedy)
    {
        SshMachine machine = Machine(program);
        MigrationException error = Refused(machine);
        Assert.Contains($"no program '{program}'", error.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, error.Remedy, StringComparison.Ordinal);
        Assert.Contains("-Port", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_one_that_was_started_says_before_it_ends_is_told_and_kept_there()
    {
        SshMachine machine = Machine();
        machine.PowerShell("echo earlier\nexit 1");
        Refused(machine);
        machine.PowerShell("echo 'There is no module\u001b[2J PreRecordMigration.'\necho 'and more' >&2\nexit 1");
        MigrationException error = Refused(machine);
        Assert.Contains(@"ended: There is no module\u001B[2J PreRecordMigration. | and more.", error.Message, StringComparison.Ordinal);
        Assert.Contains(SshScript.LogName, error.Remedy, StringComparison.Ordinal);
        Assert.StartsWith("earlier\nThere is no module", machine.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Why_it_cannot_listen_is_told_with_its_remedy()
    {
        SshMachine machine = Machine();
        machine.PowerShell($"printf '%s' '{SshReceiver.Refusal("Xen does not\nanswer.", "Run it in dom0.")}' >&3\nexit 1");
        MigrationException error = Refused(machine);
        Assert.Contains("ended: Xen does not answer.", error.Message, StringComparison.Ordinal);
        Assert.Equal("On root@xen2: Run it in dom0.", error.Remedy);
    }

    [Fact]
    public void A_machine_that_says_something_else_is_told_so()
    {
        SshMachine machine = Machine();
        machine.Program("sh", "echo Welcome to xen2");
        Assert.Contains("says nothing of one", Refused(machine).Message, StringComparison.Ordinal);
        machine.Program("sh", "echo No such command >&2; exit 1");
        Assert.Contains("No such command", Refused(machine).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_start_up_file_prints_is_passed_over()
    {
        SshMachine machine = Machine();
        await using MigrationReceiver receiver = machine.Receive(_host, isAnnounced: true);
        machine.Program("sh", "echo Welcome to xen2; exec /bin/sh \"$@\"");
        ReceiverProbe.Ask(machine.Route(), Token);
    }

    [Fact]
    public async Task It_may_take_longer_than_a_peer_may_be_silent_but_not_for_ever()
    {
        SshMachine machine = Machine();
        machine.PowerShell($"read < {machine.Pipe("never")}");
        RestartedClock clock = new();
        Task opening = Task.Run(() => machine.Route().Open(TimeSpan.FromSeconds(30), clock, Token), Token);
        Assert.Equal(SshReceiver.StartLimit, await clock.Restarted);
        clock.Advance(SshReceiver.StartLimit - TimeSpan.FromSeconds(1));
        Assert.False(opening.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => opening);
        Assert.Contains("does not listen after 3 minutes", error.Message, StringComparison.Ordinal);
        Assert.All(machine.Started, id => Assert.False(machine.IsRunning(id), $"process {id} is left"));
    }

    [Fact]
    public async Task A_machine_whose_shell_says_nothing_at_all_has_the_peer_s_time()
    {
        SshMachine machine = Machine();
        string never = machine.Pipe("never");
        machine.Program("sh", $"echo sh > {machine.PathOf("calls")}; read < {never}");
        FakeTimeProvider clock = new();
        Task opening = Task.Run(() => machine.Route().Open(TimeSpan.FromSeconds(30), clock, Token), Token);
        SpinWait.SpinUntil(() => machine.Calls.Length == 1);
        clock.Advance(TimeSpan.FromSeconds(31));
        Assert.Contains("silent for 30 s", (await Assert.ThrowsAsync<MigrationException>(() => opening)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_gives_up_does_so_at_once_and_leaves_no_ssh()
    {
        SshMachine machine = Machine();
        machine.Pipe("never");
        machine.PowerShell($"read < {machine.PathOf("never")}");
        using CancellationTokenSource stop = new();
        Task opening = Task.Run(() => machine.Route().Open(TimeSpan.FromSeconds(30), new FakeTimeProvider(), stop.Token), Token);
        SpinWait.SpinUntil(() => machine.Calls.Length == 1);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
        Assert.All(machine.Started, id => Assert.False(machine.IsRunning(id), $"process {id} is left"));
    }

    [Theory]
    [InlineData(false, "pwsh")]
    [InlineData(true, "pwsh")]
    [InlineData(false, "dotnet", "pwsh.dll")]
    public async Task Of_an_installed_service_the_PowerShell_and_the_module_are_used(bool isPackaged, params string[] program)
    {
        SshMachine machine = Machine();
        await using MigrationReceiver receiver = machine.Receive(_host, isAnnounced: false);
        string folder = Path.GetDirectoryName(machine.Client)!, module = Directory.CreateDirectory(Path.Combine(folder, "a module", "service")).FullName;
        machine.Program($"../{program[0]}", $"printf '%s\n' \"$@\" >> {folder}/calls\n{machine.Listening(receiver.Endpoint.Port)}");
        string words = string.Join(" ", program.Select(word => $"\"{folder}/{word}\""));
        machine.Unit("[Service]\nExecStart=/packaged/and/overridden\n", isPackaged: true);
        machine.Unit($"[Service]\nExecStart={words} \"-NoProfile\" \"-NonInteractive\" \"-File\" \"{module}/Receive.ps1\"\nRestart=always\n", isPackaged);
        Assert.Contains("no program 'pwsh'", Refused(machine).Message, StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(module, "ReceiveOnDemand.ps1"), "", Token);
        ReceiverProbe.Ask(machine.Route(), Token);
        Assert.Equal(
            [.. program.Skip(1).Select(word => $"{folder}/{word}"), "-NoProfile", "-NonInteractive", "-File", $"{module}/ReceiveOnDemand.ps1", "3"], machine.Calls);
    }

    [Theory]
    [InlineData(true, "systemctl --quiet is-enabled prerecord-receiver", "systemctl start prerecord-receiver")]
    [InlineData(false, "systemctl --quiet is-enabled prerecord-receiver", "pwsh")]
    public async Task A_service_that_is_to_run_there_is_started_and_no_other_receiver(bool isEnabled, params string[] calls)
    {
        SshMachine machine = Machine();
        await using MigrationReceiver receiver = machine.Receive(_host, isAnnounced: false);
        machine.Unit("[Service]\n");
        machine.Systemd($"case $1 in start) {machine.Listening(receiver.Endpoint.Port)};; *) exit {(isEnabled ? 0 : 1)};; esac");
        machine.PowerShell(receiver.Endpoint.Port);
        ReceiverProbe.Ask(machine.Route(), Token);
        Assert.Equal(calls, machine.Calls);
    }

    [Fact]
    public async Task Where_the_service_does_not_listen_on_loopback_another_receiver_is_started()
    {
        SshMachine machine = Machine();
        await using MigrationReceiver receiver = machine.Receive(_host, isAnnounced: false);
        machine.Unit("[Service]\n");
        machine.Systemd("exit 0");
        machine.PowerShell(receiver.Endpoint.Port);
        ReceiverProbe.Ask(machine.Route(), Token);
        Assert.Equal("pwsh", machine.Calls[^1]);
    }

    private SshMachine Machine(params string[] without)
    {
        SshMachine machine = new(without);
        _machines.Add(machine);
        return machine;
    }

    private static MigrationException Refused(SshMachine machine)
    {
        MigrationException error = Assert.Throws<MigrationException>(() => ReceiverProbe.Ask(machine.Route(), Token));
        Assert.Equal(MigrationErrorId.DestinationUnreachable, error.ErrorId);
        Assert.Contains("xen2", error.Message, StringComparison.Ordinal);
        return error;
    }

    private static string[] Notes(SshMachine machine) => Directory.GetFiles(machine.Runtime, ReceiverNote.Pattern);

    private static string StartOf(int id) => File.ReadAllText($"/proc/{id}/stat").Split(") ")[^1].Split(' ')[19];

    /// <summary>A clock that stands, and tells how long a timer of it runs that was started again.</summary>
    private sealed class RestartedClock : FakeTimeProvider
    {
        private readonly TaskCompletionSource<TimeSpan> _restarted = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<TimeSpan> Restarted => _restarted.Task;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new Timer(base.CreateTimer(callback, state, dueTime, period), _restarted);

        private sealed class Timer(ITimer timer, TaskCompletionSource<TimeSpan> restarted) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                bool isChanged = timer.Change(dueTime, period);
                restarted.TrySetResult(dueTime);
                return isChanged;
            }

            public void Dispose() => timer.Dispose();

            public ValueTask DisposeAsync() => timer.DisposeAsync();
        }
    }
}
