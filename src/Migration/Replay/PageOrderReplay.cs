using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Replay;

/// <summary>Judges page orders by replaying a trajectory whose second part is the future.</summary>
public static class PageOrderReplay
{
    /// <summary>Replays every order, the best first: least stall time, then fewest faults.</summary>
    /// <param name="name">The trajectory's name, for the results.</param>
    /// <param name="trajectory">What the guest did.</param>
    /// <param name="populated">The pages that have to travel.</param>
    /// <param name="options">What is assumed.</param>
    /// <param name="onOrder">Told how many orders have been replayed, after each; null for nobody.</param>
    /// <param name="cancellationToken">Ends the work between two orders.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The pages are those of another guest.</exception>
    public static IReadOnlyList<ReplayResult> Measure(
        string name,
        AccessTrajectory trajectory,
        PageBitmap populated,
        ReplayOptions options,
        Action<int>? onOrder = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(populated.PageCount, trajectory.PageCount, nameof(populated));
        options.Validate();
        ReplaySplit split = ReplaySplit.Cut(trajectory, options);
        Dictionary<ReplayOrder, (ReplayCounts Counts, PageOrder? Order)> runs = [];
        foreach (ReplayOrder order in Enum.GetValues<ReplayOrder>())
        {
            cancellationToken.ThrowIfCancellationRequested();
            PageBitmap unsent = populated.Clone();
            ReplaySimulation simulation = new(unsent, split, options);
            (IPushOrder push, PageOrder? made) = Make(order, unsent, split, options);
            runs[order] = (simulation.Run(push, isRecordingAwaited: order == ReplayOrder.RecordedAwaited), made);
            onOrder?.Invoke(runs.Count);
        }

        ReplayCounts oracle = runs[ReplayOrder.Oracle].Counts;
        ReplayCounts best = runs[ReplayOrder.BestStatic].Counts;
        ReplayCounts sequential = runs[ReplayOrder.Sequential].Counts;
        return [.. runs.OrderBy(run => run.Value.Counts.Stalled).ThenBy(run => run.Value.Counts.RemoteFaults)
            .ThenByDescending(run => run.Key)
            .Select(run => Describe(name, run.Key, run.Value.Counts, run.Value.Order, oracle, best, sequential, split))];
    }

    internal static (IPushOrder Push, PageOrder? Order) Make(
        ReplayOrder order, PageBitmap unsent, ReplaySplit split, ReplayOptions options)
    {
        switch (order)
        {
            case ReplayOrder.Sequential:
                return (new FixedOrder(PageOrder.Sequential(unsent).Pfns.ToArray(), unsent), null);
            case ReplayOrder.MajorityTrend:
                return (new MajorityTrendOrder(unsent), null);
            case ReplayOrder.Restart:
                return (new RestartOrder(unsent), null);
            case ReplayOrder.RecordedAwaited:
                return (Fixed(split.Recording.PagesByFirstTouch()), null);
            case ReplayOrder.RecordedRegions:
                return (Fixed(RecordedRegions.Of(split.Recording)), null);
            case ReplayOrder.BestStatic:
                PageBitmap known = new(unsent.PageCount);
                foreach (int pfn in split.Recording.PagesByFirstTouch())
                {
                    known.TrySet(pfn);
                }

                return (Fixed(split.Future.Select(use => use.Pfn).Where(pfn => known[pfn] || options.Spaces?.UseOf(pfn) > PageUse.None)), null);
            case ReplayOrder.Oracle:
                return (Fixed(split.Future.Select(use => use.Pfn)), null);
            default:
                PageOrderOptions constants = options.Constants with
                {
                    Bandwidth = options.Bandwidth,
                    RoundTrip = options.RoundTrip,
                };
                PageOrder made = PageOrder.Build(unsent, split.Recording, Strategies(order), constants, options.Mode, options.Spaces);
                return (new LivePageOrder(made, unsent, constants), made);
        }

        FixedOrder Fixed(IEnumerable<int> first)
        {
            PageBitmap rest = unsent.Clone();
            int[] pfns = [.. first.Where(rest.TryClear)];
            return new FixedOrder([.. pfns, .. rest.Pfns()], unsent);
        }
    }

