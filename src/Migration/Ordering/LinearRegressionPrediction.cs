using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Ordering;

/// <summary>What straight lines through a recording predict.</summary>
public sealed class LinearRegressionPrediction
{
    private LinearRegressionPrediction(PredictionWindow[] windows, int coveredCount)
    {
        Windows = windows;
        CoveredCount = coveredCount;
    }

    /// <summary>The prediction windows, first to be sent first.</summary>
    public IReadOnlyList<PredictionWindow> Windows { get; }

    /// <summary>How many recorded pages lie on sequence sets.</summary>
    public int CoveredCount { get; }

    /// <summary>Predicts. O(n · OpenPaths), with no allocation by record.</summary>
    /// <param name="trajectory">The recording.</param>
    /// <param name="series">Its irregular sequence series.</param>
    /// <param name="summaries">Its page summaries, in the order of the series.</param>
    /// <param name="queuedPages">How many pages go before those predicted.</param>
    /// <param name="options">Every constant.</param>
    public static LinearRegressionPrediction Make(
        AccessTrajectory trajectory,
        IrregularSequenceSeries series,
        ReadOnlySpan<PageSummary> summaries,
        int queuedPages,
        PageOrderOptions options)
    {
        List<SequenceSet> sets = FindSequenceSets(trajectory, series, summaries, options);
        double lead = (queuedPages * (double)Page.Size / options.Bandwidth) + options.RoundTrip.TotalSeconds;
        double leadEpochs = lead / trajectory.EpochLength.TotalSeconds;
        List<PredictionWindow> windows = new(sets.Count);
        int covered = 0;
        foreach (SequenceSet set in sets)
        {
            covered += set.Count;
            if (PredictionWindow.TryMake(set, leadEpochs, trajectory.PageCount, options, out PredictionWindow window))
            {
                windows.Add(window);
            }
        }

        return new LinearRegressionPrediction(PredictionWindow.Merge(windows), covered);
    }

    private static List<SequenceSet> FindSequenceSets(
        AccessTrajectory trajectory,
        IrregularSequenceSeries series,
        ReadOnlySpan<PageSummary> summaries,
        PageOrderOptions options)
    {
        List<ContinuityRegion> regions = ContinuityRegion.Find(series.Pfns, options);
        FirstTouch[] touches = FirstTouch.ByRegion(trajectory, series, summaries, regions);
        IncrementalPath[] open = new IncrementalPath[options.OpenPaths];
        List<SequenceSet> sets = [];
        bool isOrdinal = !trajectory.IsEpochOrdered;
        foreach (ContinuityRegion region in regions)
        {
            IncrementalPath.Walk(
                touches.AsSpan(region.FirstIndex, region.Count), open, options.MaxStep, isOrdinal, Keep);
        }

        return sets;

        void Keep(in IncrementalPath path)
        {
            if (SequenceSet.TryMake(path, isOrdinal, options, out SequenceSet set))
            {
                sets.Add(set);
            }
        }
    }
}
