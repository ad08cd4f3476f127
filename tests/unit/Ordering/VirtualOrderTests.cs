using PreRecordMigration.CoreStates;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Tests.Ordering;

/// <summary>Orders of guests whose address spaces are known.</summary>
public sealed class VirtualOrderTests
{
    private const int PageCount = 6000;

    /// <summary>A permutation of pages without a pair of neighbours: 0, 37, 74 and so on.</summary>
    private static readonly int[] s_frames = [.. Enumerable.Range(0, 1000).Select(i => i * 37 % PageCount)];

    [Fact]
    public void Predictions_are_virtual_neighbours()
    {
        // The recording walks virtual pages 100 to 119: those behind them follow, wherever their frames are.
        PageOrder order = Build(Recorded(Enumerable.Range(100, 20)), PageOrderStrategy.LinearRegression);
        Assert.Equal(Frames(100, 20), order.Pfns[..20].ToArray());
        Assert.Equal(Frames(120, 16), order.Pfns.Slice(20, 16).ToArray());
        Assert.Equal(16, order.PredictedCount);
    }

    [Fact]
    public void Auto_predicts_nothing_where_the_guest_goes_on_and_page_tables_are_known()
    {
        PageOrder Build(RecordingMode mode, AddressSpaces? spaces) => PageOrder.Build(
            Trajectories.All(PageCount), Trajectories.OfPages(PageCount, Recorded(Enumerable.Range(100, 20))), [PageOrderStrategy.Auto], null, mode, spaces);
        PageOrder known = Build(RecordingMode.Observe, Spaces());
        Assert.Equal((20, 0), (known.RecordedCount, known.PredictedCount));
        Assert.StartsWith(nameof(PageOrderStrategy.RecordedFirst), known.Reason, StringComparison.Ordinal);
        Assert.Equal(16, Build(RecordingMode.Rollback, Spaces()).PredictedCount);
        Assert.StartsWith(nameof(PageOrderStrategy.IssDbscan), Build(RecordingMode.Observe, null).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Clusters_are_virtual_clusters()
    {
        PageOrder order = Build(Recorded([100, 101, 102, 104, 105, 106]), PageOrderStrategy.IssDbscan);
        int[] predicted = order.Pfns.Slice(6, order.PredictedCount).ToArray();
        Assert.Contains(s_frames[103], predicted);
        Assert.Empty(predicted.Except(Frames(90, 30)));
        Assert.InRange(order.PredictedCount, 10, 20);
    }

    [Fact]
    public void The_rest_is_what_was_reached_and_then_by_number()
    {
        PageOrder order = Build(Recorded([500]), PageOrderStrategy.RecordedFirst);
        int[] pfns = order.Pfns.ToArray();
        Assert.Equal(PageCount, pfns.Distinct().Count());
        Assert.Equal([s_frames[500], .. Frames(0, 500)], pfns[..501]);
        Assert.Equal(Enumerable.Range(0, PageCount).Except(Frames(0, 501)), pfns[501..]);
    }

    [Fact]
    public void Without_a_recording_what_was_reached_goes_first()
    {
        PageBitmap all = Trajectories.All(PageCount);
        PageOrder order = PageOrder.OfRest(all, Spaces());
        Assert.Equal(Frames(0, 501), order.Pfns[..501].ToArray());
        Assert.Equal((0, 0, PageCount), (order.RecordedCount, order.PredictedCount, order.Count));
        WrittenPages written = new(PageCount);
        PageBitmap one = new(PageCount);
        one.TrySet(3);
        written.Add(one);
        Assert.Equal([3, .. Frames(0, 9)], PageOrder.Of(all, written, null, Spaces()).Pfns[..10].ToArray());
    }

    [Fact]
    public void Where_the_guest_goes_on_what_was_used_often_and_lately_goes_first()
    {
        PageBitmap all = Trajectories.All(100);
        PageOrder Build(RecordingMode mode) => PageOrder.Build(
            all, Trajectories.OfEpochs(100, true, [1, 2, 3], [2, 4], [2, 3]), [PageOrderStrategy.RecordedFirst], null, mode);
        Assert.Equal([1, 2, 3, 4], Build(RecordingMode.Rollback).Pfns[..4].ToArray());
        Assert.Equal([2, 3, 4, 1], Build(RecordingMode.Observe).Pfns[..4].ToArray());
    }

    [Fact]
    public void Without_faults_the_order_is_followed_as_it_stands()
    {
        PageBitmap unsent = Trajectories.All(PageCount);
        PageOrder order = Build(Recorded([500, 501]), PageOrderStrategy.IssDbscan);
        Assert.Equal(order.Pfns.ToArray(), Take(new LivePageOrder(order, unsent), unsent, PageCount + 1));
    }

    [Fact]
    public void A_fault_is_followed_by_its_virtual_neighbours()
    {
        PageBitmap unsent = Trajectories.All(PageCount);
        LivePageOrder live = new(Build(Recorded(Enumerable.Range(0, 50)), PageOrderStrategy.RecordedFirst), unsent);
        Take(live, unsent, 10);
        unsent.TryClear(s_frames[300]);
        live.Steer(s_frames[300]);
        Assert.Equal([s_frames[301], s_frames[299], s_frames[302]], Take(live, unsent, 3));
    }

    [Fact]
    public void When_what_was_reached_has_gone_the_rest_goes_around_the_latest_fault_on_the_axis()
    {
        PageBitmap unsent = Trajectories.All(PageCount);
        LivePageOrder live = new(PageOrder.OfRest(unsent, Spaces()), unsent);
        Take(live, unsent, 501);
        unsent.TryClear(s_frames[800]);
        live.Steer(s_frames[800]);
        Assert.Equal([s_frames[801], s_frames[799], s_frames[802]], Take(live, unsent, 3));
        Assert.Equal(PageCount - 505, Take(live, unsent, PageCount).Length);
    }

    [Fact]
    public void A_fault_where_nothing_is_mapped_has_its_physical_neighbours_follow_and_then_the_rest_goes_on()
    {
        PageBitmap unsent = Trajectories.All(PageCount);
        PageOrderOptions options = new() { UnmappedReach = 2 };
        LivePageOrder live = new(PageOrder.OfRest(unsent, Spaces()), unsent, options);
        Assert.Equal(Frames(0, 2), Take(live, unsent, 2));
        int fault = Enumerable.Range(1000, 4000).First(pfn => Enumerable.Range(pfn - 2, 5).All(near => !s_frames.Contains(near)));
        unsent.TryClear(fault);
        live.Steer(fault);
        int[] next = Take(live, unsent, 5);
        Assert.Equal([fault + 1, fault - 1, fault + 2, fault - 2], next[..4]);

        // Of what was reached, the nearest to the fault on the axis is the last.
        Assert.Equal(s_frames[500], next[4]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whatever_faults_come_every_page_goes_once(bool isMostSent)
    {
        for (int seed = 0; seed < 30; seed++)
        {
            Random random = new(seed);
            PageBitmap unsent = Trajectories.All(PageCount);
            for (int i = 0; isMostSent && i < 2 * PageCount; i++)
            {
                unsent.TryClear(random.Next(PageCount));
            }

            PageOrder order = PageOrder.Build(
                unsent,
                Trajectories.Random(seed, PageCount, 3, random.Next(300)),
                [PageOrderStrategy.LinearRegression, PageOrderStrategy.IssDbscan],
                null,
                seed % 2 == 0 ? RecordingMode.Observe : RecordingMode.Rollback,
                Spaces());
            Assert.Equal(unsent.Count, order.Pfns.ToArray().Distinct().Count());
            LivePageOrder live = new(order, unsent);
            for (int pfn = live.Next(); pfn >= 0; pfn = live.Next())
            {
                Assert.True(unsent.TryClear(pfn), $"page {pfn} twice, seed {seed}");
                if (random.Next(4) == 0)
                {
                    int fault = random.Next(PageCount);
                    live.Steer(fault);
                    _ = random.Next(3) > 0 && unsent.TryClear(fault);
                }
            }

            Assert.Equal(0, unsent.Count);
        }
    }

    [Fact]
    public void Address_spaces_of_another_guest_are_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PageOrder.OfRest(Trajectories.All(10), Spaces()));

    private static int[] Frames(int first, int count) => s_frames[first..(first + count)];

    private static int[] Recorded(IEnumerable<int> virtualPages) => [.. virtualPages.Select(page => s_frames[page])];

    private static PageOrder Build(int[] recorded, PageOrderStrategy strategy) => PageOrder.Build(
        Trajectories.All(PageCount), Trajectories.OfPages(PageCount, recorded), [strategy], null, RecordingMode.Rollback, Spaces());

    /// <summary>One address space of 1,000 pages, of which the first half was reached.</summary>
    private static AddressSpaces Spaces()
    {
        AddressSpaceBuilder builder = new(Trajectories.All(PageCount));
        builder.BeginSpace();
        for (int i = 0; i < s_frames.Length; i++)
        {
            builder.MapUser(0x7000UL + (ulong)i, s_frames[i], 1, i <= 500 ? PageUse.Accessed : PageUse.None);
        }

        return builder.Build(0, true);
    }

    private static int[] Take(LivePageOrder live, PageBitmap unsent, int count)
    {
        List<int> taken = [];
        for (int pfn = live.Next(); pfn >= 0; pfn = taken.Count < count ? live.Next() : -1)
        {
            Assert.True(unsent.TryClear(pfn));
            taken.Add(pfn);
            if (taken.Count == count)
            {
                break;
            }
        }

        return [.. taken];
    }
}
