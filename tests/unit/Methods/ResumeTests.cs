using System.Net;
using PreRecordMigration.Errors;
using System.Net.Sockets;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>After the commit a lost connection pauses, and a resumption goes on from what has arrived.</summary>
public sealed class ResumeTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe, 1)]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe, 7)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Observe, 3)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Rollback, 20)]
    public async Task A_connection_cut_after_the_commit_pauses_and_resumes_to_the_byte(MigrationMethod method, RecordingMode mode, int place)
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { VcpuCount = 2 });
        MigrationInterruptedException interrupted = await InterruptAsync(fixture, method, mode, place);
        Assert.Equal(MigrationErrorId.ConnectionLost, interrupted.ErrorId);
        Assert.Equal(DomainState.Paused, Assert.Single(fixture.Destination.GetDomains()).State);
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);
        int missing = Assert.Single(fixture.Receiver.Incoming).MissingPages;
        Assert.True(missing > 0);

        MigrationResult result = await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
        Assert.Contains(result.Phases, phase => phase.Phase == MigrationPhase.Resume);
        Assert.True(result.BytesSent > missing);
        Assert.True(result.PagesPushed + result.PagesDemanded >= missing);
    }

    [Fact]
    public async Task A_connection_that_is_lost_again_and_again_is_resumed_again_and_again()
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await InterruptAsync(fixture, MigrationMethod.PostCopy, RecordingMode.Observe, 2);
        int missing = int.MaxValue;
        for (int i = 0; i < 3; i++)
        {
            Cut(fixture, place: 4);
            interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
                () => interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel));
            IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
            await incoming.Ended;
            Assert.InRange(incoming.MissingPages, 1, missing - 1);
            missing = incoming.MissingPages;
        }

        await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task A_failure_at_the_destination_after_the_commit_is_resumed_from_the_pages_that_really_arrived()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Fail(SimulatedCall.Place, 3, new MigrationException(MigrationErrorId.HypervisorCall, "Place failed.", "Again."));
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task What_was_complete_when_the_connection_was_lost_only_lets_go_at_the_source()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Before(
            SimulatedCall.DisableRemotePF, 1, () => fixture.Receiver.Incoming.Single().Disconnect());
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        MigrationResult result = await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        SimulatedDomain moved = fixture.Destination.GetDomain(MigrationFixture.DomainName);
        Assert.Equal(moved.MissingPageFaults > 0, result.RemoteFaults > 0);
        Assert.Empty(fixture.Source.GetDomains());
        fixture.CheckRunsOn(moved);
    }

    [Fact]
    public async Task Where_Commit_never_arrived_the_domain_runs_on_at_the_source()
    {
        await using MigrationFixture fixture = new();
        // The destination gives up while Commit is on its way: its connection is gone before it can read Commit.
        fixture.Destination.Faults.Before(SimulatedCall.Unpause, 1, () =>
        {
            fixture.Receiver.Incoming.Single().Disconnect();
            throw new MigrationException(MigrationErrorId.HypervisorCall, "It could not be started.", "None.");
        });
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel));
        Assert.Contains("runs on here", error.Message, StringComparison.Ordinal);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task While_nobody_answers_or_knows_the_migration_everything_is_kept()
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await InterruptAsync(fixture, MigrationMethod.PostCopy, RecordingMode.Observe, 2);
        using SimulatedHost other = new("xen3");
        MigrationReceiver stranger = MigrationReceiver.Start(other, new IPEndPoint(IPAddress.Loopback, 0));
        interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => interrupted.Migration.ResumeAsync(Route.Loopback(stranger.Endpoint), null, s_cancel));
        Assert.Equal(MigrationErrorId.DomainNotFound, interrupted.ErrorId);
        Assert.EndsWith("it is kept stopped here with its memory. Nothing of it is at that receiver.", interrupted.Message, StringComparison.Ordinal);
        Assert.Contains("it has arrived", interrupted.Remedy, StringComparison.Ordinal);
        Assert.Empty(other.GetDomains());

        await stranger.DisposeAsync();
        interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => interrupted.Migration.ResumeAsync(Route.Loopback(stranger.Endpoint), null, s_cancel));
        Assert.Equal(MigrationErrorId.DestinationUnreachable, interrupted.ErrorId);
        await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => interrupted.Migration.ResumeAsync(fixture.Route, null, new CancellationToken(canceled: true)));
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);
        fixture.CheckNeverTwice();
    }

    [Fact]
    public async Task One_that_is_stopped_before_the_destination_has_answered_stays_as_it_was_and_is_resumed_later()
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await InterruptAsync(fixture, MigrationMethod.PostCopy, RecordingMode.Observe, 2);

        // Somebody who takes the connection, and says nothing.
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        using CancellationTokenSource stop = new();
        Task<MigrationResult> resuming = interrupted.Migration.ResumeAsync(
            Route.Loopback((IPEndPoint)silent.LocalEndpoint), null, stop.Token);
        using Socket taken = await silent.AcceptSocketAsync(s_cancel);
        await stop.CancelAsync();
        interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => resuming);
        Assert.Equal(DomainState.Paused, Assert.Single(fixture.Destination.GetDomains()).State);
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);

        await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
    }

    [Theory]
    [InlineData(SimulatedCall.MarkIncoming)]
    [InlineData(SimulatedCall.Unpause)]
    [InlineData(SimulatedCall.Place)]
    public async Task One_that_is_stopped_while_the_destination_goes_on_is_finished(SimulatedCall when)
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await InterruptAsync(fixture, MigrationMethod.PostCopy, RecordingMode.Observe, 2);
        using CancellationTokenSource stop = new();
        fixture.Destination.Faults.Before(when, 1, stop.Cancel);
        try
        {
            await interrupted.Migration.ResumeAsync(fixture.Route, null, stop.Token);
        }
        catch (MigrationInterruptedException again)
        {
            // It was heard before the destination's answer: everything is kept, as it was.
            await Assert.Single(fixture.Receiver.Incoming).Ended;
            await again.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        }

        Assert.True(stop.IsCancellationRequested);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task What_is_left_of_one_is_given_up_by_nobody_while_its_source_is_coming_back()
    {
        await using MigrationFixture fixture = new();

        // It could not be started there, nor destroyed, and its source does not hear of it.
        fixture.Destination.Faults.Before(SimulatedCall.Unpause, 1, () =>
        {
            fixture.Receiver.Incoming.Single().Disconnect();
            throw new MigrationException(MigrationErrorId.HypervisorCall, "It could not be started.", "None.");
        });
        for (int i = 1; i <= 3; i++)
        {
            fixture.Destination.Faults.Fail(SimulatedCall.DestroyIncoming, i);
        }

        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;

        // The source is back, and what never ran is being destroyed for it.
        Exception? refused = null;
        fixture.Destination.Faults.Before(SimulatedCall.DestroyIncoming, 1, () =>
        {
            incoming.Stop();
            refused = Xunit.Record.Exception(incoming.GiveUp);
        });
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel));
        Assert.Contains("runs on here", error.Message, StringComparison.Ordinal);
        Assert.Equal(MigrationErrorId.DomainBusy, Assert.IsType<MigrationException>(refused).ErrorId);
        await incoming.Ended;
        Assert.Empty(fixture.Destination.GetDomains());
        fixture.CheckRunsOnAtSource();
        fixture.CheckNothingKept();
    }

    [Fact]
    public async Task It_is_resumed_once()
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await InterruptAsync(fixture, MigrationMethod.PostCopy, RecordingMode.Observe, 2);
        await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel));
        Assert.Throws<InvalidOperationException>(interrupted.Migration.GiveUp);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task Giving_up_takes_both_halves_away()
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await InterruptAsync(fixture, MigrationMethod.PostCopy, RecordingMode.Observe, 2);
        interrupted.Migration.GiveUp();
        Assert.Empty(fixture.Source.GetDomains());
        Assert.Single(fixture.Receiver.Incoming).GiveUp();
        Assert.Empty(fixture.Destination.GetDomains());
    }

    [Fact]
    public async Task A_receiver_that_is_being_stopped_keeps_a_domain_that_loses_its_source_meanwhile_and_goes_on()
    {
        await using MigrationFixture fixture = new();
        Task<IReadOnlyList<IncomingMigration>>? stopping = null;
        fixture.Destination.Faults.Before(SimulatedCall.Place, 3, () =>
        {
            stopping = fixture.Receiver.StopUnlessKeepingAsync(s_cancel);
            fixture.Receiver.Incoming.Single().Disconnect();
        });
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        Assert.True(Assert.Single(await stopping!).IsKept);

        await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        Assert.Empty(await fixture.Receiver.StopUnlessKeepingAsync(s_cancel));
        await fixture.CheckMovedAsync();
        MigrationException error = Assert.Throws<MigrationException>(() => ReceiverProbe.Ask(fixture.Route, s_cancel));
        Assert.Equal(MigrationErrorId.DestinationUnreachable, error.ErrorId);
    }

    [Fact]
    public async Task A_receiver_that_is_being_stopped_waits_for_what_runs_there_and_takes_nothing_new_until_that_is_cancelled()
    {
        await using MigrationFixture fixture = new();
        _ = fixture.Source.CreateDomain(MigrationFixture.Options() with { Name = "web02" });
        using CancellationTokenSource cancel = new();
        Task<IReadOnlyList<IncomingMigration>>? stopping = null;
        Exception? refusal = null;

        // While a domain comes in, another one is refused.
        fixture.Destination.Faults.Before(SimulatedCall.Place, 3, () =>
        {
            stopping = fixture.Receiver.StopUnlessKeepingAsync(cancel.Token);
            refusal = Xunit.Record.Exception(() => MigrateSecond(fixture).GetAwaiter().GetResult());
            cancel.Cancel();
        });
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stopping!);
        Assert.Equal(MigrationErrorId.AbortedByPeer, Assert.IsType<MigrationException>(refusal, exactMatch: false).ErrorId);

        await MigrateSecond(fixture);
        Assert.Equal(2, fixture.Receiver.Incoming.Count);
        Assert.Empty(await fixture.Receiver.StopUnlessKeepingAsync(s_cancel));
        fixture.CheckNeverTwice();
    }

    [Fact]
    public async Task A_receiver_that_is_being_stopped_stops_what_has_not_run_there_beside_what_has()
    {
        await using MigrationFixture fixture = new();
        _ = fixture.Source.CreateDomain(MigrationFixture.Options() with { Name = "web02" });
        using ManualResetEventSlim isThere = new();
        using ManualResetEventSlim goesOn = new();
        fixture.Source.Faults.Before(SimulatedCall.StartDirtyTracking, 1, () =>
        {
            isThere.Set();
            goesOn.Wait(s_cancel);
        });
        Task<IReadOnlyList<IncomingMigration>>? stopping = null;
        Exception? stopped = null;
        fixture.Destination.Faults.Before(SimulatedCall.Place, 3, () =>
        {
            Task<MigrationResult> second = Task.Run(() => MigrateSecond(fixture));
            isThere.Wait(s_cancel);
            stopping = fixture.Receiver.StopUnlessKeepingAsync(s_cancel);
            goesOn.Set();
            stopped = Xunit.Record.Exception(() => second.GetAwaiter().GetResult());
        });
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        Assert.IsType<MigrationException>(stopped, exactMatch: false);
        Assert.Empty(await stopping!);
        fixture.CheckNeverTwice();
    }

    private static Task<MigrationResult> MigrateSecond(MigrationFixture fixture) => MigrationSource.MigrateAsync(
        fixture.Source.OpenSource("web02"), fixture.Route, MigrationFixture.Move(MigrationMethod.PreCopy), null, s_cancel);

    private static async Task<MigrationInterruptedException> InterruptAsync(
        MigrationFixture fixture, MigrationMethod method, RecordingMode mode, int place)
    {
        Cut(fixture, place);
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(method, mode)));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        return interrupted;
    }

    /// <summary>Cuts the connections just before pages are placed for the n-th time.</summary>
    private static void Cut(MigrationFixture fixture, int place) => fixture.Destination.Faults.Before(
        SimulatedCall.Place, place, () => fixture.Receiver.Incoming[^1].Disconnect());
}
