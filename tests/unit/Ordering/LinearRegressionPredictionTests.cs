using PreRecordMigration.Ordering;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Tests.Ordering;

/// <summary>The oracles of docs/ordering.md for prediction windows.</summary>
public sealed class LinearRegressionPredictionTests
{
    private const int PageCount = 100_000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_line_upwards_is_continued_upwards(bool isEpochOrdered)
    {
        PredictionWindow window = Assert.Single(Predict(Enumerable.Range(0, 200).Select(i => 100 + (2 * i)), isEpochOrdered));
        Assert.Equal((1, 499), (window.Direction, window.First));
        Assert.InRange(window.Count, 16, 4096);
        Assert.Equal(window.Last, window.LeadingEdge);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_line_downwards_is_continued_downwards(bool isEpochOrdered)
    {
        PredictionWindow window = Assert.Single(
            Predict(Enumerable.Range(0, 200).Select(i => 5000 - (2 * i)), isEpochOrdered));
        Assert.Equal((-1, 4601), (window.Direction, window.Last));
        Assert.Equal(window.First, window.LeadingEdge);
    }

    [Fact]
    public void A_random_walk_over_the_whole_guest_predicts_nothing()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            Random random = new(seed);
            Assert.Empty(Predict(Enumerable.Range(0, 2000).Select(_ => random.Next(PageCount))));
        }
    }

    [Fact]
    public void Two_interleaved_streams_give_two_windows()
    {
        // Both walk through one region: only the paths tell them apart.
        IReadOnlyList<PredictionWindow> windows = Predict(
            Enumerable.Range(0, 100).SelectMany(i => new[] { 1000 + i, 1400 - i }));
        Assert.Equal([(-1, 1300), (1, 1100)], windows.Select(w => (w.Direction, w.Direction > 0 ? w.First : w.Last)));
    }

    [Fact]
    public void Three_points_give_no_window()
    {
        PageOrderOptions options = PageOrderOptions.Default with { RegionMinPages = 1 };
        Assert.Empty(Predict([100, 101, 102], options: options));
        Assert.Single(Predict([100, 101, 102, 103], options: options));
    }

    [Fact]
    public void Small_regions_long_steps_thin_paths_and_curves_give_no_window()
    {
        Assert.Empty(Predict([100, 101, 102, 103, 104, 105, 106]));
        Assert.Empty(Predict(Enumerable.Range(0, 50).Select(i => i * 17)));
        Assert.Empty(Predict(Enumerable.Range(0, 50).Select(i => i * 5)));
        int page = 0;
        Assert.Empty(Predict(Enumerable.Range(0, 200).Select(i => page += i < 150 ? 1 : 10)));
    }

    [Fact]
    public void A_window_looks_as_far_ahead_as_the_line_gets_until_the_push_is_there()
    {
        // 1,000 pages in an epoch of 0.1 s. 12,207 queued pages take half a second at 100 MB/s: 5,000 pages further.
        AccessTrajectory trajectory = Trajectories.OfPages(PageCount, Enumerable.Range(0, 1000));
        PageOrderOptions options = PageOrderOptions.Default with
        {
            Bandwidth = 100_000_000,
            RoundTrip = TimeSpan.Zero,
            MaxWindow = 50_000,
        };
        PredictionWindow window = Assert.Single(Predict(trajectory, options, 12_207));
        Assert.Equal((1000, 5000), (window.First, window.Count));
        Assert.Equal(4096, Assert.Single(Predict(trajectory, options with { MaxWindow = 4096 }, 12_207)).Count);
        Assert.Equal(16, Assert.Single(Predict(trajectory, options, 0)).Count);
    }

    [Fact]
    public void Windows_end_with_the_guest()
    {
        Assert.Empty(Predict(Enumerable.Range(PageCount - 50, 50)));
        Assert.Equal(3, Assert.Single(Predict(Enumerable.Range(PageCount - 53, 50))).Count);
        Assert.Empty(Predict(Enumerable.Range(0, 50).Reverse()));
    }

    [Fact]
    public void Overlapping_windows_of_a_direction_merge_and_the_latest_come_first()
    {
        PredictionWindow[] merged = PredictionWindow.Merge(
            [new(10, 30, 1, 1), new(25, 40, 1, 3), new(100, 110, 1, 2), new(20, 35, -1, 2.5), new(41, 50, 1, 0)]);
        Assert.Equal([new(10, 40, 1, 3), new(20, 35, -1, 2.5), new(100, 110, 1, 2), new(41, 50, 1, 0)], merged);
    }

    private static IReadOnlyList<PredictionWindow> Predict(
        IEnumerable<int> pfns, bool isEpochOrdered = true, PageOrderOptions? options = null) =>
        Predict(Trajectories.OfPages(PageCount, pfns, isEpochOrdered), options ?? PageOrderOptions.Default, 0);

    private static IReadOnlyList<PredictionWindow> Predict(AccessTrajectory trajectory, PageOrderOptions options, int queued)
    {
        IrregularSequenceSeries series = IrregularSequenceSeries.Of(trajectory);
        return LinearRegressionPrediction.Make(
            trajectory, series, PageSummary.Summarise(trajectory, series), queued, options).Windows;
    }
}
