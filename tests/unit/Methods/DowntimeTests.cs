using System.Collections.Concurrent;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Bounds of a migration from its first round to its last page. The guests run where a test lets them.</summary>
public sealed class DowntimeTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;
    private static readonly MigrationOptions s_preCopy = MigrationFixture.Move(MigrationMethod.PreCopy);

    /// <summary>Shorter than anything takes.</summary>
    private static readonly TimeSpan s_never = TimeSpan.FromTicks(1);

    [Fact]
    public async Task A_downtime_that_cannot_be_short_enough_is_said_after_the_last_round_and_the_domain_moves()
    {
        await using MigrationFixture fixture = Busy();
        Warnings warnings = [];
        MigrationResult result = await fixture.MigrateAsync(s_preCopy with { MaximumDowntime = s_never, Warnings = warnings });
        await fixture.CheckMovedAsync();
        Assert.Equal(s_preCopy.MaximumRounds, result.Rounds);
        string said = Assert.Single(warnings).Message;
        Assert.Contains("'web01' writes too fast for the way to the destination: after 5 rounds ", said, StringComparison.Ordinal);
        Assert.Contains("longer than the limit of 0 us. It is moved all the same.", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_domain_that_is_to_stay_then_is_never_stopped()
    {
        await using MigrationFixture fixture = Busy();
        Warnings warnings = [];
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => fixture.MigrateAsync(
            s_preCopy with { MaximumDowntime = s_never, DowntimeAction = LongDowntimeAction.Stop, Warnings = warnings }));
        Assert.Equal((MigrationErrorId.DowntimeTooLong, MigrationFixture.DomainName), (error.ErrorId, error.Target));
        Assert.Contains("It was not stopped, and runs on.", error.Message, StringComparison.Ordinal);
        Assert.Contains("-Method Hybrid", error.Remedy, StringComparison.Ordinal);
        Assert.Empty(warnings);
        Assert.Equal(0, fixture.Source.Faults.CountOf(SimulatedCall.Suspend));
        await fixture.CheckStayedAsync();
        Assert.Contains("longer than the limit", Assert.Single(fixture.Receiver.Incoming).Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rounds_end_where_another_one_gains_nothing_and_the_downtime_is_short_enough()
    {
        await using MigrationFixture fixture = Busy();
        Warnings warnings = [];
        MigrationResult result = await fixture.MigrateAsync(s_preCopy with { MaximumDowntime = TimeSpan.FromDays(1), Warnings = warnings });
        await fixture.CheckMovedAsync();
        Assert.InRange(result.Rounds, 2, s_preCopy.MaximumRounds - 1);
        Assert.Empty(warnings);
    }

    [Fact]
    public async Task A_domain_that_leaves_few_pages_is_not_asked_how_long_they_take()
    {
        await using MigrationFixture fixture = new();
        Warnings warnings = [];
        MigrationResult result = await fixture.MigrateAsync(
            s_preCopy with { MaximumDowntime = s_never, DowntimeAction = LongDowntimeAction.Stop, Warnings = warnings });
        await fixture.CheckMovedAsync();
        Assert.Equal(1, result.Rounds);
        Assert.Empty(warnings);
    }

    [Fact]
    public async Task A_limit_that_is_raised_while_rounds_go_on_holds_from_the_next_look_on()
    {
        await using MigrationFixture fixture = Busy(from: 4);
        MigrationLimits limits = new(s_preCopy.Bounds with { MaximumDowntime = s_never });
        for (int round = 1; round <= 3; round++)
        {
            int number = round;
            fixture.Source.Faults.Before(SimulatedCall.Collect, round, () =>
            {
                fixture.Domain.RunOperations(5_000, s_cancel);
                if (number == 3)
                {
                    limits.Change(bounds => bounds with { MaximumDowntime = TimeSpan.FromDays(1) });
                }
            });
        }

        MigrationResult result = await fixture.MigrateAsync(s_preCopy with { DowntimeAction = LongDowntimeAction.Stop, Limits = limits });
        await fixture.CheckMovedAsync();
        Assert.Equal(3, result.Rounds);
    }

    [Fact]
    public async Task What_follows_after_the_domain_has_moved_is_no_downtime()
    {
        MigrationOptions hybrid = MigrationFixture.Move(MigrationMethod.Hybrid) with { MaximumDowntime = s_never, DowntimeAction = LongDowntimeAction.Stop };
        Warnings warnings = [];
        await using MigrationFixture fixture = Busy();
        MigrationResult result = await fixture.MigrateAsync(hybrid with { Warnings = warnings });
        await fixture.CheckMovedAsync();
        Assert.True(result.PagesLeftAtCommit > hybrid.DirtyPageThreshold);
        Assert.Empty(warnings);

        await using MigrationFixture other = Busy();
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => other.MigrateAsync(hybrid with { RemotePF = false }));
        Assert.Equal(MigrationErrorId.DowntimeTooLong, error.ErrorId);
        await other.CheckStayedAsync();
    }

    /// <summary>A byte a second would take years, and the push waits for days when the limit is lifted.</summary>
    [Theory]
    [InlineData(MigrationMethod.PostCopy)]
    [InlineData(MigrationMethod.Hybrid)]
    public async Task An_exposure_that_is_too_long_lifts_the_limit_that_the_push_waits_for(MigrationMethod method)
    {
        await using MigrationFixture fixture = new();
        MigrationOptions options = MigrationFixture.Move(method);
        MigrationLimits limits = new(options.Bounds with { MaximumExposure = s_never });
        fixture.Source.Faults.Before(SimulatedCall.Suspend, 1, () =>
        {
            fixture.Domain.RunOperations(5_000, s_cancel);
            limits.Change(bounds => bounds with { BandwidthLimit = 1 });
        });
        Warnings warnings = [];
        await fixture.MigrateAsync(options with { Limits = limits, Warnings = warnings });
        await fixture.CheckMovedAsync();
        Assert.Null(limits.Now.BandwidthLimit);
        Assert.Contains(warnings, warning => warning.Message.Contains("The bandwidth limit of 1 B/s is lifted.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_limit_that_is_lifted_by_hand_frees_the_rounds_that_wait_for_it()
    {
        await using MigrationFixture fixture = new();
        MigrationLimits limits = new(s_preCopy.Bounds with { BandwidthLimit = 1 });
        int reads = 0;
        fixture.Destination.Faults.Before(SimulatedCall.Write, 1, () =>
        {
            // The first pages have arrived, after which their sender waits.
            reads++;
            limits.Change(bounds => bounds with { BandwidthLimit = null });
        });
        await fixture.MigrateAsync(s_preCopy with { Limits = limits });
        await fixture.CheckMovedAsync();
        Assert.Equal(1, reads);
    }

    /// <summary>A guest that writes as much in each round.</summary>
    private static MigrationFixture Busy(int from = 1)
    {
        MigrationFixture fixture = new(MigrationFixture.Options() with { StopAtOperations = 300_000 });
        for (int round = from; round < 50; round++)
        {
            fixture.Source.Faults.Before(SimulatedCall.Collect, round, () =>
            {
                if (fixture.Domain.State == DomainState.Running)
                {
                    fixture.Domain.RunOperations(5_000, s_cancel);
                }
            });
        }

        return fixture;
    }

    private sealed class Warnings : ConcurrentQueue<MigrationWarning>, IProgress<MigrationWarning>
    {
        public void Report(MigrationWarning value) => Enqueue(value);
    }
}
