using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Tests.Ordering;

public sealed class LivePageOrderTests
{
    private const int PageCount = 1000;

    [Fact]
    public void Without_faults_it_is_the_order()
    {
        Live live = new([500, 400, 300], PageOrderStrategy.RecordedFirst);
        Assert.Equal(live.Order.Pfns.ToArray(), live.Take(PageCount + 1));
    }

    [Fact]
    public void Whatever_faults_come_every_page_goes_once()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            Random random = new(seed);
            int pageCount = random.Next(1, 6000);
            PageBitmap unsent = new(pageCount);
            unsent.SetAll();
            PageOrder order = PageOrder.Build(
                unsent,
                Trajectories.Random(seed, pageCount, 3, random.Next(300)),
                [PageOrderStrategy.LinearRegression, PageOrderStrategy.IssDbscan]);
            LivePageOrder live = new(order, unsent);
            for (int pfn = live.Next(); pfn >= 0; pfn = live.Next())
            {
                Assert.True(unsent.TryClear(pfn), $"page {pfn} of {pageCount} twice, seed {seed}");
                if (random.Next(4) == 0)
                {
                    int fault = random.Next(pageCount);
                    live.Steer(fault);

                    // The fault is answered on the demand connection, mostly before the pusher gets there.
                    _ = random.Next(3) > 0 && unsent.TryClear(fault);
                }
            }

