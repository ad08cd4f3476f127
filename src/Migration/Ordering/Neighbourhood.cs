namespace PreRecordMigration.Ordering;

/// <summary>
/// Neighbourhood: the pages that were not recorded, inside a hotspot or just beyond its ends, and that are nearest to one
/// recorded page, its centre, where nearest means priority ÷ (1 + distance), on a tie the lower page. This project's definition
/// (docs/ordering.md).
/// </summary>
/// <param name="Centre">The recorded page.</param>
/// <param name="Priority">Its priority.</param>
/// <param name="Pages">The pages, ascending.</param>
public readonly record struct Neighbourhood(int Centre, int Priority, ReadOnlyMemory<int> Pages)
{
    /// <summary>Visits the pages by distance from the centre, of two equally far ones the lower first.</summary>
    public void ForEachByDistance(Action<int> visit)
    {
        ReadOnlySpan<int> pages = Pages.Span;
        int above = ~pages.BinarySearch(Centre);
        int below = above - 1;
        while (below >= 0 || above < pages.Length)
        {
            bool isBelow = above == pages.Length || (below >= 0 && Centre - pages[below] <= pages[above] - Centre);
            visit(isBelow ? pages[below--] : pages[above++]);
        }
    }

    /// <summary>Partitions what lies in and around the hotspots into neighbourhoods, by descending priority.</summary>
    /// <param name="series">The irregular sequence series.</param>
    /// <param name="priorities">The priorities of its pages.</param>
    /// <param name="hotspots">The hotspots, ascending.</param>
    /// <param name="pageCount">The guest's page count.</param>
    /// <param name="options">How far beyond a hotspot's ends (r).</param>
    public static Neighbourhood[] Partition(
        IrregularSequenceSeries series,
        ReadOnlySpan<int> priorities,
        ReadOnlySpan<Hotspot> hotspots,
        int pageCount,
        PageOrderOptions options)
    {
        List<Hotspot> areas = Join(series, priorities, hotspots, pageCount, options.Reach);
        OwnedPages owned = OwnedPages.Find(series, priorities, areas);
        int[] centres = ByPriority(priorities, owned.Counts);
        Neighbourhood[] neighbourhoods = new Neighbourhood[centres.Length];
        int[] pages = new int[owned.Pfns.Length];
        int start = 0;
        for (int i = 0; i < centres.Length; i++)
        {
            int centre = centres[i];
            int count = owned.Counts[centre];
            neighbourhoods[i] = new Neighbourhood(
                series.Pfns[centre], priorities[centre], pages.AsMemory(start, count));
            owned.Counts[centre] = start;
            start += count;
        }

        for (int i = 0; i < pages.Length; i++)
        {
            pages[owned.Counts[owned.Owners[i]]++] = owned.Pfns[i];
        }

        return neighbourhoods;
    }

    /// <summary>The hotspots with what lies beyond their ends, joined where they touch.</summary>
    private static List<Hotspot> Join(
        IrregularSequenceSeries series, ReadOnlySpan<int> priorities, ReadOnlySpan<Hotspot> hotspots, int pageCount, int reach)
    {
        List<Hotspot> areas = [];
        foreach (Hotspot hotspot in hotspots)
        {
            Hotspot wide = hotspot.Widen(
                priorities[series.IndexOf(hotspot.First)], priorities[series.IndexOf(hotspot.Last)], reach, pageCount);
            if (areas.Count > 0 && wide.First <= areas[^1].Last + 1)
            {
                areas[^1] = areas[^1] with { Last = Math.Max(areas[^1].Last, wide.Last) };
            }
            else
            {
                areas.Add(wide);
            }
        }

        return areas;
    }

    /// <summary>The indexes of the pages that own others, by descending priority and ascending page: a counting sort.</summary>
    private static int[] ByPriority(ReadOnlySpan<int> priorities, ReadOnlySpan<int> counts)
    {
        int[] next = new int[PagePriority.Full + 2];
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 0)
            {
                next[PagePriority.Full - priorities[i] + 1]++;
            }
        }

        for (int i = 1; i < next.Length; i++)
        {
            next[i] += next[i - 1];
        }

        int[] sorted = new int[next[^1]];
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 0)
            {
                sorted[next[PagePriority.Full - priorities[i]]++] = i;
            }
        }

        return sorted;
    }
}
