using PreRecordMigration.Measuring;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Tests.Measuring;

public sealed class RankTestTests
{
    [Theory]

    // What R's wilcox.test(x, y, exact = TRUE) says: the two extremes of all ways to choose the ranks.
    [InlineData(3, 3, 2.0 / 20)]
    [InlineData(4, 4, 2.0 / 70)]
    [InlineData(5, 5, 2.0 / 252)]
    [InlineData(3, 7, 2.0 / 120)]
    public void Samples_that_do_not_overlap_are_as_unlikely_as_they_can_be(int first, int second, double expected)
    {
        double[] low = [.. Enumerable.Range(0, first).Select(i => (double)i)];
        double[] high = [.. Enumerable.Range(0, second).Select(i => 100.0 + i)];
        Assert.Equal(expected, RankTest.Probability(low, high), 12);
        Assert.Equal(expected, RankTest.Probability(high, low), 12);
        Assert.Equal(expected, RankTest.Least(first, second), 12);
    }

    [Fact]
    public void One_overlap_is_what_counting_says()
    {
        // Of 20 ways to choose three of six ranks, four have a rank sum at most 7 or at least 14: U = 1 of two sides.
        Assert.Equal(4.0 / 20, RankTest.Probability([1, 2, 4], [3, 5, 6]), 12);
    }

    [Fact]
    public void Equal_figures_share_their_ranks_and_equal_samples_do_not_differ()
    {
        Assert.Equal(1, RankTest.Probability([5, 5, 5], [5, 5, 5]), 12);
        Assert.Equal(1, RankTest.Probability([1, 2, 3], [1, 2, 3]), 12);
        Assert.Equal(1, RankTest.Probability([], [1]));

        // Enumerated by hand: ranks 1.5, 1.5, 3.5, 3.5; of six ways two are as far apart.
        Assert.Equal(2.0 / 6, RankTest.Probability([1, 1], [2, 2]), 12);
    }

    [Fact]
    public void As_many_figures_as_are_allowed_are_counted()
    {
        double[] low = [.. Enumerable.Range(0, RankTest.MostFigures).Select(i => (double)i)];
        double[] mixed = [.. low.Select(figure => figure + 0.5)];
        Assert.InRange(RankTest.Probability(low, mixed), 0.5, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => RankTest.Probability([.. low, 1], mixed));
    }

    [Fact]
    public void A_seed_makes_an_order_in_which_each_block_has_each_once()
    {
        IReadOnlyList<(int Variant, int Block)> order = RunOrder.Of(5, 2, 8, 7);
        Assert.Equal(order, RunOrder.Of(5, 2, 8, 7));
        Assert.NotEqual(order, RunOrder.Of(5, 2, 8, 8));
        Assert.Equal(50, order.Count);
        Assert.Equal([0, 1, 2, 3, 4, 0, 1, 2, 3, 4], order.Where(run => run.Block == 0).Select(run => run.Variant));
        for (int block = 1; block <= 8; block++)
        {
            Assert.Equal([0, 1, 2, 3, 4], order.Where(run => run.Block == block).Select(run => run.Variant).Order());
        }

        Assert.NotEqual(order.Where(run => run.Block == 1), order.Where(run => run.Block == 2).Select(run => (run.Variant, 1)));
    }

    [Fact]
    public void A_comparison_says_what_is_noise_and_where_there_are_too_few_runs()
    {
        MeasuredVariant[] variants = [new(MeasuredMethod.PreCopy, null), new(MeasuredMethod.PostCopy, null), new(MeasuredMethod.Hybrid, null)];
        List<MeasuredRun> runs = [];
        for (int block = 0; block <= 6; block++)
        {
            runs.Add(Run(MeasuredMethod.PreCopy, block, 1 + (block * 0.01)));
            runs.Add(Run(MeasuredMethod.PostCopy, block, 3 + (block * 0.01)));
            runs.Add(Run(MeasuredMethod.Hybrid, block, block == 0 ? 99 : 1 + (block * 0.011)) with { Error = block == 6 ? "lost" : null });
        }

        (Listed<MeasuredSummary> summaries, Listed<MeasuredDifference> differences) =
            MigrationComparison.Compare(runs, variants);
        MeasuredSummary first = Assert.Single(summaries, summary => summary is { Figure: MeasuredFigure.Downtime, Method: MeasuredMethod.PreCopy });
        Assert.Equal((6, 1.035, 1.01, 1.06), (first.Runs, Math.Round(first.Median, 9), first.Least, Math.Round(first.Most, 9)));
        Assert.Equal(5, Assert.Single(summaries, summary => summary is { Figure: MeasuredFigure.Downtime, Method: MeasuredMethod.Hybrid }).Runs);
        Assert.DoesNotContain(summaries, summary => summary.Figure == MeasuredFigure.ProbeGap);
        MeasuredDifference post = Assert.Single(differences, one => one is { Figure: MeasuredFigure.Downtime, Method: MeasuredMethod.PostCopy });
        Assert.Equal((true, 2.0), (post.IsMoreThanNoise, Math.Round(post.Difference, 9)));
        Assert.Equal(2 * 2.0 / 924, post.Probability, 12);
        Assert.False(Assert.Single(differences, one => one is { Figure: MeasuredFigure.Downtime, Method: MeasuredMethod.Hybrid }).IsMoreThanNoise);

        MeasuredDifference few = Assert.Single(
            MigrationComparison.Compare([.. runs.Where(run => run.Block is 1 or 2)], variants).Differences,
            one => one is { Figure: MeasuredFigure.Downtime, Method: MeasuredMethod.PostCopy });
        Assert.Null(few.IsMoreThanNoise);
    }

    private static MeasuredRun Run(MeasuredMethod method, int block, double downtime) => new()
    {
        Run = 1,
        Name = "web01",
        Source = "a",
        Destination = "b",
        Method = method,
        Block = block,
        Started = DateTimeOffset.UnixEpoch,
        Downtime = downtime,
    };
}
