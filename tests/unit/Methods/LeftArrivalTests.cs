using System.Net;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>The destination's process is killed after the commit: another one takes over what came in when the source comes back, and nothing
/// is lost.</summary>
public sealed class LeftArrivalTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe, 1)]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe, 7)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Observe, 3)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Rollback, 20)]
    public async Task A_migration_whose_destination_was_killed_goes_on_in_another_process_to_the_byte(MigrationMethod method, RecordingMode mode, int place)
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { VcpuCount = 2 });
        MigrationInterruptedException interrupted = await KillAsync(fixture, MigrationFixture.Move(method, mode), SimulatedCall.Place, place);
        await using MigrationReceiver next = NextReceiver(fixture);

        MigrationResult result = await interrupted.Migration.ResumeAsync(Route.Loopback(next.Endpoint), null, s_cancel);

        await CheckMovedAsync(fixture, next);
        Assert.Equal(method, result.Method);
        Assert.Equal(Assert.Single(fixture.Receiver.Incoming).Id, Assert.Single(next.Incoming).Id);
    }

    [Fact]
    public async Task Both_processes_can_be_killed()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Before(SimulatedCall.Place, 2, () =>
        {
            fixture.Source.KillTool();
            Kill(fixture);
        });
        await Assert.ThrowsAnyAsync<Exception>(() => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await using MigrationReceiver next = NextReceiver(fixture);
        Route route = Route.Loopback(next.Endpoint);

        await MigrationSource.TakeOver(fixture.Source, MigrationFixture.DomainName, route, new MigrationOptions()).ResumeAsync(route, null, s_cancel);

        await CheckMovedAsync(fixture, next);
    }

    [Fact]
    public async Task Who_takes_over_can_be_killed_too()
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await KillAsync(fixture, MigrationFixture.Move(MigrationMethod.PostCopy), SimulatedCall.Place, 2);
        await using MigrationReceiver second = NextReceiver(fixture);
        fixture.Destination.Faults.Before(SimulatedCall.Place, 2, () =>
        {
            fixture.Destination.KillTool();
            second.Incoming[^1].Disconnect();
        });
        interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => interrupted.Migration.ResumeAsync(Route.Loopback(second.Endpoint), null, s_cancel));
        await using MigrationReceiver third = NextReceiver(fixture);

        await interrupted.Migration.ResumeAsync(Route.Loopback(third.Endpoint), null, s_cancel);

        await CheckMovedAsync(fixture, third);
    }

    [Fact]
    public async Task Where_it_never_ran_it_is_destroyed_and_the_source_hears_so()
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await KillAsync(
            fixture, MigrationFixture.Move(MigrationMethod.PostCopy), SimulatedCall.MarkIncoming, 1);
        Assert.Equal(IncomingMark.Preparing, Assert.Single(fixture.Destination.GetDomains().Select(info => fixture.Destination.GetDomain(info.Name))).IncomingMark);
        await using MigrationReceiver next = NextReceiver(fixture);

        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => interrupted.Migration.ResumeAsync(Route.Loopback(next.Endpoint), null, s_cancel));

        Assert.Contains("runs on here", error.Message, StringComparison.Ordinal);
        Assert.Empty(fixture.Destination.GetDomains());
        Assert.Equal(IncomingHolding.Gone, Assert.Single(next.Incoming).Holding);
        fixture.CheckRunsOnAtSource();
    }

    [Fact]
    public async Task Where_it_never_ran_and_the_service_has_taken_it_down_the_source_hears_so_too()
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await KillAsync(
            fixture, MigrationFixture.Move(MigrationMethod.PostCopy), SimulatedCall.MarkIncoming, 1);
        fixture.Destination.SweepArrivals();
        Assert.Empty(fixture.Destination.GetDomains());
        await using MigrationReceiver next = NextReceiver(fixture);

        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => interrupted.Migration.ResumeAsync(Route.Loopback(next.Endpoint), null, s_cancel));

        Assert.Contains("runs on here", error.Message, StringComparison.Ordinal);
        fixture.CheckRunsOnAtSource();
    }

    [Theory]
    [InlineData(SimulatedCall.DisableRemotePF)]
    [InlineData(SimulatedCall.MarkIncoming)]
    [InlineData(SimulatedCall.Complete)]
    public async Task What_is_wholly_here_runs_on_and_gets_its_name(SimulatedCall call)
    {
        // Of its marks the second is that it is whole.
        await using MigrationFixture fixture = new();
        await KillAtEndAsync(fixture, call, call == SimulatedCall.MarkIncoming ? 2 : 1);
        await using MigrationReceiver next = NextReceiver(fixture);
        Route route = Route.Loopback(next.Endpoint);
        if (fixture.Source.GetDomains().Count > 0)
        {
            await MigrationSource.TakeOver(fixture.Source, MigrationFixture.DomainName, route, new MigrationOptions()).ResumeAsync(route, null, s_cancel);
            await CheckMovedAsync(fixture, next);
        }
    }

    [Fact]
    public async Task Another_source_gets_nothing_of_it_and_the_right_one_goes_on()
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await KillAsync(fixture, MigrationFixture.Move(MigrationMethod.PostCopy), SimulatedCall.Place, 2);
        Guid session = Assert.Single(fixture.Receiver.Incoming).Id;

        MigrationException error = Assert.Throws<MigrationException>(() => IncomingMigration.TakeOver(
            session, "AB01", fixture.Destination, PeerTimeout.Default, TimeProvider.System, new MemoryBudget(1L << 30), _ => { }));

        Assert.Equal(MigrationErrorId.NotTrusted, error.ErrorId);
        await using MigrationReceiver next = NextReceiver(fixture);
        await interrupted.Migration.ResumeAsync(Route.Loopback(next.Endpoint), null, s_cancel);
        await CheckMovedAsync(fixture, next);
    }

    /// <summary>A damaged file, or one of another version: that nothing is known here would have somebody give up the half at the source.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(-1)]
    public async Task Where_what_was_kept_is_not_understood_nobody_is_told_that_nothing_is_here(int length)
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await KillAsync(fixture, MigrationFixture.Move(MigrationMethod.PostCopy), SimulatedCall.Place, 2);
        await using MigrationReceiver damaged = NextReceiver(new DamagedJournals(fixture.Destination, length));

        interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => interrupted.Migration.ResumeAsync(Route.Loopback(damaged.Endpoint), null, s_cancel));

        Assert.Equal(MigrationErrorId.DomainState, interrupted.ErrorId);
        Assert.Contains("may be the one that is to be resumed", interrupted.Message, StringComparison.Ordinal);
        Assert.Contains("Do not destroy either side", interrupted.Remedy, StringComparison.Ordinal);
        await using MigrationReceiver next = NextReceiver(fixture.Destination);
        await interrupted.Migration.ResumeAsync(Route.Loopback(next.Endpoint), null, s_cancel);
        await CheckMovedAsync(fixture, next);
    }

    [Fact]
    public async Task What_a_living_process_has_is_not_taken_over()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Before(SimulatedCall.Place, 3, () => fixture.Receiver.Incoming[^1].Disconnect());
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await using MigrationReceiver other = NextReceiver(fixture);

        interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => interrupted.Migration.ResumeAsync(Route.Loopback(other.Endpoint), null, s_cancel));

        Assert.Empty(other.Incoming);
        await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
    }

    [Theory]
    [InlineData(SimulatedCall.OpenArrival)]
    [InlineData(SimulatedCall.EnableRemotePF)]
    public async Task A_takeover_that_fails_leaves_what_it_found_and_can_be_tried_again(SimulatedCall failing)
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await KillAsync(fixture, MigrationFixture.Move(MigrationMethod.PostCopy), SimulatedCall.Place, 2);
        await using MigrationReceiver next = NextReceiver(fixture);
        fixture.Destination.Faults.Fail(failing);

        interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => interrupted.Migration.ResumeAsync(Route.Loopback(next.Endpoint), null, s_cancel));
        Assert.Equal(0, next.Budget.Taken);

        await interrupted.Migration.ResumeAsync(Route.Loopback(next.Endpoint), null, s_cancel);
        await CheckMovedAsync(fixture, next);
    }

    [Fact]
    public async Task What_is_being_taken_over_as_the_receiver_stops_is_left_for_the_next()
    {
        await using MigrationFixture fixture = new();
        MigrationInterruptedException interrupted = await KillAsync(fixture, MigrationFixture.Move(MigrationMethod.PostCopy), SimulatedCall.Place, 2);
        MigrationReceiver stopped = NextReceiver(fixture);
        Task stopping = Task.CompletedTask;
        fixture.Destination.Faults.Before(SimulatedCall.OpenArrival, 1, () => stopping = stopped.DisposeAsync().AsTask());

        interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => interrupted.Migration.ResumeAsync(Route.Loopback(stopped.Endpoint), null, s_cancel));
        await stopping;
        Assert.Empty(stopped.Incoming);
        Assert.Equal(0, stopped.Budget.Taken);

        await using MigrationReceiver next = NextReceiver(fixture);
        await interrupted.Migration.ResumeAsync(Route.Loopback(next.Endpoint), null, s_cancel);
        await CheckMovedAsync(fixture, next);
    }

    /// <summary>Another process at the destination.</summary>
    private static MigrationReceiver NextReceiver(MigrationFixture fixture) => NextReceiver(fixture.Destination);

    private static MigrationReceiver NextReceiver(IMigrationHost host) => MigrationReceiver.Start(
        host, new IPEndPoint(IPAddress.Loopback, 0), null, TimeProvider.System, null, budget: new MemoryBudget(1L << 30));

    /// <summary>Moves, and kills the destination's process just before a call there, with all its connections.</summary>
    private static async Task<MigrationInterruptedException> KillAsync(MigrationFixture fixture, MigrationOptions options, SimulatedCall call, int number)
    {
        fixture.Destination.Faults.Before(call, number, () => Kill(fixture));
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => fixture.MigrateAsync(options));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        return interrupted;
    }

    private static async Task KillAtEndAsync(MigrationFixture fixture, SimulatedCall call, int number)
    {
        fixture.Destination.Faults.Before(call, number, () =>
        {
            fixture.Source.KillTool();
            Kill(fixture);
        });
        await Xunit.Record.ExceptionAsync(() => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
    }

    private static void Kill(MigrationFixture fixture)
    {
        fixture.Destination.KillTool();
        fixture.Receiver.Incoming[^1].Disconnect();
    }

    private static async Task CheckMovedAsync(MigrationFixture fixture, MigrationReceiver receiver)
    {
        IncomingMigration incoming = Assert.Single(receiver.Incoming);
        await incoming.Ended;
        Assert.IsType<DestinationState.Finished>(incoming.State);
        Assert.Null(incoming.AfterwardsError);
        Assert.Empty(fixture.Source.GetDomains());
        SimulatedDomain moved = fixture.Destination.GetDomain(MigrationFixture.DomainName);
        Assert.Equal(DomainState.Running, moved.State);
        Assert.Null(moved.Journal);
        fixture.CheckRunsOn(moved);
        Assert.Equal(0, receiver.Budget.Taken);
    }

    /// <summary>A host on which what was kept of arrivals is cut off, or has another first byte.</summary>
    private sealed class DamagedJournals(IMigrationHost host, int length) : ForwardingHost(host)
    {
        public override LeftArrival? OpenArrival(Func<ReadOnlyMemory<byte>, DomainDescription?> which) =>
            base.OpenArrival(kept => which(length >= 0 ? kept[..length] : (byte[])[(byte)'P', .. kept.Span[1..]]));
    }
}