    private static PageOrderStrategy[] Strategies(ReplayOrder order) => order switch
    {
        ReplayOrder.Bubbling => [PageOrderStrategy.Sequential],
        ReplayOrder.RecordedFirst => [PageOrderStrategy.RecordedFirst],
        ReplayOrder.LinearRegression => [PageOrderStrategy.LinearRegression],
        ReplayOrder.IssDbscan => [PageOrderStrategy.IssDbscan],
        ReplayOrder.LinearRegressionAndIssDbscan => [PageOrderStrategy.LinearRegression, PageOrderStrategy.IssDbscan],
        ReplayOrder.Auto => [PageOrderStrategy.Auto],
        _ => throw new ArgumentOutOfRangeException(nameof(order), order, "No such order."),
    };

    private static ReplayResult Describe(
        string name,
        ReplayOrder order,
        in ReplayCounts counts,
        PageOrder? made,
        in ReplayCounts oracle,
        in ReplayCounts best,
        in ReplayCounts sequential,
        ReplaySplit split)
    {
        (int hits, int unrecorded) = CountHits(made, split);
        long[] waits = counts.Waits;
        return new ReplayResult
        {
            Name = name,
            Order = order,
            RemoteFaults = counts.RemoteFaults,
            LateArrivals = counts.LateArrivals,
            PushedBeforeUse = counts.InTime,
            StallTime = Time(counts.Stalled),
            MedianStall = Rank(0.5),
            Percentile99Stall = Rank(0.99),
            LongestStall = Rank(1),
            BackAt90Percent = Time(counts.Timeline.BackAt90Percent()),
            SpeedInFirstSecond = counts.Timeline.SpeedBetween(0, 1),
            SpeedTo10Seconds = counts.Timeline.SpeedBetween(1, 10),
            SpeedTo60Seconds = counts.Timeline.SpeedBetween(10, 60),
            StallToOracle = Ratio(counts.Stalled, oracle.Stalled),
            StallToBestStatic = Ratio(counts.Stalled, best.Stalled),
            StallToSequential = Ratio(counts.Stalled, sequential.Stalled),
            FaultsToOracle = Ratio(counts.RemoteFaults, oracle.RemoteFaults),
            FaultsToSequential = Ratio(counts.RemoteFaults, sequential.RemoteFaults),
            PredictedPages = made?.PredictedCount ?? 0,
            Precision = made is { PredictedCount: > 0 } ? (double)hits / made.PredictedCount : null,
            Recall = made is { PredictedCount: > 0 } && unrecorded > 0 ? (double)hits / unrecorded : null,
            Reason = made?.Reason,
        };

        // This is the nearest rank: the shortest stall that at least the given share of all stalls do not exceed.
        TimeSpan Rank(double share) =>
            waits.Length == 0 ? TimeSpan.Zero : Time(waits[Math.Max(0, (int)Math.Ceiling(share * waits.Length) - 1)]);
    }

    private static (int Hits, int Unrecorded) CountHits(PageOrder? made, ReplaySplit split)
    {
        PageBitmap unrecorded = new(split.Recording.PageCount);
        foreach (FutureUse use in split.Future)
        {
            unrecorded.TrySet(use.Pfn);
        }

        foreach (int pfn in split.Recording.PagesByFirstTouch())
        {
            unrecorded.TryClear(pfn);
        }

        int hits = 0;
        if (made is not null)
        {
            foreach (int pfn in made.Pfns.Slice(made.RecordedCount, made.PredictedCount))
            {
                hits += unrecorded[pfn] ? 1 : 0;
            }
        }

        return (hits, unrecorded.Count);
    }

    private static double? Ratio(long value, long other) => other > 0 ? (double)value / other : value == 0 ? 1 : null;

    private static TimeSpan Time(long nanoseconds) => TimeSpan.FromTicks(nanoseconds / 100);
}
