using PreRecordMigration.Estimates;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Tests.Estimates;

public sealed class MigrationEstimatorTests
{
    private const int PageCount = 10_000;

    /// <summary>A thousand pages a second, and ten milliseconds there and back.</summary>
    private static readonly LinkSpeed s_link = new(1_000L * Page.Size, TimeSpan.FromMilliseconds(10));

    private static readonly TimeSpan s_short = new MigrationOptions().MaximumDowntime;

    [Fact]
    public void A_guest_that_does_nothing_is_pre_copied_in_one_round()
    {
        MigrationEstimate estimate = MigrationEstimator.Of(Sample([], [0, 0]), Options(MigrationMethod.PreCopy), s_link);
        Assert.True(estimate.Converges);
        Assert.Equal((long)PageCount * Page.Size, estimate.BytesSent);
        Assert.InRange(estimate.TotalTime.TotalSeconds, 10, 10.2);
        Assert.Equal(0, estimate.RemoteFaults);
    }

    [Fact]
    public void A_guest_that_writes_everything_at_once_is_never_done()
    {
        MigrationOptions options = Options(MigrationMethod.PreCopy);
        MigrationEstimate estimate = MigrationEstimator.Of(Sample([], [PageCount, PageCount]), options, s_link);
        Assert.False(estimate.Converges);
        Assert.Equal((long)PageCount * (options.MaximumRounds + 1) * Page.Size, estimate.BytesSent);
        Assert.InRange(estimate.Downtime.TotalSeconds, 10, 10.2);
    }

    [Fact]
    public void Where_writes_cannot_be_tracked_all_memory_counts_as_written()
    {
        MigrationEstimate estimate = MigrationEstimator.Of(Sample([], []), Options(MigrationMethod.PreCopy), s_link);
        Assert.False(estimate.Converges);
    }

