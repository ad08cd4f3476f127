using FsCheck;
using FsCheck.Fluent;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Tests.Ordering;

public sealed class PageOrderTests
{
    private const int PageCount = 200;

    private static readonly PageOrderStrategy[][] s_strategies =
    [
        [PageOrderStrategy.Sequential],
        [PageOrderStrategy.RecordedFirst],
        [PageOrderStrategy.LinearRegression],
        [PageOrderStrategy.IssDbscan],
        [PageOrderStrategy.LinearRegression, PageOrderStrategy.IssDbscan],
        [PageOrderStrategy.Auto],
    ];

    public static IEnumerable<TheoryDataRow<PageOrderStrategy[]>> Strategies =>
        s_strategies.Select(strategies => new TheoryDataRow<PageOrderStrategy[]>(strategies));

    [Theory]
    [MemberData(nameof(Strategies))]
    public void Every_order_is_a_permutation_of_what_remains(PageOrderStrategy[] strategies)
    {
        Prop.ForAll<int[], int[]>((remainingPages, touched) =>
            AssertPermutation(Bitmap(remainingPages.Select(Wrap)), Trajectories.OfPages(PageCount, touched.Select(Wrap)), strategies))
            .QuickCheckThrowOnFailure();
        for (int seed = 0; seed < 200; seed++)
        {
            Random random = new(seed);
            int pageCount = random.Next(1, 3000);
            PageBitmap remaining = Bitmap(
                Enumerable.Range(0, pageCount).Where(_ => random.Next(10) > seed % 10), pageCount);
            AssertPermutation(
                remaining, Trajectories.Random(seed, pageCount, random.Next(1, 6), random.Next(400)), strategies);
        }
    }

    [Fact]
    public void Recorded_pages_come_by_first_touch_and_then_what_was_predicted_and_then_the_rest_ascending()
    {
        AccessTrajectory trajectory = Trajectories.OfEpochs(PageCount, true, [150, 100, 101, 102, 103, 104, 105, 106, 107], [3, 100]);
        PageOrder order = PageOrder.Build(
            Trajectories.All(PageCount), trajectory, [PageOrderStrategy.LinearRegression]);
        Assert.Equal([150, 100, 101, 102, 103, 104, 105, 106, 107, 3], order.Pfns[..order.RecordedCount]);
        Assert.Equal(Enumerable.Range(108, 16), order.Pfns.Slice(10, order.PredictedCount).ToArray());
        int[] rest = order.Pfns[(10 + order.PredictedCount)..].ToArray();
        Assert.Equal(rest.Order(), rest);
        Assert.Null(order.Reason);
    }

    [Fact]
    public void Windows_come_before_neighbourhoods()
    {
        // A line upwards, and far from it a cluster without order.
        AccessTrajectory trajectory = Trajectories.OfPages(
            1000, [.. Enumerable.Range(100, 20), 900, 908, 902, 911, 904, 905]);
        PageBitmap all = Trajectories.All(1000);
        PageOrder lines = PageOrder.Build(all, trajectory, [PageOrderStrategy.LinearRegression]);
        PageOrder clusters = PageOrder.Build(all, trajectory, [PageOrderStrategy.IssDbscan]);
        PageOrder both = PageOrder.Build(all, trajectory, [PageOrderStrategy.IssDbscan, PageOrderStrategy.LinearRegression]);
        int[] predicted = both.Pfns.Slice(both.RecordedCount, both.PredictedCount).ToArray();
        int[] byLines = lines.Pfns.Slice(lines.RecordedCount, lines.PredictedCount).ToArray();
        int[] byClusters = clusters.Pfns.Slice(clusters.RecordedCount, clusters.PredictedCount).ToArray();
        Assert.NotEmpty(byLines);
        Assert.Contains(903, byClusters);
        Assert.Equal([.. byLines, .. byClusters.Except(byLines)], predicted);
    }

    [Fact]
    public void Making_an_order_leaves_what_remains_alone()
    {
        PageBitmap remaining = Trajectories.All(PageCount);
        PageOrder order = PageOrder.Build(
            remaining, Trajectories.OfPages(PageCount, [5, 3]), [PageOrderStrategy.RecordedFirst]);
        Assert.Equal(PageCount, remaining.Count);
        Assert.Equal([5, 3, 0, 1, 2, 4], order.Pfns[..6]);
        Assert.Equal([PageOrderStrategy.RecordedFirst], order.Strategies);
    }

