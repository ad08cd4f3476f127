using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.History;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;

namespace PreRecordMigration.Tests.Operations;

/// <summary>Each end of a migration is in the history by the time that it has ended, at the source and at the receiver.</summary>
public sealed class HistoryTests
{
    [Fact]
    public async Task A_move_that_goes_well_is_noted_with_its_numbers_by_both_sides()
    {
        using WorkspaceFixture fixture = new();
        MigrationReceiver receiver = Receive(fixture);
        MigrationJob job = await fixture.MoveAsync(MigrationMethod.PreRecord);
        await receiver.Incoming[0].Ended;
        HistoryEntry source = Last(fixture, HistorySide.Source);
        Assert.Equal((HistoryFate.Moved, MigrationFixture.DomainName, "xen1", "xen2"), (source.Fate, source.Name, source.Source, source.Destination));
        Assert.Equal(
            (MigrationMethod.PreRecord, MigrationFixture.Move(MigrationMethod.PreRecord).Mode, "Simulated", 1),
            (source.Method, source.Mode, source.Hypervisor, source.Attempts));
        Assert.Equal(job.Outcome!.TotalTime, source.TotalTime, 1e-6);
        Assert.Equal(job.Outcome.Downtime, source.Downtime!.Value, 1e-6);
        Assert.Equal(job.Outcome.BytesSent, source.BytesSent);
        Assert.Equal(job.Outcome.RemoteFaults, source.RemoteFaults);
        Assert.Null(source.Error ?? source.ErrorId);
        HistoryEntry destination = Last(fixture, HistorySide.Destination);
        Assert.Equal((HistoryFate.Moved, MigrationFixture.DomainName, "xen2"), (destination.Fate, destination.Name, destination.Destination));
        Assert.Null(destination.Error);
        Assert.Null(job.HistoryProblem);
        fixture.Workspace.Receivers.Stop(receiver);
        Assert.Equal(2, fixture.History.Read().Entries.Count);
    }

    [Fact]
    public async Task A_move_within_a_process_is_noted_once_where_it_has_a_receiver_of_its_own()
    {
        using WorkspaceFixture fixture = new();
        await fixture.MoveAsync();
        Assert.Equal(HistorySide.Source, Assert.Single(fixture.History.Read().Entries).Side);
    }

    [Fact]
    public async Task A_move_that_fails_is_noted_with_the_error_and_its_domain_runs_on()
    {
        using WorkspaceFixture fixture = new();
        MigrationReceiver receiver = Receive(fixture);
        fixture.Destination.Faults.Fail(SimulatedCall.Restore, 1, new MigrationException(MigrationErrorId.HypervisorCall, "Restore failed.", "Again."));
        MigrationJob job = await fixture.MoveAsync();
        await receiver.Incoming[0].Ended;
        HistoryEntry source = Last(fixture, HistorySide.Source);
        Assert.Equal((HistoryFate.RanOn, job.Describe().Error), (source.Fate, source.Error));
        Assert.Null(source.Downtime);
        HistoryEntry destination = Last(fixture, HistorySide.Destination);
        Assert.Equal((HistoryFate.NeverRan, "HypervisorCall"), (destination.Fate, destination.ErrorId));
        Assert.Contains("Restore failed.", destination.Error, StringComparison.Ordinal);
        fixture.Workspace.Receivers.Stop(receiver);
    }

    [Fact]
    public async Task A_move_that_is_stopped_is_noted_as_one_whose_domain_runs_on()
    {
        using WorkspaceFixture fixture = new();
        TaskCompletionSource<MigrationJob> started = new();
        fixture.Destination.Faults.Before(SimulatedCall.Restore, 1, () => started.Task.Result.Cancel());
        started.SetResult(fixture.Workspace.Migrations.Start(fixture.Move()));
        await (await started.Task).Ended;
        HistoryEntry entry = Last(fixture, HistorySide.Source);
        Assert.Equal((HistoryFate.RanOn, "Cancelled"), (entry.Fate, entry.ErrorId));
    }

    [Fact]
    public async Task An_interruption_is_noted_by_both_sides_and_so_is_the_end_of_what_was_resumed()
    {
        using WorkspaceFixture fixture = new();
        MigrationReceiver receiver = Receive(fixture);
        MigrationJob job = await fixture.InterruptAsync();
        await receiver.Incoming[0].Ended;
        Assert.Equal(HistoryFate.Interrupted, Last(fixture, HistorySide.Source).Fate);
        Assert.Equal(HistoryFate.Interrupted, Last(fixture, HistorySide.Destination).Fate);
        fixture.Workspace.Migrations.Resume(job, null);
        await job.Ended;
        await receiver.Incoming[0].Ended;
        foreach (HistorySide side in Enum.GetValues<HistorySide>())
        {
            Assert.Equal((HistoryFate.Moved, 2), (Last(fixture, side).Fate, Last(fixture, side).Attempts));
        }

        fixture.Workspace.Receivers.Stop(receiver);
    }

    [Fact]
    public async Task What_is_given_up_is_noted_by_both_sides()
    {
        using WorkspaceFixture fixture = new();
        MigrationReceiver receiver = Receive(fixture);
        MigrationJob job = await fixture.InterruptAsync();
        fixture.Workspace.Migrations.GiveUp(job);
        Assert.Equal(HistoryFate.GivenUp, Last(fixture, HistorySide.Source).Fate);
        Assert.Equal(HistoryFate.GivenUp, Last(fixture, HistorySide.Destination).Fate);
        fixture.Workspace.Receivers.Stop(receiver);
    }

    [Fact]
    public async Task What_could_not_be_destroyed_is_noted_as_unfinished()
    {
        using WorkspaceFixture fixture = new();
        MigrationJob job = await fixture.InterruptAsync();
        for (int number = 1; number <= 3; number++)
        {
            fixture.Source.Faults.Fail(SimulatedCall.DestroySource, number, new MigrationException(MigrationErrorId.HypervisorCall, "It stays.", "Again."));
        }

        Assert.ThrowsAny<MigrationException>(() => fixture.Workspace.Migrations.GiveUp(job));
        HistoryEntry entry = Last(fixture, HistorySide.Source);
        Assert.Equal(HistoryFate.Unfinished, entry.Fate);
        Assert.Contains("It stays.", entry.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_noted_fails_no_move_and_is_said()
    {
        using WorkspaceFixture fixture = new();
        fixture.History.Configured = () => throw new FormatException("No limits.");
        MigrationJob job = await fixture.MoveAsync();
        Assert.Equal(MigrationState.Completed, job.State);
        Assert.Contains("No limits.", job.HistoryProblem!.Message, StringComparison.Ordinal);
    }

    private static MigrationReceiver Receive(WorkspaceFixture fixture) =>
        fixture.Workspace.Receivers.Start(fixture.Destination, new IPEndPoint(IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30));

    private static HistoryEntry Last(WorkspaceFixture fixture, HistorySide side) => fixture.History.Read(entry => entry.Side == side).Entries[^1];
}
