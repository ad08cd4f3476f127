namespace PreRecordMigration.Ordering;

/// <summary>Which recorded page each unrecorded page of some areas belongs to.</summary>
/// <param name="Pfns">The unrecorded pages, ascending.</param>
/// <param name="Owners">For each of them, the index of its owner in the irregular sequence series.</param>
/// <param name="Counts">For each page of the series, how many it owns.</param>
internal readonly record struct OwnedPages(int[] Pfns, int[] Owners, int[] Counts)
{
    /// <summary>Finds the owners: within each area the recorded page that maximises priority ÷ (1 + distance).</summary>
    /// <param name="series">The irregular sequence series.</param>
    /// <param name="priorities">The priorities of its pages.</param>
    /// <param name="areas">Disjoint and ascending.</param>
    public static OwnedPages Find(IrregularSequenceSeries series, ReadOnlySpan<int> priorities, List<Hotspot> areas)
    {
        int total = 0;
        foreach (Hotspot area in areas)
        {
            total += area.Last - area.First + 1 - (IndexAfter(series, area.Last) - series.IndexOf(area.First));
        }

        OwnedPages owned = new(new int[total], new int[total], new int[series.Count]);
        StrongestCentre below = new(tieToFarther: true);
        StrongestCentre above = new(tieToFarther: false);
        int next = 0;
        foreach (Hotspot area in areas)
        {
            int first = next;
            below.Clear();
            for (int pfn = area.First, index = series.IndexOf(pfn); pfn <= area.Last; pfn++)
            {
                if (series.Contains(pfn))
                {
                    below.Add(pfn, priorities[index], index);
                    index++;
                }
                else
                {
                    owned.Pfns[next] = pfn;
                    owned.Owners[next++] = below.At(pfn);
                }
            }

            above.Clear();
            for (int pfn = area.Last, index = IndexAfter(series, pfn) - 1, i = next - 1; i >= first; pfn--)
            {
                if (series.Contains(pfn))
                {
                    above.Add(-pfn, priorities[index], index);
                    index--;
                }
                else
                {
                    owned.Owners[i] = Stronger(series.Pfns, priorities, pfn, owned.Owners[i], above.At(-pfn));
                    owned.Counts[owned.Owners[i--]]++;
                }
            }
        }

        return owned;
    }

    private static int IndexAfter(IrregularSequenceSeries series, int pfn) =>
        series.IndexOf(pfn) + (series.Contains(pfn) ? 1 : 0);

    private static int Stronger(ReadOnlySpan<int> pfns, ReadOnlySpan<int> priorities, int pfn, int below, int above)
    {
        if (below < 0 || above < 0)
        {
            return Math.Max(below, above);
        }

        long ofBelow = (long)priorities[below] * (1 + pfns[above] - pfn);
        long ofAbove = (long)priorities[above] * (1 + pfn - pfns[below]);
        return ofBelow >= ofAbove ? below : above;
    }
}
