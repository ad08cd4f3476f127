using PreRecordMigration.Recording;

namespace PreRecordMigration.Ordering;

/// <summary>The first touch of a page, with its time.</summary>
/// <param name="Pfn">The page.</param>
/// <param name="Time">
/// When it was touched, in epochs from the recording's start. A recording knows the epoch only: its records are taken to be
/// spread evenly over it.
/// </param>
public readonly record struct FirstTouch(int Pfn, double Time)
{
    /// <summary>The first touches of every region's pages in time order, region after region.</summary>
    /// <param name="trajectory">The recording.</param>
    /// <param name="series">Its irregular sequence series.</param>
    /// <param name="summaries">Its page summaries.</param>
    /// <param name="regions">Its continuity regions, ascending.</param>
    /// <returns>As long as the series; a region's touches stand at its indexes, and nothing between regions.</returns>
    public static FirstTouch[] ByRegion(
        AccessTrajectory trajectory,
        IrregularSequenceSeries series,
        ReadOnlySpan<PageSummary> summaries,
        List<ContinuityRegion> regions)
    {
        FirstTouch[] touches = new FirstTouch[series.Count];
        int[] regionOf = new int[series.Count];
        int[] next = new int[regions.Count];
        Array.Fill(regionOf, -1);
        for (int i = 0; i < regions.Count; i++)
        {
            regionOf.AsSpan(regions[i].FirstIndex, regions[i].Count).Fill(i);
            next[i] = regions[i].FirstIndex;
        }

        AccessClock clock = new(trajectory.Records);
        ReadOnlySpan<AccessRecord> records = trajectory.Records;
        for (int i = 0; i < records.Length; i++)
        {
            int index = series.IndexOf(records[i].Pfn);
            if (summaries[index].FirstSequence == records[i].Sequence && regionOf[index] is int region and >= 0)
            {
                touches[next[region]++] = new FirstTouch(records[i].Pfn, clock.TimeOf(i));
            }
        }

        return touches;
    }
}
