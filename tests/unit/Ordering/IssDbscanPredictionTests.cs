using PreRecordMigration.Ordering;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Tests.Ordering;

public sealed class IssDbscanPredictionTests
{
    [Fact]
    public void A_series_is_the_distinct_pages_ascending_and_knows_their_indexes()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            AccessTrajectory trajectory = Trajectories.Random(seed, 1000, 3, 100);
            IrregularSequenceSeries series = IrregularSequenceSeries.Of(trajectory);
            int[] expected = [.. trajectory.Records.ToArray().Select(record => record.Pfn).Distinct().Order()];
            Assert.Equal(expected, series.Pfns.ToArray());
            for (int pfn = 0; pfn < 1000; pfn++)
            {
                Assert.Equal(expected.Contains(pfn), series.Contains(pfn));
                Assert.Equal(expected.Count(other => other < pfn), series.IndexOf(pfn));
            }
        }
    }

    [Fact]
    public void A_summary_says_first_touch_last_epoch_how_many_epochs_and_whether_it_was_written()
    {
        AccessTrajectory trajectory = Trajectories.OfEpochs(100, true, [7, 5], [6], [5, 7], [5]);
        IrregularSequenceSeries series = IrregularSequenceSeries.Of(trajectory);
        PageSummary[] summaries = PageSummary.Summarise(trajectory, series);
        Assert.Equal(
            [(1, 0, 3, 3, false), (2, 1, 1, 1, true), (0, 0, 2, 2, false)],
            summaries.Select(s => (s.FirstSequence, s.FirstEpoch, s.LastEpoch, s.EpochCount, s.IsWritten)));
    }

    [Fact]
    public void A_hotspot_reaches_from_the_lowest_to_the_highest_page_of_a_cluster()
    {
        Hotspot[] hotspots = Hotspot.Find([3, 100, 103, 109, 110, 500, 504, 505, 507, 900], PageOrderOptions.Default);
        Assert.Equal([new(100, 110), new(500, 507)], hotspots);
        Assert.Equal(new Hotspot(92, 111), hotspots[0].Widen(PagePriority.Full, 1, 8, 1000));
        Assert.Equal(new Hotspot(0, 49), new Hotspot(3, 47).Widen(PagePriority.Full, PagePriority.Full, 8, 50));
    }

    [Fact]
    public void Priority_falls_by_half_of_its_recency_in_a_half_life_and_grows_with_the_epochs()
    {
        AccessTrajectory trajectory = Trajectories.OfEpochs(100, true, [1, 2], [2], [2], [2], [2, 3]);
        IrregularSequenceSeries series = IrregularSequenceSeries.Of(trajectory);
        PageSummary[] summaries = PageSummary.Summarise(trajectory, series);
        PagePriority priority = new(summaries, trajectory.EpochCount, PageOrderOptions.Default);
        int once = (int)Math.Round(512 * Math.Log(2) / Math.Log(6));
        Assert.Equal([256 + once, PagePriority.Full, 512 + once], summaries.Select(s => priority.Of(s)));
    }

    [Fact]
    public void Neighbourhoods_partition_what_lies_around_hotspots_as_the_definition_says()
    {
        for (int seed = 0; seed < 150; seed++)
        {
            Random random = new(seed);
            int pageCount = random.Next(20, 500);
            AccessTrajectory trajectory = Trajectories.Random(seed, pageCount, random.Next(1, 12), random.Next(1, 60));
            IrregularSequenceSeries series = IrregularSequenceSeries.Of(trajectory);
            PageSummary[] summaries = PageSummary.Summarise(trajectory, series);
            PageOrderOptions options = PageOrderOptions.Default with { Reach = random.Next(30) };
            PagePriority priority = new(summaries, trajectory.EpochCount, options);
            int[] priorities = [.. summaries.Select(s => priority.Of(s))];
            Hotspot[] hotspots = Hotspot.Find(series.Pfns, options);
            Neighbourhood[] found = Neighbourhood.Partition(series, priorities, hotspots, pageCount, options);

            Dictionary<int, int> owners = [];
            foreach (Neighbourhood neighbourhood in found)
            {
                List<int> visited = [];
                neighbourhood.ForEachByDistance(visited.Add);
                Assert.Equal(
                    neighbourhood.Pages.ToArray().OrderBy(pfn => Math.Abs(pfn - neighbourhood.Centre)).ThenBy(pfn => pfn), visited);
                visited.ForEach(pfn => owners.Add(pfn, neighbourhood.Centre));
            }

            Assert.Equal(Naive(series, priorities, hotspots, pageCount, options.Reach), owners.OrderBy(pair => pair.Key));
            Assert.Equal(found.OrderByDescending(n => n.Priority).ThenBy(n => n.Centre), found);
        }
    }

    /// <summary>The definition, word by word: O(pages · n).</summary>
    private static List<KeyValuePair<int, int>> Naive(
        IrregularSequenceSeries series, int[] priorities, Hotspot[] hotspots, int pageCount, int reach)
    {
        bool[] isInArea = new bool[pageCount];
        foreach (Hotspot hotspot in hotspots)
        {
            Hotspot wide = hotspot.Widen(
                priorities[series.IndexOf(hotspot.First)], priorities[series.IndexOf(hotspot.Last)], reach, pageCount);
            Array.Fill(isInArea, true, wide.First, wide.Last - wide.First + 1);
        }

        int[] area = new int[pageCount];
        for (int pfn = 1; pfn < pageCount; pfn++)
        {
            area[pfn] = area[pfn - 1] + (isInArea[pfn] == isInArea[pfn - 1] ? 0 : 1);
        }

        List<KeyValuePair<int, int>> owners = [];
        for (int pfn = 0; pfn < pageCount; pfn++)
        {
            if (isInArea[pfn] && !series.Contains(pfn))
            {
                int at = pfn;
                int best = Enumerable.Range(0, series.Count)
                    .Where(i => area[series.Pfns[i]] == area[at])
                    .Aggregate((a, b) => IsStronger(b, a, at) ? b : a);
                owners.Add(new(pfn, series.Pfns[best]));
            }
        }

        return owners;

        bool IsStronger(int b, int a, int pfn) =>
            priorities[b] * (1L + Math.Abs(pfn - series.Pfns[a])) > priorities[a] * (1L + Math.Abs(pfn - series.Pfns[b]));
    }
}