            Assert.Equal(0, unsent.Count);
        }
    }

    [Fact]
    public void While_recorded_pages_are_left_the_push_goes_a_little_around_a_fault_and_then_on()
    {
        Live live = new(Enumerable.Range(0, 10).Select(i => 900 - (50 * i)), PageOrderStrategy.RecordedFirst);
        Assert.Equal([900, 850], live.Take(2));
        live.Fault(100);
        int[] around = [.. Enumerable.Range(1, 8).SelectMany(i => new[] { 100 + i, 100 - i })];
        Assert.Equal([.. around, 800, 750], live.Take(18));
    }

    [Fact]
    public void Around_a_fault_on_a_page_that_the_order_has_in_front_nothing_goes_first()
    {
        Live live = new(Enumerable.Range(0, 10).Select(i => 900 - (50 * i)), PageOrderStrategy.RecordedFirst);
        live.Fault(450);
        Assert.Equal([900, 850], live.Take(2));
    }

    [Fact]
    public void A_fault_on_a_page_whose_turn_has_not_come_brings_what_followed_it_while_it_was_recorded()
    {
        Live live = new(Enumerable.Range(0, 20).Select(i => 900 - (40 * i)), PageOrderStrategy.RecordedFirst);
        Assert.Equal([900], live.Take(1));
        live.Fault(500);
        Assert.Equal([460, 420, 380, 340, 300, 260, 220, 180, 860, 820], live.Take(10));
        live.Fault(220);
        Assert.Equal([140, 780], live.Take(2));
    }

    [Fact]
    public void Where_the_guest_goes_on_after_the_recording_what_followed_last_is_what_is_expected()
    {
        // 10 and 20 were followed by 30 first, by 40 of late.
        AccessTrajectory trajectory = Trajectories.OfEpochs(PageCount, true, [500, 10, 20, 30], [20, 40, 50], [500]);
        foreach ((RecordingMode mode, int[] expected) in ((RecordingMode, int[])[])
            [(RecordingMode.Rollback, [30, 40, 50, 500]), (RecordingMode.Observe, [40, 50, 500, 10])])
        {
            PageBitmap unsent = Trajectories.All(PageCount);
            LivePageOrder live = new(PageOrder.Build(unsent, trajectory, [PageOrderStrategy.RecordedFirst], null, mode), unsent);
            unsent.TryClear(20);
            live.Steer(20);
            Assert.Equal(expected, Enumerable.Range(0, 4).Select(_ =>
            {
                int pfn = live.Next();
                unsent.TryClear(pfn);
                return pfn;
            }));
        }
    }

    [Fact]
    public void Without_an_order_inside_an_epoch_nothing_is_said_to_follow()
    {
        PageBitmap unsent = Trajectories.All(PageCount);
        LivePageOrder live = new(
            PageOrder.Build(unsent, Trajectories.OfEpochs(PageCount, false, [500, 10, 20, 30]), [PageOrderStrategy.RecordedFirst]), unsent);
        live.Steer(20);
        Assert.Equal(500, live.Next());
    }

    [Fact]
    public async Task Faults_from_another_thread_while_pages_are_pulled_leave_no_page_out_and_none_twice()
    {
        const int Pages = 20_000;
        int[] recorded = [.. Enumerable.Range(0, 5000).Select(i => i * 7 % Pages).Distinct()];
        PageBitmap unsent = Trajectories.All(Pages);
        LivePageOrder live = new(PageOrder.Build(unsent, Trajectories.OfPages(Pages, recorded), [PageOrderStrategy.IssDbscan]), unsent);
        PageBitmap answered = new(Pages);
        Task asking = Task.Run(
            () =>
            {
                Random random = new(5);
                for (int i = 0; i < 10_000; i++)
                {
                    // The demand connection claims the page before it tells.
                    int pfn = random.Next(Pages);
                    if (unsent.TryClear(pfn))
                    {
                        answered.TrySet(pfn);
                    }

                    live.Steer(pfn);
                }
            },
            TestContext.Current.CancellationToken);
        PageBitmap pushed = new(Pages);
        for (int pfn = live.Next(); pfn >= 0; pfn = live.Next())
        {
            if (unsent.TryClear(pfn))
            {
                Assert.True(pushed.TrySet(pfn));
            }
        }

        await asking;
        Assert.Equal(0, unsent.Count);
        Assert.Equal(Pages, pushed.Count + answered.Count);
    }

    [Fact]
    public void On_a_slow_link_less_goes_around_a_fault_while_recorded_pages_are_left()
    {
        PageOrderOptions slow = PageOrderOptions.Default with { Bandwidth = 10_000_000, RoundTrip = TimeSpan.FromMilliseconds(1) };
        Assert.Equal(4, slow.ReachInFront);
        Assert.Equal(1, (slow with { Bandwidth = 1000 }).ReachInFront);
        Assert.Equal(0, (slow with { BubbleReach = 0 }).ReachInFront);
        Assert.Equal(PageOrderOptions.Default.BubbleReach, PageOrderOptions.Default.ReachInFront);
        Assert.Equal(PageOrderOptions.Default.BubbleReach, (slow with { Bandwidth = long.MaxValue, RoundTrip = TimeSpan.MaxValue }).ReachInFront);
    }

    [Fact]
    public void Among_the_rest_the_push_goes_on_around_the_latest_fault_in_both_directions()
    {
        Live live = new([], PageOrderStrategy.Sequential);
        Assert.Equal([0, 1], live.Take(2));
        live.Fault(500);
        Assert.Equal([501, 499, 502, 498], live.Take(4));
        live.Fault(998);
        Assert.Equal([999, 997, 996, 995], live.Take(4));
        live.Fault(502);
        Assert.Equal([503, 504, 505, 506, 507, 497], live.Take(6));
        Assert.Equal(PageCount - 2 - 2 - 4 - 4 - 6, live.Take(PageCount).Length);
    }

    [Fact]
    public void The_latest_fault_is_served_first_and_the_one_before_it_afterwards()
    {
        Live live = new(Enumerable.Range(0, 10).Select(i => 900 - (50 * i)), PageOrderStrategy.RecordedFirst);
        live.Fault(100);
        live.Fault(200);
        int[] taken = live.Take(33);
        Assert.All(taken[..16], pfn => Assert.InRange(pfn, 192, 208));
        Assert.All(taken[16..32], pfn => Assert.InRange(pfn, 92, 108));
        Assert.Equal(900, taken[32]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_window_grows_when_a_fault_lands_just_ahead_of_it_and_only_then(int direction)
    {
        Live live = new(Enumerable.Range(0, 50).Select(i => 500 + (direction * i)), PageOrderStrategy.LinearRegression);
        PredictionWindow window = Assert.Single(live.Order.Windows);
        int edge = window.LeadingEdge;
        live.Take(50 + window.Count);
        live.Fault(edge + (3 * direction));
        Assert.Equal(Enumerable.Range(4, window.Count).Select(i => edge + (i * direction)), live.Take(window.Count));

        // The window has grown by its own length, so it now grows by twice as much.
        edge += (3 + window.Count) * direction;
        live.Fault(edge + direction);
        int grown = (2 * window.Count) + 3;
        Assert.Equal(Enumerable.Range(2, grown).Select(i => edge + (i * direction)), live.Take(grown));

        edge += (1 + grown) * direction;
        live.Fault(edge + (direction * (PageOrderOptions.Default.ExtendReach + 1)));
        int[] around = live.Take(2);
        Assert.Contains(edge + (direction * PageOrderOptions.Default.ExtendReach), around);
    }

    [Fact]
    public void A_fault_inside_a_window_that_has_not_gone_out_yet_lets_the_rest_of_it_go_out()
    {
        Live live = new(Enumerable.Range(100, 50), PageOrderStrategy.LinearRegression);
        PredictionWindow window = Assert.Single(live.Order.Windows);
        live.Fault(window.First + 5);
        Assert.Equal(Enumerable.Range(window.First + 6, window.Count - 6), live.Take(window.Count - 6));
        Assert.Equal(100, live.Take(1)[0]);
    }

    [Fact]
    public void The_nearest_unsent_page_is_found_however_few_are_left()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            Random random = new(seed);
            int pageCount = random.Next(1, 20_000);
            PageBitmap unsent = new(pageCount);
            unsent.SetAll();
            UnsentPages pages = new(unsent);
            for (int i = 0; i < 200; i++)
            {
                int first = random.Next(pageCount);
                for (int pfn = first; pfn < Math.Min(pageCount, first + random.Next(pageCount)); pfn++)
                {
                    unsent.TryClear(pfn);
                }

                int from = random.Next(pageCount);
                Assert.Equal(unsent.NextSet(from), pages.AtOrAbove(from));
                Assert.Equal(
                    Enumerable.Range(0, from + 1).Reverse().Where(pfn => unsent[pfn]).FirstOrDefault(-1), pages.AtOrBelow(from));
                if (i % 20 == 19)
                {
                    // The summaries are only ever told of pages that leave, so they start anew with a new bitmap.
                    unsent = new PageBitmap(pageCount);
                    unsent.SetAll();
                    pages = new UnsentPages(unsent);
                }
            }

            Assert.Equal(-1, pages.AtOrAbove(pageCount));
            Assert.Equal(-1, pages.AtOrBelow(-1));
        }
    }

    [Fact]
    public async Task Faults_come_through_in_order_from_another_thread_and_those_without_room_are_dropped()
    {
        FaultMailbox mailbox = new();
        Task posting = Task.Run(
            () =>
            {
                for (int i = 0; i < 100_000; i++)
                {
                    mailbox.Post(i);
                }
            },
            TestContext.Current.CancellationToken);
        int last = -1;
        while (!posting.IsCompleted)
        {
            while (mailbox.TryTake(out int pfn))
            {
                Assert.True(pfn > last);
                last = pfn;
            }
        }

        await posting;
        while (mailbox.TryTake(out _))
        {
        }

        for (int i = 0; i < 1000; i++)
        {
            mailbox.Post(i);
        }

        int taken = 0;
        while (mailbox.TryTake(out int pfn))
        {
            Assert.Equal(taken++, pfn);
        }

        Assert.InRange(taken, 1, 999);
    }

    private sealed class Live
    {
        private readonly PageBitmap _unsent = Trajectories.All(PageCount);
        private readonly LivePageOrder _live;

        public Live(IEnumerable<int> recorded, PageOrderStrategy strategy)
        {
            Order = PageOrder.Build(_unsent, Trajectories.OfPages(PageCount, recorded), [strategy]);
            _live = new LivePageOrder(Order, _unsent);
        }

        public PageOrder Order { get; }

        public void Fault(int pfn)
        {
            _unsent.TryClear(pfn);
            _live.Steer(pfn);
        }

        public int[] Take(int count)
        {
            List<int> taken = [];
            for (int pfn = 0; taken.Count < count && (pfn = _live.Next()) >= 0;)
            {
                Assert.True(_unsent.TryClear(pfn));
                taken.Add(pfn);
            }

            return [.. taken];
        }
    }
}
