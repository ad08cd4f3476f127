namespace PreRecordMigration.Ordering;

/// <summary>
/// Continuity region: recorded pages without a gap of more than <see cref="PageOrderOptions.RegionGap"/> between neighbours,
/// at least <see cref="PageOrderOptions.RegionMinPages"/> of them. This project's definition (docs/ordering.md).
/// </summary>
/// <param name="FirstIndex">The index of its lowest page in the irregular sequence series.</param>
/// <param name="Count">How many recorded pages it has.</param>
public readonly record struct ContinuityRegion(int FirstIndex, int Count)
{
    /// <summary>One past the index of its highest page.</summary>
    public int EndIndex => FirstIndex + Count;

    /// <summary>All regions, disjoint and ascending. O(n).</summary>
    /// <param name="series">Strictly ascending page frame numbers.</param>
    /// <param name="options">Gap and size.</param>
    public static List<ContinuityRegion> Find(ReadOnlySpan<int> series, PageOrderOptions options)
    {
        List<ContinuityRegion> regions = [];
        int first = 0;
        for (int i = 1; i <= series.Length; i++)
        {
            if (i == series.Length || series[i] - series[i - 1] > options.RegionGap)
            {
                if (i - first >= options.RegionMinPages)
                {
                    regions.Add(new ContinuityRegion(first, i - first));
                }

                first = i;
            }
        }

        return regions;
    }
}
