using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Replay;
using PreRecordMigration.Tests.Ordering;

namespace PreRecordMigration.Tests.Replay;

public sealed class PageOrderReplayTests
{
    public static TheoryData<string> Recordings => [.. RecordedGuests.Names];

    [Theory]
    [MemberData(nameof(Recordings))]
    public void Nothing_has_fewer_faults_or_less_stall_than_the_oracle(string name)
    {
        TrajectoryDocument document = RecordedGuests.Get(name);
        foreach (long bandwidth in (long[])[2_000_000, 20_000_000, 125_000_000, 1_250_000_000])
        {
            AssertOracleBest(document.Trajectory, document.Populated, new ReplayOptions { Bandwidth = bandwidth });
            AssertOracleBest(
                document.Trajectory, document.Populated, new ReplayOptions { Bandwidth = bandwidth, Mode = RecordingMode.Rollback });
        }
    }

    [Fact]
    public void Nothing_has_fewer_faults_or_less_stall_than_the_oracle_on_any_trajectory()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            Random random = new(seed);
            int pageCount = random.Next(50, 3000);
            AssertOracleBest(
                Trajectories.Random(seed, pageCount, random.Next(2, 8), random.Next(10, 400)),
                Trajectories.All(pageCount),
                new ReplayOptions
                {
                    Bandwidth = 1L << random.Next(18, 32),
                    RoundTrip = TimeSpan.FromMicroseconds(random.Next(3000)),
                    GuestSpeed = random.NextDouble() + 0.1,
                });
        }
    }

    [Fact]
    public void A_replay_gives_the_same_figures_again()
    {
        AccessTrajectory trajectory = Trajectories.Random(4, 2000, 6, 300);
        PageBitmap all = Trajectories.All(2000);
        Assert.Equal(
            PageOrderReplay.Measure("same", trajectory, all, new ReplayOptions(), null, TestContext.Current.CancellationToken),
            PageOrderReplay.Measure("same", trajectory, all, new ReplayOptions(), null, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Faults_stalls_and_predictions_are_counted_as_a_pencil_does()
    {
        // Epoch 0 is recorded: pages 10 to 17. Epoch 1 uses 18 and 5. A page takes 1 ms, the way 2 ms in each direction.
        AccessTrajectory trajectory = Trajectories.OfEpochs(40, true, [10, 11, 12, 13, 14, 15, 16, 17], [18, 5]);
        ReplayOptions options = new() { Bandwidth = 4_096_000, RoundTrip = TimeSpan.FromMilliseconds(4) };
        IReadOnlyList<ReplayResult> results = PageOrderReplay.Measure("pencil", trajectory, Trajectories.All(40), options, null, TestContext.Current.CancellationToken);

        // Ascending: 18 is used at 25 ms, when pages 0 to 17 have been there long since and 18 as well, arriving at 21 ms.
        ReplayResult sequential = results.Single(result => result.Order == ReplayOrder.Sequential);
        Assert.Equal((0, 0, 2, TimeSpan.Zero), (sequential.RemoteFaults, sequential.LateArrivals, sequential.PushedBeforeUse, sequential.StallTime));

        // Eight times as fast: 18 is used at 3.125 ms and asked for at 5.125 ms; the link is free at 6 ms, it is there at 9 ms.
        // 5 is used 6.25 ms of guest time later, at 15.25 ms, and has been there since 8 ms.
        options = options with { GuestSpeed = 8 };
        results = PageOrderReplay.Measure("pencil", trajectory, Trajectories.All(40), options, null, TestContext.Current.CancellationToken);
        sequential = results.Single(result => result.Order == ReplayOrder.Sequential);
        Assert.Equal((1, 0, 1), (sequential.RemoteFaults, sequential.LateArrivals, sequential.PushedBeforeUse));
        Assert.Equal(TimeSpan.FromMilliseconds(9 - 3.125), sequential.StallTime);
        Assert.Equal(sequential.StallTime, sequential.MedianStall);
        Assert.Equal(sequential.StallTime, sequential.LongestStall);

        // Its time is known for an eighth of the epoch's 100 ms, and the 5.875 ms of stall.
        Assert.Equal(1 - (5.875 / 18.375), sequential.SpeedInFirstSecond!.Value, 12);
        Assert.Equal(TimeSpan.FromMilliseconds(18.375), sequential.BackAt90Percent);
        Assert.Null(sequential.SpeedTo10Seconds);

        ReplayResult oracle = results.Single(result => result.Order == ReplayOrder.Oracle);
        Assert.Equal((0, 0, 2), (oracle.RemoteFaults, oracle.LateArrivals, oracle.PushedBeforeUse));

        // The line 10 to 17 leads to a window of 16 pages, of which one is used; of two used pages one is predicted.
        ReplayResult regression = results.Single(result => result.Order == ReplayOrder.LinearRegression);
        Assert.Equal((16, 1 / 16d, 0.5), (regression.PredictedPages, regression.Precision, regression.Recall));
        Assert.Equal(results.OrderBy(result => result.StallTime).Select(result => result.Order), results.Select(result => result.Order));
    }

    [Fact]
    public void Speeds_are_of_the_time_in_which_the_guest_did_not_stand_still()
    {
        // It stands still from 50 to 250 ms, for 9 ms of the seventh tenth of a second, and from 1.95 to 2.05 s.
        StallTimeline stalls = new(
            [(50_000_000, 200_000_000), (610_000_000, 9_000_000), (1_950_000_000, 100_000_000)], 12_000_000_000);
        Assert.Equal(1 - 0.209, stalls.SpeedBetween(0, 1)!.Value, 12);
        Assert.Equal(1 - (0.1 / 9), stalls.SpeedBetween(1, 10)!.Value, 12);
        Assert.Equal(1.0, stalls.SpeedBetween(10, 60));
        Assert.Null(stalls.SpeedBetween(12, 60));
        Assert.Equal(2_100_000_000, stalls.BackAt90Percent());
        Assert.Equal(300_000_000, new StallTimeline([(50_000_000, 200_000_000), (610_000_000, 9_000_000)], 12_000_000_000).BackAt90Percent());
        Assert.Equal(0, new StallTimeline([], 12_000_000_000).BackAt90Percent());
        Assert.Null(new StallTimeline([], 0).SpeedBetween(0, 1));
    }

    [Fact]
    public void In_rollback_the_guest_does_again_what_was_recorded_and_recorded_first_is_the_oracle_for_that()
    {
        AccessTrajectory trajectory = Trajectories.OfEpochs(400, true, [.. Enumerable.Range(0, 50).Select(i => 399 - (7 * i))], [1]);
        ReplayOptions options = new() { Mode = RecordingMode.Rollback, Bandwidth = 409_600, GuestSpeed = 0.1 };
        IReadOnlyList<ReplayResult> results = PageOrderReplay.Measure("again", trajectory, Trajectories.All(400), options, null, TestContext.Current.CancellationToken);
        Assert.All(results, result => Assert.Equal(51, result.RemoteFaults + result.LateArrivals + result.PushedBeforeUse));
        Assert.Equal(0, results.Single(result => result.Order == ReplayOrder.RecordedFirst).RemoteFaults);
        Assert.True(results.Single(result => result.Order == ReplayOrder.Sequential).RemoteFaults > 10);
    }

    [Fact]
    public void In_rollback_what_was_recorded_travels_beside_the_window_as_far_as_the_link_takes_it()
    {
        // Ten pages in 100 ms. A link of 1 ms a page takes them all before the guest goes on, one of 40 ms a page two, and begins the third.
        AccessTrajectory trajectory = Trajectories.OfEpochs(400, true, [390, 380, 370, 360, 350, 340, 330, 320, 310, 300], [1]);
        foreach ((long bandwidth, int faults) in (ReadOnlySpan<(long, int)>)[(4_096_000, 0), (102_400, 7)])
        {
            ReplayOptions options = new() { Mode = RecordingMode.Rollback, Bandwidth = bandwidth, RoundTrip = TimeSpan.Zero };
            ReplayResult result = PageOrderReplay.Measure("fed", trajectory, Trajectories.All(400), options, null, TestContext.Current.CancellationToken)
                .Single(result => result.Order == ReplayOrder.Sequential);
            Assert.Equal(faults, result.RemoteFaults);
        }
    }

    [Fact]
    public void After_a_fault_qemus_order_goes_on_from_there_and_around_the_end()
    {
        PageBitmap unsent = Trajectories.All(6);
        RestartOrder order = new(unsent);
        Assert.Equal(0, order.Next());
        unsent.TryClear(0);
        unsent.TryClear(4);
        order.Steer(4);
        Assert.Equal([5, 1, 2, 3, -1], Enumerable.Range(0, 5).Select(_ =>
        {
            int pfn = order.Next();
            if (pfn >= 0)
            {
                unsent.TryClear(pfn);
            }

            return pfn;
        }));
    }

    [Fact]
    public void Regions_are_all_of_what_lies_between_recorded_pages_that_are_near()
    {
        int[] regions = RecordedRegions.Of(Trajectories.OfPages(200, [150, 10, 42, 75, 152]));
        Assert.Equal([150, 151, 152, .. Enumerable.Range(10, 33), 75], regions);
    }

    [Fact]
    public void Where_the_recording_is_awaited_the_guest_stands_still_for_it_and_misses_none_of_it()
    {
        AccessTrajectory trajectory = Trajectories.OfEpochs(400, true, [399, 398, 397], [399, 398, 397]);
        ReplayOptions options = new() { Bandwidth = 4_096_000, RoundTrip = TimeSpan.FromMilliseconds(4) };
        ReplayResult result = PageOrderReplay.Measure("awaited", trajectory, Trajectories.All(400), options, null, TestContext.Current.CancellationToken)
            .Single(result => result.Order == ReplayOrder.RecordedAwaited);
        Assert.Equal((0, 0, TimeSpan.FromMilliseconds(5)), (result.RemoteFaults, result.LateArrivals, result.StallTime));
    }

    [Fact]
    public void The_best_fixed_order_knows_what_was_recorded_or_is_mapped_and_no_more()
    {
        AccessTrajectory trajectory = Trajectories.OfEpochs(400, true, [300], [399, 300, 398]);
        AddressSpaceBuilder builder = new(Trajectories.All(400));
        builder.BeginSpace();
        builder.MapUser(7, 399, 1, PageUse.None);
        ReplayOptions options = new() { Bandwidth = 4_096_000, RoundTrip = TimeSpan.Zero, GuestSpeed = 0.5 };
        Assert.Equal(2, Faults(options));
        Assert.Equal(1, Faults(options with { Spaces = builder.Build(0, true) }));

        int Faults(ReplayOptions options) => PageOrderReplay.Measure("best", trajectory, Trajectories.All(400), options, null, TestContext.Current.CancellationToken)
            .Single(result => result.Order == ReplayOrder.BestStatic).RemoteFaults;
    }

    [Fact]
    public void A_page_on_its_way_is_late_and_no_fault()
    {
        AccessTrajectory trajectory = Trajectories.OfEpochs(4, true, [3], [0]);
        ReplayOptions options = new()
        {
            Bandwidth = 4_096_000,
            RoundTrip = TimeSpan.FromMilliseconds(400),
            GuestSpeed = 1000,
        };
        ReplayResult result = PageOrderReplay.Measure("late", trajectory, Trajectories.All(4), options, null, TestContext.Current.CancellationToken)
            .Single(result => result.Order == ReplayOrder.Sequential);
        Assert.Equal((0, 1), (result.RemoteFaults, result.LateArrivals));
        Assert.Equal(TimeSpan.FromMilliseconds(201 - 0.05), result.StallTime);
    }

    [Fact]
    public void The_majority_trend_of_faults_is_followed()
    {
        PageBitmap unsent = Trajectories.All(1000);
        MajorityTrendOrder order = new(unsent);
        foreach (int fault in (int[])[500, 503, 506, 509, 512, 900])
        {
            unsent.TryClear(fault);
            order.Steer(fault);
        }

        Assert.Equal([903, 906, 909, 912, 915, 918, 921, 924, 0, 1], Enumerable.Range(0, 10).Select(_ => Take()));

        int Take()
        {
            int pfn = order.Next();
            Assert.True(unsent.TryClear(pfn));
            return pfn;
        }
    }

    [Theory]
    [InlineData(0, 0.5, nameof(ReplayOptions.SplitEpoch))]
    [InlineData(2, 0.5, nameof(ReplayOptions.SplitEpoch))]
    [InlineData(null, 0.01, nameof(ReplayOptions.SplitFraction))]
    [InlineData(null, 1.0, nameof(ReplayOptions.SplitFraction))]
    public void A_split_that_leaves_nothing_on_one_side_is_refused(int? epoch, double fraction, string option)
    {
        ReplayOptions options = new() { SplitEpoch = epoch, SplitFraction = fraction };
        AccessTrajectory trajectory = Trajectories.OfEpochs(10, true, [1], [2]);
        MigrationException error = Assert.Throws<MigrationException>(
            () => PageOrderReplay.Measure("split", trajectory, Trajectories.All(10), options, null, TestContext.Current.CancellationToken));
        Assert.Equal((MigrationErrorId.InvalidOption, option), (error.ErrorId, error.Target));
    }

    [Fact]
    public void Options_that_make_no_sense_are_refused_by_name()
    {
        ReplayOptions made = new();
        (ReplayOptions Options, string Name)[] wrong =
        [
            (made with { Bandwidth = 0 }, nameof(made.Bandwidth)),
            (made with { RoundTrip = TimeSpan.FromSeconds(-1) }, nameof(made.RoundTrip)),
            (made with { GuestSpeed = double.NaN }, nameof(made.GuestSpeed)),
            (made with { Constants = made.Constants with { Epsilon = 0 } }, nameof(PageOrderOptions.Epsilon)),
        ];
        foreach ((ReplayOptions options, string name) in wrong)
        {
            Assert.Equal(name, Assert.Throws<MigrationException>(options.Validate).Target);
        }
    }

    private static void AssertOracleBest(AccessTrajectory trajectory, PageBitmap populated, ReplayOptions options)
    {
        IReadOnlyList<ReplayResult> results = PageOrderReplay.Measure("any", trajectory, populated, options, null, TestContext.Current.CancellationToken);
        ReplayResult oracle = results.Single(result => result.Order == ReplayOrder.Oracle);
        Assert.Equal(Enum.GetValues<ReplayOrder>().Length, results.Count);
        Assert.All(results, result =>
        {
            Assert.True(result.RemoteFaults >= oracle.RemoteFaults, $"{result.Order}: {result.RemoteFaults} faults");
            Assert.True(result.StallTime >= oracle.StallTime, $"{result.Order}: {result.StallTime}");
            Assert.Equal(
                results[0].RemoteFaults + results[0].LateArrivals + results[0].PushedBeforeUse,
                result.RemoteFaults + result.LateArrivals + result.PushedBeforeUse);
        });
    }
}
