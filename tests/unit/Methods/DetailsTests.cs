using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;

namespace PreRecordMigration.Tests.Methods;

/// <summary>What a move tells beyond its sums agrees with its sums, by every method.</summary>
public sealed class DetailsTests
{
    public static TheoryData<MigrationMethod, RecordingMode> Moves => new()
    {
        { MigrationMethod.PreCopy, RecordingMode.Observe },
        { MigrationMethod.PostCopy, RecordingMode.Observe },
        { MigrationMethod.Hybrid, RecordingMode.Observe },
        { MigrationMethod.PreRecord, RecordingMode.Observe },
        { MigrationMethod.PreRecord, RecordingMode.Rollback },
    };

    [Theory]
    [MemberData(nameof(Moves))]
    public async Task The_parts_are_the_whole(MigrationMethod method, RecordingMode mode)
    {
        await using MigrationFixture fixture = new();
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(method, mode));
        await fixture.CheckMovedAsync();
        MigrationDetails details = result.Details;

        Assert.Equal(result.RemoteFaults, details.Faults.Latencies.Sum(bucket => bucket.Count));
        Assert.Equal(result.RemoteFaults, details.Faults.Vcpus.Sum(stall => stall.Faults));
        Assert.Equal(result.RemoteFaults, details.Faults.OverTime.Sum(interval => interval.Faults));
        long stalled = details.Faults.Vcpus.Sum(stall => stall.Stalled.Ticks);
        Assert.InRange(stalled, result.FaultLatency.Total.Ticks - result.RemoteFaults, result.FaultLatency.Total.Ticks);
        Assert.All(details.Faults.Vcpus, stall => Assert.InRange(stall.Vcpu, 0, fixture.Domain.Options.VcpuCount - 1));

        // A page that was asked for may come by the push before it is answered for.
        Assert.InRange(details.Faults.Causes.Sum(cause => cause.Count), result.PagesDemanded, result.PagesDemanded + result.RemoteFaults);
        Assert.All(details.Faults.Latencies, bucket => Assert.True(bucket.From < bucket.To));
        if (details.Faults.Latencies.Count > 0)
        {
            Assert.InRange(result.FaultLatency.Maximum, details.Faults.Latencies[^1].From, details.Faults.Latencies[^1].To);
        }

        SentPages sent = details.Memory.Aggregate(SentPages.None, (sum, cell) => sum.Plus(cell.Sent));
        CheckSame(result.Pages, sent);
        Assert.Equal(fixture.Domain.Memory.PageCount, details.Memory.Sum(cell => cell.Pages));
        Assert.Equal(result.Pages.Recorded, details.Prediction.Recorded);
        if (method == MigrationMethod.PreRecord)
        {
            PredictionScore score = details.Prediction;

            // A guest that got no turn before all had come has used nothing.
            Assert.InRange(score.RecordedUsed ?? -1, 0, score.Recorded);
            Assert.InRange(score.PredictedUsed ?? -1, 0, score.Predicted);
            Assert.InRange(score.Used ?? -1, score.RecordedUsed!.Value + score.PredictedUsed!.Value, fixture.Domain.Memory.PageCount);
            Assert.InRange(score.Precision ?? -1, 0, 1);
            Assert.Equal(score.Used > 0 ? (double)(score.RecordedUsed + score.PredictedUsed).Value / score.Used : null, score.Recall);
        }

        Assert.InRange(details.SourceMemoryFreed, TimeSpan.FromTicks(1), result.TotalTime);
        Assert.All(details.Memory, cell => Assert.InRange(cell.LastSent, TimeSpan.Zero, result.TotalTime));
        if (method != MigrationMethod.PreRecord)
        {
            Assert.All(details.Faults.Causes, cause => Assert.True(cause.Cause is FaultCause.NotPredictable or FaultCause.RecordedLate));
        }
    }

    [Fact]
    public async Task A_resumed_move_has_the_faults_and_the_pages_of_all_its_attempts()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Fail(SimulatedCall.Place, 20);
        MigrationInterruptedException lost = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        MigrationResult result = await lost.Migration.ResumeAsync(fixture.Route, null, TestContext.Current.CancellationToken);
        await fixture.CheckMovedAsync();
        Assert.Equal(result.RemoteFaults, result.Details.Faults.Latencies.Sum(bucket => bucket.Count));
        CheckSame(result.Pages, result.Details.Memory.Aggregate(SentPages.None, (sum, cell) => sum.Plus(cell.Sent)));
    }

    [Fact]
    public async Task Progress_says_which_pages_went_who_has_the_domain_and_how_it_waits()
    {
        await using MigrationFixture fixture = new();
        List<MigrationProgress> reports = [];
        await MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            fixture.Route,
            MigrationFixture.Move(MigrationMethod.PostCopy) with { BandwidthLimit = 8 << 20 },
            new Direct(reports.Add),
            TestContext.Current.CancellationToken);
        await fixture.CheckMovedAsync();
        Assert.Contains(reports, report => report is { Holder: DomainHolder.Source, Phase: MigrationPhase.Prepare });
        MigrationProgress pushing = reports.Last(report => report is { Phase: MigrationPhase.Push, Holder: DomainHolder.Both });
        Assert.True(pushing.Pages.Core > 0);
        Assert.All(reports, report => Assert.True(report.StalledShare is null or (>= 0 and <= 1)));
        Assert.All(reports, report => Assert.True(report.FaultsPerSecond >= 0));
        Assert.Contains(reports, report => report.StalledShare is not null);
    }

    /// <summary>Who answers a last request may still be counting it when the move has ended.</summary>
    private static void CheckSame(SentPages expected, SentPages actual)
    {
        Assert.Equal(expected with { Zero = 0, Demanded = 0 }, actual with { Demanded = 0 });
        Assert.InRange(actual.Demanded, expected.Demanded - 16, expected.Demanded + 16);
    }

    private sealed class Direct(Action<MigrationProgress> report) : IProgress<MigrationProgress>
    {
        public void Report(MigrationProgress value) => report(value);
    }
}
