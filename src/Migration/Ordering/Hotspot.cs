namespace PreRecordMigration.Ordering;

/// <summary>
/// Hotspot: the pages from the lowest to the highest of a cluster, those in between that were not recorded included. This
/// project's definition (docs/ordering.md).
/// </summary>
/// <param name="First">The lowest page.</param>
/// <param name="Last">The highest page.</param>
public readonly record struct Hotspot(int First, int Last)
{
    /// <summary>The hotspots of a series, ascending and disjoint.</summary>
    /// <param name="series">The irregular sequence series.</param>
    /// <param name="options">ε and the points of a core.</param>
    public static Hotspot[] Find(ReadOnlySpan<int> series, PageOrderOptions options)
    {
        IReadOnlyList<DbscanCluster> clusters =
            OneDimensionalDbscan.Cluster(series, options.Epsilon, options.ClusterMinPoints).Clusters;
        Hotspot[] hotspots = new Hotspot[clusters.Count];
        for (int i = 0; i < hotspots.Length; i++)
        {
            hotspots[i] = new Hotspot(series[clusters[i].FirstIndex], series[clusters[i].End - 1]);
        }

        return hotspots;
    }

    /// <summary>
    /// The hotspot and what lies before it and behind it, up to ⌈r · w⌉ pages by the priority of the page at that end.
    /// </summary>
    /// <param name="lowPriority">The priority of the lowest page.</param>
    /// <param name="highPriority">The priority of the highest page.</param>
    /// <param name="reach">r, in pages.</param>
    /// <param name="pageCount">The guest's page count.</param>
    public Hotspot Widen(int lowPriority, int highPriority, int reach, int pageCount) => new(
        Math.Max(0, First - Beyond(lowPriority, reach)),
        (int)Math.Min(pageCount - 1L, (long)Last + Beyond(highPriority, reach)));

    private static int Beyond(int priority, int reach) =>
        (int)((((long)reach * priority) + PagePriority.Full - 1) / PagePriority.Full);
}