    [Fact]
    public void Pre_copy_is_advised_with_the_exposure_that_its_estimate_has()
    {
        MigrationEstimate estimate = MigrationEstimator.Of(Sample([], [0, 0]), Options(MigrationMethod.PreCopy), s_link);
        Assert.Equal(s_link.RoundTrip, estimate.Exposure);
        MigrationAdvice advice = MigrationAdvice.Choose([estimate], s_short, null);
        Assert.Contains($"needs both hosts for {s_link.RoundTrip.TotalMilliseconds:0.#} ms only", Assert.Single(advice.Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_that_touches_nothing_has_no_faults_and_is_exposed_for_as_long_as_its_memory_takes()
    {
        MigrationEstimate estimate = MigrationEstimator.Of(Sample([], [0, 0]), Options(MigrationMethod.PostCopy), s_link);
        Assert.Equal(0, estimate.RemoteFaults);
        Assert.Equal(TimeSpan.Zero, estimate.Stalled);
        Assert.InRange(estimate.Exposure.TotalSeconds, 10, 10.2);
    }

    [Fact]
    public void Each_page_touched_too_early_is_one_fault_of_a_round_trip_and_a_page()
    {
        // The highest pages come last in post-copy; all of them are touched in the first epoch.
        int[] touched = [.. Enumerable.Range(PageCount - 100, 100)];
        MigrationEstimate estimate = MigrationEstimator.Of(Sample(touched, [0, 0]), Options(MigrationMethod.PostCopy), s_link);
        Assert.Equal(100, estimate.RemoteFaults);
        Assert.Equal(100 * 0.011, estimate.Stalled!.Value.TotalSeconds, 3);
    }

    [Fact]
    public void What_travelled_in_the_window_of_a_rollback_does_not_fault()
    {
        int[] touched = [.. Enumerable.Range(PageCount - 1_000, 1_000)];
        MigrationSample sample = Sample(touched, [0, 0]);
        MigrationOptions rollback = Options(MigrationMethod.PreRecord);
        MigrationEstimate all = MigrationEstimator.Of(sample, rollback, s_link);
        Assert.Equal(0, all.RemoteFaults);
        Assert.InRange(all.Exposure.TotalSeconds, 9, 9.1);
        MigrationEstimate observed = MigrationEstimator.Of(sample, rollback with { Mode = RecordingMode.Observe }, s_link);
        Assert.InRange(observed.RemoteFaults!.Value, 1, 1_000);
        Assert.True(observed.Downtime > all.Downtime);
    }

    [Theory]
    [InlineData(RollbackProofKind.Witness, true, 1_024, 1_024 + 30)]
    [InlineData(RollbackProofKind.Witness, false, PageCount, PageCount)]
    [InlineData(RollbackProofKind.Full, true, PageCount, PageCount)]
    [InlineData(RollbackProofKind.None, true, 0, 0)]
    public void The_proof_of_a_rollback_takes_what_it_hashes(RollbackProofKind kind, bool isWitnessed, int atCheckpoint, int afterWindow)
    {
        MigrationSample taken = Sample([1, 2, 3], [20, 30]);
        TimeSpan hashTime = TimeSpan.FromMilliseconds(1);
        MigrationSample sample = new(taken.Populated, taken.Trajectory, taken.DirtyGrowth, hashTime) { IsWitnessed = isWitnessed };
        MigrationOptions rollback = Options(MigrationMethod.PreRecord) with { RollbackProof = kind };
        MigrationEstimate estimate = MigrationEstimator.Of(sample, rollback, s_link);
        Assert.Equal(hashTime * atCheckpoint, estimate.CheckpointPause);
        Assert.Equal(hashTime * afterWindow, estimate.Downtime - (2 * s_link.RoundTrip));
    }

    [Fact]
    public void Without_RemotePF_the_domain_stands_still_for_its_whole_memory_and_is_not_split()
    {
        MigrationEstimate estimate = MigrationEstimator.Of(
            Sample([1, 2, 3], [1, 2]), Options(MigrationMethod.PostCopy) with { RemotePF = false }, s_link);
        Assert.Equal(0, estimate.RemoteFaults);
        Assert.Equal(s_link.RoundTrip, estimate.Exposure);
        Assert.InRange(estimate.Downtime.TotalSeconds, 10, 10.2);
    }

    [Fact]
    public void A_hybrid_move_ends_its_rounds_where_they_gain_nothing_and_misses_what_they_leave()
    {
        // Three thousand pages that are written again and again, the first thousand of them touched at once.
        MigrationSample sample = Sample([.. Enumerable.Range(0, 1_000)], [3_000, 3_000]);
        MigrationEstimate hybrid = MigrationEstimator.Of(sample, Options(MigrationMethod.Hybrid), s_link);
        MigrationEstimate postCopy = MigrationEstimator.Of(sample, Options(MigrationMethod.PostCopy), s_link);
        MigrationEstimate preCopy = MigrationEstimator.Of(sample, Options(MigrationMethod.PreCopy), s_link);
        Assert.Equal((long)(PageCount + 3_000 + 3_000) * Page.Size, hybrid.BytesSent);
        Assert.Equal(3.01, hybrid.Exposure.TotalSeconds, 3);
        Assert.True(hybrid.Converges);
        Assert.InRange(hybrid.RemoteFaults!.Value, 1, 1_000);
        Assert.Equal(postCopy.Downtime, hybrid.Downtime);
        Assert.True(hybrid.Downtime < preCopy.Downtime);
        Assert.True(hybrid.Exposure < postCopy.Exposure);
    }

    /// <summary>Five rounds, each of which leaves three quarters of what it sent: 2,373 of ten thousand pages.</summary>
    [Fact]
    public void Without_a_sample_a_hybrid_move_misses_what_rounds_leave_that_get_the_better_of_the_writes()
    {
        MigrationOptions options = Options(MigrationMethod.Hybrid);
        MigrationEstimate bySize = MigrationEstimator.OfSize(PageCount, options, s_link);
        Assert.Equal(10 * Math.Pow(0.75, options.MaximumRounds) + 0.01, bySize.Exposure.TotalSeconds, 3);
        MigrationSample slow = Sample([1, 2, 3], [100, 200]);
        Assert.True(MigrationEstimator.Of(slow, options, s_link).Exposure < bySize.Exposure);
        Assert.InRange(MigrationEstimator.OfSize(PageCount, Options(MigrationMethod.PostCopy), s_link).Exposure.TotalSeconds, 10, 10.2);
        Assert.Equal(s_link.RoundTrip, MigrationEstimator.OfSize(PageCount, options with { RemotePF = false }, s_link).Exposure);
    }

    /// <summary>A thousand pages that are written again and again take a second; another round leaves as many.</summary>
    [Theory]
    [InlineData(1_500, true, 2)]
    [InlineData(300, false, 5)]
    public void Pre_copy_converges_where_what_is_left_takes_no_longer_than_the_domain_may_stand_still(int most, bool converges, int rounds)
    {
        MigrationOptions options = Options(MigrationMethod.PreCopy) with { MaximumDowntime = TimeSpan.FromMilliseconds(most) };
        MigrationEstimate estimate = MigrationEstimator.Of(Sample([], [1_000, 1_000]), options, s_link);
        Assert.Equal((converges, PageCount + (1_000L * rounds)), (estimate.Converges, estimate.BytesSent / Page.Size));
    }

    [Fact]
    public void A_hybrid_move_without_RemotePF_costs_what_pre_copy_does()
    {
        MigrationSample sample = Sample([1, 2, 3], [100, 200]);
        MigrationEstimate hybrid = MigrationEstimator.Of(sample, Options(MigrationMethod.Hybrid) with { RemotePF = false }, s_link);
        Assert.Equal(MigrationEstimator.Of(sample, Options(MigrationMethod.PreCopy), s_link) with { Method = MigrationMethod.Hybrid }, hybrid);
    }

    [Fact]
    public void Pre_copy_is_advised_where_it_converges_and_left_out_of_nothing()
    {
        MigrationEstimate preCopy = Estimate(MigrationMethod.PreCopy, downtime: 0.1, exposure: 0.001);
        MigrationEstimate postCopy = Estimate(MigrationMethod.PostCopy, downtime: 0.01, exposure: 10);
        Assert.Same(preCopy, MigrationAdvice.Choose([preCopy, postCopy], s_short, null).Choice);
        Assert.Same(postCopy, MigrationAdvice.Choose([preCopy with { Downtime = TimeSpan.FromSeconds(2) }, postCopy], s_short, null).Choice);
        MigrationAdvice limited = MigrationAdvice.Choose([preCopy with { Converges = false }, postCopy], s_short, TimeSpan.FromSeconds(5));
        Assert.Equal(MigrationMethod.PreCopy, limited.Choice!.Method);
        Assert.Contains(limited.Reasons, reason => reason.Contains("left out", StringComparison.Ordinal));
    }

    [Fact]
    public void What_a_rollback_discards_counts_as_waiting()
    {
        MigrationSample sample = Sample([1, 2, 3], [0, 0]);
        MigrationEstimate observe = MigrationEstimator.Of(sample, Options(MigrationMethod.PreRecord) with { Mode = RecordingMode.Observe }, s_link);
        MigrationOptions rolledBack = Options(MigrationMethod.PreRecord) with { Mode = RecordingMode.Rollback };
        MigrationEstimate rollback = MigrationEstimator.Of(sample, rolledBack, s_link);
        Assert.Equal(TimeSpan.Zero, observe.DiscardedExecution);
        Assert.Equal(observe.Downtime + observe.Stalled!.Value, observe.ClientsWait);
        Assert.Equal(rolledBack.Window, rollback.DiscardedExecution);
        Assert.Equal(rollback.CheckpointPause + rolledBack.Window + rollback.Downtime + rollback.Stalled!.Value, rollback.ClientsWait);
        Assert.Equal(rolledBack.Window, MigrationEstimator.OfSize(PageCount, rolledBack, s_link).DiscardedExecution);
    }

    [Theory]
    [InlineData(100, 100, RecordingMode.Observe)]
    [InlineData(2_000, 100, RecordingMode.Rollback)]
    [InlineData(2_000, 2_000, RecordingMode.Observe)]
    public void A_rollback_is_chosen_where_clients_wait_the_shorter_with_it(int stalledObserving, int stalledRolledBack, RecordingMode chosen)
    {
        MigrationEstimate observe = MigrationEstimator.OfSize(PageCount, Options(MigrationMethod.PreRecord) with { Mode = RecordingMode.Observe }, s_link)
            with
        { Stalled = TimeSpan.FromMilliseconds(stalledObserving) };
        MigrationEstimate rollback = observe with
        {
            Mode = RecordingMode.Rollback,
            DiscardedExecution = TimeSpan.FromMilliseconds(500),
            Stalled = TimeSpan.FromMilliseconds(stalledRolledBack),
        };
        (RecordingMode mode, string reason) = MigrationAdvice.ChooseMode(observe, rollback, null);
        Assert.Equal(chosen, mode);
        Assert.StartsWith($"{chosen}: clients wait", reason, StringComparison.Ordinal);
        Assert.Contains("500 ms that are discarded", reason, StringComparison.Ordinal);
        Assert.Equal(chosen == RecordingMode.Rollback ? rollback : observe, MigrationAdvice.Choose([observe, rollback], s_short, null).Choice);

        Assert.Equal(RecordingMode.Observe, MigrationAdvice.ChooseMode(observe with { Stalled = null }, rollback, null).Mode);
        Assert.Equal(RecordingMode.Observe, MigrationAdvice.ChooseMode(null, null, null).Mode);
        (mode, reason) = MigrationAdvice.ChooseMode(observe, rollback, "vif 0 is there.");
        Assert.Equal(RecordingMode.Observe, mode);
        Assert.Contains("not possible. vif 0 is there.", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nothing_is_possible_nothing_is_advised() => Assert.Null(MigrationAdvice.Choose([], s_short, null).Choice);

    private static MigrationOptions Options(MigrationMethod method) => new()
    {
        Method = method,
        Window = TimeSpan.FromSeconds(1),
        Epoch = TimeSpan.FromMilliseconds(500),
    };

    private static MigrationEstimate Estimate(MigrationMethod method, double downtime, double exposure) => new()
    {
        Method = method,
        TotalTime = TimeSpan.FromSeconds(exposure + downtime),
        Downtime = TimeSpan.FromSeconds(downtime),
        Exposure = TimeSpan.FromSeconds(exposure),
        BytesSent = 1,
        RemoteFaults = 0,
        Stalled = TimeSpan.Zero,
    };

    /// <summary>Two epochs of half a second; the pages are touched in the first.</summary>
    private static MigrationSample Sample(int[] touched, int[] dirtyGrowth)
    {
        PageBitmap populated = new(PageCount);
        populated.SetAll();
        AccessRecord[] records = [.. touched.Select((pfn, index) => new AccessRecord(index, 0, pfn, AccessKind.Read))];
        return new MigrationSample(
            populated, new AccessTrajectory(records, PageCount, TimeSpan.FromMilliseconds(500), 2, true), dirtyGrowth, TimeSpan.Zero);
    }
}
