using PreRecordMigration.Errors;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

/// <summary>Moves through a real OpenSSH: client, server, keys, and the forwarding of <c>ssh -W</c>.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class OpenSshTests
{
    [Theory]
    [InlineData(MigrationMethod.PreCopy)]
    [InlineData(MigrationMethod.PostCopy)]
    [InlineData(MigrationMethod.PreRecord)]
    public async Task A_domain_moves_through_a_real_sshd_and_no_process_is_left(MigrationMethod method)
    {
        using OpenSshServer server = OpenSshServer.Start();
        await using MigrationFixture fixture = new();
        await MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            Route(server, fixture),
            MigrationFixture.Move(method),
            null,
            CancellationToken.None);
        await fixture.CheckMovedAsync();

        // One ssh fetched the key, and two carried the connections.
        Assert.Equal(3, server.ClientProcesses.Length);
        Assert.All(server.ClientProcesses, id => Assert.False(Directory.Exists($"/proc/{id}"), $"ssh process {id} is left"));
    }

    [Fact]
    public async Task What_was_lost_is_resumed_through_new_connections()
    {
        using OpenSshServer server = OpenSshServer.Start();
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Before(SimulatedCall.Place, 2, () => fixture.Receiver.Incoming[^1].Disconnect());
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            Route(server, fixture),
            MigrationFixture.Move(MigrationMethod.PostCopy),
            null,
            CancellationToken.None));
        await interrupted.Migration.ResumeAsync(Route(server, fixture), null, TestContext.Current.CancellationToken);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task A_host_whose_key_is_not_known_gets_nothing()
    {
        using OpenSshServer server = OpenSshServer.Start(isKnown: false);
        await using MigrationFixture fixture = new();
        MigrationException error = Assert.Throws<MigrationException>(() => ReceiverProbe.Ask(Route(server, fixture), CancellationToken.None));
        Assert.Contains("Host key verification failed", error.Message, StringComparison.Ordinal);
        Assert.Empty(fixture.Receiver.Incoming);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_receiver_that_is_not_there_is_told_in_the_words_of_ssh()
    {
        using OpenSshServer server = OpenSshServer.Start();
        await using MigrationFixture fixture = new();
        SshRoute route = Route(server, fixture);
        await fixture.Receiver.DisposeAsync();
        MigrationException error = Assert.Throws<MigrationException>(() => ReceiverProbe.Ask(route, CancellationToken.None));
        Assert.Contains("onnect", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_receiver_that_is_started_outlives_its_ssh_which_does_not_wait_for_it()
    {
        using SshMachine machine = new();
        using OpenSshServer server = OpenSshServer.Start(environment: machine.Environment);
        using SimulatedHost host = new("xen2");
        await using MigrationReceiver receiver = machine.Receive(host, isAnnounced: false);
        machine.PowerShell(receiver.Endpoint.Port, isStaying: true);
        ReceiverProbe.Ask(new SshRoute("xen2", null, server.Client), TestContext.Current.CancellationToken);
        Assert.Equal(2, server.ClientProcesses.Length);
        Assert.All(server.ClientProcesses, id => Assert.False(Directory.Exists($"/proc/{id}"), $"ssh process {id} is left"));
        string started = Assert.Single(machine.PowerShells);
        Assert.True(machine.IsRunning(started));
        string[] stat = (await File.ReadAllTextAsync($"/proc/{started}/stat", TestContext.Current.CancellationToken)).Split(") ")[^1].Split(' ');
        Assert.Equal(started, stat[3]);
    }

    [Fact]
    public async Task What_was_being_started_for_somebody_who_gave_up_is_there_for_the_next()
    {
        using SshMachine machine = new();
        using OpenSshServer server = OpenSshServer.Start(environment: machine.Environment);
        using SimulatedHost host = new("xen2");
        await using MigrationReceiver receiver = machine.Receive(host, isAnnounced: false);
        string go = machine.Pipe("go");
        machine.PowerShell(receiver.Endpoint.Port, $"read < {go}", isStaying: true);
        SshRoute route = new("xen2", null, server.Client);
        using CancellationTokenSource stop = new();
        Task givingUp = Task.Run(() => ReceiverProbe.Ask(route, stop.Token), TestContext.Current.CancellationToken);
        SpinWait.SpinUntil(() => machine.PowerShells.Length == 1);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givingUp);
        Assert.True(machine.IsRunning(machine.PowerShells[0]));
        Task next = Task.Run(() => ReceiverProbe.Ask(route, TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(go, "\n", TestContext.Current.CancellationToken);
        await next;
        Assert.Single(machine.Calls);
    }

    private static SshRoute Route(OpenSshServer server, MigrationFixture fixture) =>
        new("xen2", fixture.Receiver.Endpoint.Port, server.Client);
}
