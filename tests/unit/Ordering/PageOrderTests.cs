using FsCheck;
using FsCheck.Fluent;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Tests.Ordering;

public sealed class PageOrderTests
{
    private const int PageCount = 200;

    [Fact]
    public void Every_order_is_a_permutation_of_what_remains()
    {
        Prop.ForAll<int[], int[]>((remainingPages, touched) =>
        {
            PageBitmap remaining = new(PageCount);
            foreach (int pfn in remainingPages)
            {
                remaining.TrySet(Wrap(pfn));
            }

            AccessTrajectory trajectory = Trajectory([.. touched.Select(Wrap)]);
            PageOrder sequential = PageOrder.Sequential(remaining);
            PageOrder recorded = PageOrder.RecordedFirst(remaining, trajectory);
            Assert.Equal(remaining.Pfns(), sequential.Pfns.ToArray());
            Assert.Equal(remaining.Pfns(), recorded.Pfns.ToArray().Order());
            Assert.Equal(
                touched.Select(Wrap).Distinct().Where(pfn => remaining[pfn]),
                recorded.Pfns[..recorded.RecordedCount].ToArray());
            int[] rest = recorded.Pfns[recorded.RecordedCount..].ToArray();
            Assert.Equal(rest.Order(), rest);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Making_an_order_leaves_what_remains_alone()
    {
        PageBitmap remaining = new(PageCount);
        remaining.SetAll();
        PageOrder order = PageOrder.RecordedFirst(remaining, Trajectory([5, 3]));
        Assert.Equal(PageCount, remaining.Count);
        Assert.Equal([5, 3, 0, 1, 2, 4], order.Pfns[..6]);
        Assert.Equal(PageOrderStrategy.RecordedFirst, order.Strategy);
    }

    [Fact]
    public void A_trajectory_of_another_guest_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PageOrder.RecordedFirst(new PageBitmap(PageCount + 1), Trajectory([])));

    private static int Wrap(int value) => (int)((uint)value % PageCount);

    private static AccessTrajectory Trajectory(int[] pages) => new(
        [.. pages.Select((pfn, i) => new AccessRecord(i, 0, pfn, AccessKind.Read))],
        PageCount, TimeSpan.FromMilliseconds(20), 1, true);
}
