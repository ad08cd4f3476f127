using System.Diagnostics;
using PreRecordMigration.Errors;
using PreRecordMigration.Methods;

namespace PreRecordMigration.Tests.Transports;

/// <content>Who comes while somebody else starts one.</content>
public sealed partial class SshStartTests
{
    [Fact]
    public async Task Of_two_that_ask_at_the_same_time_one_starts_it()
    {
        SshMachine machine = Machine();
        await using MigrationReceiver receiver = machine.Receive(_host, isAnnounced: false);
        string go = machine.Pipe("go");
        machine.PowerShell(receiver.Endpoint.Port, $"read < {go}");
        Task[] asking = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() => ReceiverProbe.Ask(machine.Route(), Token), Token))];

        // Both have found none, and none listens before this.
        SpinWait.SpinUntil(() => machine.Said.Count(line => line == "starting") == 2);
        await File.WriteAllTextAsync(go, "\n", Token);
        await Task.WhenAll(asking);
        Assert.Equal(["pwsh"], machine.Calls);
    }

    [Fact]
    public async Task Who_waits_for_a_start_that_hangs_does_so_for_a_limited_time_and_is_told_which_process_it_is()
    {
        SshMachine machine = Machine();
        machine.PowerShell($"read < {machine.Pipe("never")}");
        using CancellationTokenSource stop = new();
        Task starting = Task.Run(() => machine.Route().Open(TimeSpan.FromSeconds(30), TimeProvider.System, stop.Token), Token);
        SpinWait.SpinUntil(() => machine.PowerShells.Length == 1);

        // As if the time had gone by: each wait for the lock ends without it.
        machine.Program("flock", "exit 1");
        MigrationException error = Refused(machine);
        Assert.Contains($"another one is being started there, process {machine.PowerShells[0]}, and does not listen yet", error.Message, StringComparison.Ordinal);
        Assert.Contains($"kill {machine.PowerShells[0]}", error.Remedy, StringComparison.Ordinal);
        Assert.Equal(["pwsh"], machine.Calls);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting);
    }

    [Fact]
    public async Task Who_waits_for_a_start_uses_what_listens_meanwhile_whoever_has_the_lock()
    {
        SshMachine machine = Machine();
        await using MigrationReceiver receiver = machine.Receive(_host, isAnnounced: false);
        machine.Program("flock", $"{machine.Listening(receiver.Endpoint.Port)}\nexit 1");
        ReceiverProbe.Ask(machine.Route(), Token);
        Assert.Empty(machine.Calls);
    }

    [Fact]
    public async Task Who_waits_for_a_start_goes_with_its_source()
    {
        SshMachine machine = Machine();
        string go = machine.Pipe("go"), calls = machine.PathOf("calls");
        machine.PowerShell("exit 0");
        machine.Program("flock", $"[ -e {calls} ] && exit 0\necho flock >> {calls}\nread < {go}\nexit 1");
        using Process shell = machine.Shell();
        Assert.Equal("starting", await shell.StandardOutput.ReadLineAsync(Token));
        shell.StandardOutput.Dispose();
        await File.WriteAllTextAsync(go, "\n", Token);
        await shell.WaitForExitAsync(Token);
        Assert.Equal(["flock"], machine.Calls);
    }
}