    [Fact]
    public void Auto_takes_lines_where_they_cover_the_recording_and_clusters_elsewhere_and_says_so()
    {
        PageBitmap all = Trajectories.All(10_000);
        AccessTrajectory walk = Trajectories.OfPages(10_000, Enumerable.Range(4000, 500));
        AccessTrajectory scattered = Trajectories.OfPages(
            10_000, Enumerable.Range(0, 300).Select(i => (i / 5 * 100) + (i % 5 * 3 % 8)));
        PageOrder ofWalk = PageOrder.Build(all, walk, [PageOrderStrategy.Auto]);
        PageOrder ofScattered = PageOrder.Build(all, scattered, [PageOrderStrategy.Auto]);
        Assert.Equal(
            "LinearRegression: sequence sets cover 100.0 % of the recorded pages, and LinearRegression is chosen from 50.0 % on.",
            ofWalk.Reason);
        Assert.Equal(
            PageOrder.Build(all, walk, [PageOrderStrategy.LinearRegression]).Pfns, ofWalk.Pfns);
        Assert.StartsWith("IssDbscan: sequence sets cover 0.0 %", ofScattered.Reason, StringComparison.Ordinal);
        Assert.Equal(PageOrder.Build(all, scattered, [PageOrderStrategy.IssDbscan]).Pfns, ofScattered.Pfns);
    }

    [Fact]
    public void A_trajectory_of_another_guest_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PageOrder.Build(
            new PageBitmap(PageCount + 1), Trajectories.OfPages(PageCount, []), [PageOrderStrategy.Auto]));

    [Theory]
    [InlineData]
    [InlineData((PageOrderStrategy)77)]
    [InlineData(PageOrderStrategy.Sequential, PageOrderStrategy.RecordedFirst)]
    [InlineData(PageOrderStrategy.IssDbscan, PageOrderStrategy.Auto)]
    public void Strategies_that_do_not_compose_are_refused(params PageOrderStrategy[] strategies)
    {
        MigrationException error = Assert.Throws<MigrationException>(() => PageOrder.Build(
            new PageBitmap(1), Trajectories.OfPages(1, []), strategies));
        Assert.Equal((MigrationErrorId.InvalidOption, "Order"), (error.ErrorId, error.Target));
        Assert.NotEmpty(error.Remedy);
    }

    [Fact]
    public void Options_that_make_no_sense_are_refused_by_name()
    {
        PageOrderOptions made = new();
        (PageOrderOptions Options, string Name)[] wrong =
        [
            (made with { RegionGap = 0 }, nameof(made.RegionGap)),
            (made with { SequenceMinPoints = 2 }, nameof(made.SequenceMinPoints)),
            (made with { MinFit = double.NaN }, nameof(made.MinFit)),
            (made with { MaxWindow = 3 }, nameof(made.MaxWindow)),
            (made with { Bandwidth = 0 }, nameof(made.Bandwidth)),
            (made with { ClusterMinPoints = 34 }, nameof(made.ClusterMinPoints)),
            (made with { HalfLife = 0 }, nameof(made.HalfLife)),
            (made with { Reach = -1 }, nameof(made.Reach)),
            (made with { RoundTrip = TimeSpan.FromTicks(-1) }, nameof(made.RoundTrip)),
        ];
        made.Validate();
        foreach ((PageOrderOptions options, string name) in wrong)
        {
            Assert.Equal(name, Assert.Throws<MigrationException>(options.Validate).Target);
        }
    }

    private static void AssertPermutation(PageBitmap remaining, AccessTrajectory trajectory, PageOrderStrategy[] strategies)
    {
        PageOrder order = PageOrder.Build(remaining, trajectory, strategies);
        Assert.Equal(remaining.Pfns(), order.Pfns.ToArray().Order());
        if (!strategies.Contains(PageOrderStrategy.Sequential))
        {
            Assert.Equal(
                trajectory.PagesByFirstTouch().Where(pfn => remaining[pfn]), order.Pfns[..order.RecordedCount].ToArray());
        }

        int[] rest = order.Pfns[(order.RecordedCount + order.PredictedCount)..].ToArray();
        Assert.Equal(rest.Order(), rest);
    }

    private static PageBitmap Bitmap(IEnumerable<int> pfns, int pageCount = PageCount)
    {
        PageBitmap bitmap = new(pageCount);
        foreach (int pfn in pfns)
        {
            bitmap.TrySet(pfn);
        }

        return bitmap;
    }

    private static int Wrap(int value) => (int)((uint)value % PageCount);
}
