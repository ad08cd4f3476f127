using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>A peer that lives, beats, and never comes to an end: whoever is asked to stop leaves it, and loses nothing by that.</summary>
public sealed class HangingPeerTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    public static TheoryData<MigrationMethod, SimulatedCall, int> Hangs =>
    [
        (MigrationMethod.PreCopy, SimulatedCall.Unpause, 1),
        (MigrationMethod.PostCopy, SimulatedCall.Unpause, 1),
        (MigrationMethod.PostCopy, SimulatedCall.Place, 3),
        (MigrationMethod.PostCopy, SimulatedCall.DisableRemotePF, 1),
    ];

    [Theory]
    [MemberData(nameof(Hangs))]
    public async Task A_destination_that_hangs_after_the_commit_is_left_by_who_cancels_and_resumed(
        MigrationMethod method, SimulatedCall call, int number)
    {
        await using MigrationFixture fixture = new();
        using Gate gate = new(fixture.Destination, call, number);
        using CancellationTokenSource cancel = new();
        DomainWatch watch = new();
        Task<MigrationResult> moving = fixture.MigrateUntilAsync(
            MigrationFixture.Move(method) with { PeerTimeout = PeerTimeout.Minimum, Watch = watch }, cancel.Token);
        await gate.Reached.WaitAsync(s_patience, s_cancel);
        await cancel.CancelAsync();
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => moving.WaitAsync(s_patience, s_cancel));
        Assert.Equal(MigrationErrorId.Cancelled, interrupted.ErrorId);
        Assert.Contains("5 s", interrupted.Message, StringComparison.Ordinal);
        Assert.Equal(DomainHolder.Leaving, watch.Holder);
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);
        gate.Open();
        await Assert.Single(fixture.Receiver.Incoming).Ended.WaitAsync(s_patience, s_cancel);
        await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        Assert.Empty(fixture.Source.GetDomains());
        fixture.CheckRunsOn(fixture.Destination.GetDomain(MigrationFixture.DomainName));
    }

    [Fact]
    public async Task A_migration_that_goes_on_after_it_was_cancelled_too_late_is_finished()
    {
        await using MigrationFixture fixture = new();
        using CancellationTokenSource cancel = new();
        fixture.Destination.Faults.After(SimulatedCall.Unpause, 1, cancel.Cancel);
        await fixture.MigrateUntilAsync(
            MigrationFixture.Move(MigrationMethod.PostCopy) with { PeerTimeout = PeerTimeout.Minimum }, cancel.Token);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task A_resumption_is_left_at_once_while_the_destination_has_not_answered_it_and_later_once_it_does_nothing()
    {
        await using MigrationFixture fixture = new();

        // The connections are lost at that moment, or what the guest asks for meanwhile would still come.
        using Gate first = new(fixture.Destination, SimulatedCall.Place, 3, () => fixture.Receiver.Incoming.Single().Disconnect());
        MigrationOptions options = MigrationFixture.Move(MigrationMethod.PostCopy) with { PeerTimeout = PeerTimeout.Minimum };
        Task<MigrationResult> moving = fixture.MigrateAsync(options);
        await first.Reached.WaitAsync(s_patience, s_cancel);
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => moving);

        // The earlier attempt still hangs at the destination, so the source is welcomed and waits.
        using CancellationTokenSource cancel = new();
        Task<MigrationResult> resuming = interrupted.Migration.ResumeAsync(fixture.Route, null, cancel.Token);
        await cancel.CancelAsync();
        interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => resuming.WaitAsync(s_patience, s_cancel));
        first.Open();
        await Assert.Single(fixture.Receiver.Incoming).Ended.WaitAsync(s_patience, s_cancel);

        using Gate second = new(fixture.Destination, SimulatedCall.Place, 1);
        using CancellationTokenSource again = new();
        resuming = interrupted.Migration.ResumeAsync(fixture.Route, null, again.Token);
        while (await Task.WhenAny(second.Reached, resuming).WaitAsync(s_patience, s_cancel) == resuming)
        {
            // On a starved machine either side may take the other's slowness for its end; the migration is then resumed again.
            interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => resuming);
            resuming = interrupted.Migration.ResumeAsync(fixture.Route, null, again.Token);
        }

        await again.CancelAsync();
        interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => resuming.WaitAsync(s_patience, s_cancel));
        second.Open();
        await Assert.Single(fixture.Receiver.Incoming).Ended.WaitAsync(s_patience, s_cancel);
        await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task A_receiver_that_is_stopped_leaves_a_source_that_lives_and_does_nothing_and_keeps_the_domain()
    {
        await using MigrationFixture fixture = new();
        MigrationReceiver receiver = MigrationReceiver.Start(fixture.Destination, new IPEndPoint(IPAddress.Loopback, 0), PeerTimeout.Minimum);
        using Gate gate = new(fixture.Source, SimulatedCall.Read, 0);
        fixture.Destination.Faults.Before(SimulatedCall.Unpause, 1, gate.ArmNext);
        TaskCompletionSource started = new();
        fixture.Destination.Faults.After(SimulatedCall.Unpause, 1, started.SetResult);
        Task<MigrationResult> moving = MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            Route.Loopback(receiver.Endpoint),
            MigrationFixture.Move(MigrationMethod.PostCopy),
            null,
            s_cancel);
        await gate.Reached.WaitAsync(s_patience, s_cancel);
        await started.Task.WaitAsync(s_patience, s_cancel);
        IReadOnlyList<IncomingMigration> kept = await receiver.StopUnlessKeepingAsync(s_cancel).WaitAsync(s_patience, s_cancel);
        Assert.True(Assert.Single(kept).IsKept);
        gate.Open();
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => moving);
        await interrupted.Migration.ResumeAsync(Route.Loopback(receiver.Endpoint), null, s_cancel);
        await receiver.DisposeAsync();
        fixture.CheckRunsOn(fixture.Destination.GetDomain(MigrationFixture.DomainName));
    }

    public enum Going
    {
        Cancelled,
        Cut,
        Silent,
    }

    [Theory]
    [InlineData(Going.Cancelled)]
    [InlineData(Going.Cut)]
    [InlineData(Going.Silent)]
    public async Task A_source_that_goes_while_its_core_state_is_restored_is_noticed_and_the_restoration_broken_off(Going going)
    {
        await using MigrationFixture fixture = new();
        using WaitingHost waiting = new(fixture.Destination, waitsAtCreation: false);
        MigrationReceiver receiver = MigrationReceiver.Start(waiting, new IPEndPoint(IPAddress.Loopback, 0), PeerTimeout.Minimum);
        Relay relay = new(receiver.Endpoint.Port);
        using CancellationTokenSource cancel = new();
        Task<MigrationResult> moving = MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            Route.Loopback(new IPEndPoint(IPAddress.Loopback, relay.Port)),
            MigrationFixture.Move(MigrationMethod.PostCopy) with { PeerTimeout = PeerTimeout.Minimum },
            null,
            cancel.Token);
        waiting.IsAtWork.Wait(s_cancel);
        switch (going)
        {
            case Going.Cancelled:
                await cancel.CancelAsync();
                break;
            case Going.Cut:
                relay.Dispose();
                break;
            default:
                relay.Stall();
                break;
        }

        IncomingMigration incoming = Assert.Single(receiver.Incoming);
        await incoming.Ended.WaitAsync(s_patience, s_cancel);
        Assert.IsType<DestinationState.Aborted>(incoming.State);
        if (going == Going.Cancelled)
        {
            Assert.Contains("The source gave up", incoming.Error!.Message, StringComparison.Ordinal);
        }

        await Assert.ThrowsAnyAsync<Exception>(() => moving);
        relay.Dispose();
        await receiver.DisposeAsync();
        Assert.Empty(fixture.Destination.GetDomains());
        fixture.CheckRunsOnAtSource();
    }

    [Fact]
    public async Task Who_gives_a_domain_up_or_takes_it_up_again_while_its_hypervisor_hangs_keeps_nobody_else_waiting()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Before(SimulatedCall.Place, 3, () => fixture.Receiver.Incoming.Single().Disconnect());
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        using Gate gate = new(fixture.Destination, SimulatedCall.DestroyIncoming, 1);
        Task givingUp = Task.Run(incoming.GiveUp, s_cancel);
        await gate.Reached.WaitAsync(s_patience, s_cancel);

        // Another thread looks at the migration meanwhile, and nothing that it looks at waits for the hypervisor.
        await Task.Run(
            () =>
            {
                Assert.IsType<DestinationState.Detached>(incoming.State);
                Assert.Null(incoming.AfterwardsError);
                Assert.NotEqual(0, incoming.MissingPages);
                Assert.False(incoming.Ended.IsCompleted);
                Assert.Equal(MigrationErrorId.DomainBusy, Assert.Throws<MigrationException>(incoming.GiveUp).ErrorId);
            },
            s_cancel).WaitAsync(s_patience, s_cancel);
        gate.Open();
        await givingUp;
        Assert.Empty(fixture.Destination.GetDomains());
        Assert.True(incoming.Ended.IsCompleted);
        interrupted.Migration.GiveUp();
    }

    [Fact]
    public async Task What_never_ran_and_could_not_be_destroyed_is_destroyed_by_who_stops_the_receiver()
    {
        await using MigrationFixture fixture = new();
        await LeaveUndestroyedAsync(fixture, failures: 3);
        Assert.Empty(await fixture.Receiver.StopUnlessKeepingAsync(s_cancel));
        Assert.Empty(fixture.Destination.GetDomains());
        Assert.Empty(fixture.Receiver.Left);
    }

    [Fact]
    public async Task What_cannot_be_destroyed_even_then_is_said_and_the_receiver_goes_on_for_its_source()
    {
        await using MigrationFixture fixture = new();
        await LeaveUndestroyedAsync(fixture, failures: 6);
        IncomingMigration left = Assert.Single(await fixture.Receiver.StopUnlessKeepingAsync(s_cancel));
        Assert.True(left.IsUndestroyed);
        Assert.Contains(nameof(SimulatedCall.DestroyIncoming), left.AfterwardsError!.Message, StringComparison.Ordinal);
        Assert.Same(left, Assert.Single(fixture.Receiver.Left));

        // The next attempt to stop succeeds.
        await fixture.Receiver.DisposeAsync();
        Assert.Empty(fixture.Receiver.Left);
        Assert.Empty(fixture.Destination.GetDomains());
        Assert.Equal(DomainState.Running, fixture.Domain.State);
        fixture.CheckNeverTwice();
    }

    private static async Task LeaveUndestroyedAsync(MigrationFixture fixture, int failures)
    {
        fixture.Destination.Faults.Fail(SimulatedCall.Restore);
        for (int i = 1; i <= failures; i++)
        {
            fixture.Destination.Faults.Fail(SimulatedCall.DestroyIncoming, i);
        }

        await Assert.ThrowsAsync<MigrationException>(() => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        Assert.IsType<DestinationState.Unproved>(incoming.State);
        Assert.Single(fixture.Destination.GetDomains());
    }

    /// <summary>A call that hangs until it is let go.</summary>
    private sealed class Gate : IDisposable
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _open = new();
        private readonly SimulatedHost _host;
        private readonly SimulatedCall _call;
        private readonly Action? _beside;

        public Gate(SimulatedHost host, SimulatedCall call, int number, Action? beside = null)
        {
            (_host, _call, _beside) = (host, call, beside);
            if (number > 0)
            {
                Arm(number);
            }
        }

        public Task Reached => _reached.Task;

        public void ArmNext() => Arm(1);

        public void Open() => _open.Set();

        public void Dispose() => _open.Set();

        private void Arm(int number) => _host.Faults.Before(_call, number, () =>
        {
            _beside?.Invoke();
            _reached.TrySetResult();
            _open.Wait(s_patience);
        });
    }
}
