namespace PreRecordMigration.Ordering;

/// <summary>What dense clusters of a recording predict.</summary>
/// <param name="Hotspots">The hotspots, ascending.</param>
/// <param name="Neighbourhoods">The neighbourhoods, first to be sent first.</param>
public sealed record IssDbscanPrediction(IReadOnlyList<Hotspot> Hotspots, IReadOnlyList<Neighbourhood> Neighbourhoods)
{
    /// <summary>Predicts. O(n + pages of the hotspots), with no allocation by record.</summary>
    /// <param name="series">The irregular sequence series.</param>
    /// <param name="summaries">Its page summaries, in the order of the series.</param>
    /// <param name="pageCount">The guest's page count.</param>
    /// <param name="epochCount">How many epochs were recorded.</param>
    /// <param name="options">Every constant.</param>
    public static IssDbscanPrediction Make(
        IrregularSequenceSeries series,
        ReadOnlySpan<PageSummary> summaries,
        int pageCount,
        int epochCount,
        PageOrderOptions options)
    {
        Hotspot[] hotspots = Hotspot.Find(series.Pfns, options);
        PagePriority priority = new(summaries, epochCount, options);
        int[] priorities = new int[series.Count];
        for (int i = 0; i < priorities.Length; i++)
        {
            priorities[i] = priority.Of(summaries[i]);
        }

        return new IssDbscanPrediction(
            hotspots, Neighbourhood.Partition(series, priorities, hotspots, pageCount, options));
    }
}
