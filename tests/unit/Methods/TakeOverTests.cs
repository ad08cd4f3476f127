using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Reliability;

namespace PreRecordMigration.Tests.Methods;

/// <summary>The source's process is killed after the commit: another one takes the migration over, and nothing is lost.</summary>
public sealed class TakeOverTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    /// <summary>Rollback with originals in the process' memory alone, as where the runtime folder has no room.</summary>
    private static MigrationOptions InMemory => MigrationFixture.Move(MigrationMethod.PreRecord) with { OriginalsOutliveProcess = false };

    [Theory]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe, 1)]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe, 7)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Observe, 3)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Rollback, 20)]
    public async Task A_migration_whose_source_was_killed_goes_on_in_another_process_to_the_byte(MigrationMethod method, RecordingMode mode, int place)
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { VcpuCount = 2 });
        await KillSourceAsync(fixture, MigrationFixture.Move(method, mode), SimulatedCall.Place, place);
        Assert.True(Assert.Single(fixture.Receiver.Incoming).MissingPages > 0);

        InterruptedMigration taken = TakeOver(fixture);

        Assert.Equal(Assert.Single(fixture.Receiver.Incoming).Id, taken.Id);
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);
        MigrationResult result = await taken.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
        Assert.Equal(method, result.Method);
        Assert.Equal(method == MigrationMethod.PreRecord ? mode : null, result.Mode);
    }

    [Fact]
    public async Task A_checkpoint_is_taken_over_from_the_commit_on_and_nothing_is_left_of_its_originals()
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { VcpuCount = 2 });
        fixture.Destination.Faults.Before(SimulatedCall.Unpause, 1, () =>
        {
            fixture.Source.KillTool();
            fixture.Receiver.Incoming[^1].Disconnect();
        });
        await Assert.ThrowsAnyAsync<Exception>(() => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord)));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        Guid kept = Departure.Read(fixture.Domain.NotedDeparture)!.Continuation!.Originals!.Value;
        Assert.True(PageBackup.Reopen(kept, fixture.Domain.Memory.PageCount).Count > 0);

        MigrationResult result = await TakeOver(fixture).ResumeAsync(fixture.Route, null, s_cancel);

        await fixture.CheckMovedAsync();
        Assert.Equal(RecordingMode.Rollback, result.Mode);
        Assert.Equal(MigrationErrorId.DomainState, Assert.Throws<MigrationException>(() => PageBackup.Reopen(kept, fixture.Domain.Memory.PageCount)).ErrorId);
    }

    [Fact]
    public async Task Without_its_originals_a_checkpoint_is_not_taken_over_and_stays_as_it_is()
    {
        await using MigrationFixture fixture = new();
        await KillSourceAsync(fixture, MigrationFixture.Move(MigrationMethod.PreRecord), SimulatedCall.Place, 20);
        BackupFiles.Delete(Departure.Read(fixture.Domain.NotedDeparture)!.Continuation!.Originals!.Value);

        for (int i = 0; i < 2; i++)
        {
            MigrationException refusal = Assert.Throws<MigrationException>(() => TakeOver(fixture));
            Assert.Equal(MigrationErrorId.DomainState, refusal.ErrorId);
            Assert.Contains("originals", refusal.Message, StringComparison.Ordinal);
        }

        Assert.NotEqual(DomainState.Running, fixture.Domain.State);
    }

    [Fact]
    public async Task Where_the_destination_says_that_it_never_ran_there_the_domain_runs_on_here()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Before(SimulatedCall.Unpause, 1, () =>
        {
            fixture.Source.KillTool();
            fixture.Receiver.Incoming.Single().Disconnect();
            throw new MigrationException(MigrationErrorId.HypervisorCall, "It could not be started.", "None.");
        });
        await Assert.ThrowsAnyAsync<Exception>(() => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord, RecordingMode.Observe)));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        Assert.Empty(fixture.Destination.GetDomains());

        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => TakeOver(fixture).ResumeAsync(fixture.Route, null, s_cancel));

        Assert.IsNotType<MigrationInterruptedException>(error);
        Assert.Equal(DomainState.Running, fixture.Domain.State);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task Of_two_processes_that_take_a_migration_over_one_succeeds()
    {
        await using MigrationFixture fixture = new();
        await KillSourceAsync(fixture, MigrationFixture.Move(MigrationMethod.PostCopy), SimulatedCall.Place, 2);
        InterruptedMigration taken = TakeOver(fixture);

        Assert.Equal(MigrationErrorId.DomainBusy, Assert.Throws<MigrationException>(() => TakeOver(fixture)).ErrorId);

        await taken.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task Who_takes_over_can_be_killed_too()
    {
        await using MigrationFixture fixture = new();
        await KillSourceAsync(fixture, MigrationFixture.Move(MigrationMethod.PostCopy), SimulatedCall.Place, 2);
        Kill(fixture, SimulatedCall.Place, 2);
        await Assert.ThrowsAnyAsync<MigrationException>(() => TakeOver(fixture).ResumeAsync(fixture.Route, null, s_cancel));
        await Assert.Single(fixture.Receiver.Incoming).Ended;

        await TakeOver(fixture).ResumeAsync(fixture.Route, null, s_cancel);

        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task A_checkpoint_whose_originals_would_end_with_the_process_does_not_leave()
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { VcpuCount = 2 });

        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => fixture.MigrateAsync(InMemory));

        Assert.Equal(MigrationErrorId.BackupStoreFull, error.ErrorId);
        Assert.Contains("would outlive this process", error.Message, StringComparison.Ordinal);
        Assert.Contains(RuntimeFolder.VariableName, error.Remedy, StringComparison.Ordinal);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_takeover_that_fails_at_once_can_be_tried_again()
    {
        await using MigrationFixture fixture = new();
        await KillSourceAsync(fixture, MigrationFixture.Move(MigrationMethod.PostCopy), SimulatedCall.Place, 2);
        FaultPlan plan = new([new Disturbance("source ISourceDomain.GetPopulatedPages", 1, Upset.Fails)]);
        Assert.Throws<MigrationException>(() => MigrationSource.TakeOver(
            FaultyHost.Wrap(fixture.Source, plan, "source"), MigrationFixture.DomainName, fixture.Route, new MigrationOptions()));

        await TakeOver(fixture).ResumeAsync(fixture.Route, null, s_cancel);

        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task What_was_not_leaving_is_not_taken_over_and_runs_on()
    {
        await using MigrationFixture fixture = new();

        Assert.Equal(MigrationErrorId.DomainState, Assert.Throws<MigrationException>(() => TakeOver(fixture)).ErrorId);

        Assert.Equal(DomainState.Running, fixture.Domain.State);
        fixture.Source.OpenSource(MigrationFixture.DomainName).Dispose();
    }

    private static InterruptedMigration TakeOver(MigrationFixture fixture) =>
        MigrationSource.TakeOver(fixture.Source, MigrationFixture.DomainName, fixture.Route, new MigrationOptions());

    /// <summary>Moves, and kills the source's process just before a call at the destination, with all its connections.</summary>
    private static async Task KillSourceAsync(MigrationFixture fixture, MigrationOptions options, SimulatedCall call, int number)
    {
        Kill(fixture, call, number);
        await Assert.ThrowsAnyAsync<Exception>(() => fixture.MigrateAsync(options));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
    }

    private static void Kill(MigrationFixture fixture, SimulatedCall call, int number) => fixture.Destination.Faults.Before(call, number, () =>
    {
        fixture.Source.KillTool();
        fixture.Receiver.Incoming[^1].Disconnect();
    });
}
