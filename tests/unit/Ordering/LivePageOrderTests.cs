using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;

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
