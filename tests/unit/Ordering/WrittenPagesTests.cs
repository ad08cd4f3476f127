using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Tests.Ordering;

public sealed class WrittenPagesTests
{
    private const int PageCount = 40;

    [Fact]
    public void Pages_that_were_written_of_late_and_often_go_first_and_the_others_ascending_at_the_end()
    {
        WrittenPages written = new(PageCount);
        written.Add(Pages(1, 2, 9));
        written.Add(Pages(2, 9));
        written.Add(Pages(3, 9));
        PageOrder order = PageOrder.Of(Pages(0, 1, 2, 3, 9, 30), written);
        Assert.Equal([9, 2, 3, 1, 0, 30], order.Pfns.ToArray());
        Assert.Equal(4, order.RecordedCount);
    }

    [Fact]
    public void What_is_not_remaining_is_left_out_and_what_was_forgotten_counts_no_more()
    {
        WrittenPages written = new(PageCount);
        written.Add(Pages(1, 2, 3));
        Assert.Equal([2, 0], PageOrder.Of(Pages(0, 2), written).Pfns.ToArray());
        written.Clear();
        Assert.Equal(0, written.EpochCount);
        Assert.Equal([0, 2], PageOrder.Of(Pages(0, 2), written).Pfns.ToArray());
    }

    [Fact]
    public void Pages_of_another_guest_are_refused()
    {
        WrittenPages written = new(PageCount);
        Assert.Throws<ArgumentOutOfRangeException>(() => written.Add(new PageBitmap(PageCount + 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => PageOrder.Of(new PageBitmap(PageCount + 1), written));
    }

    private static PageBitmap Pages(params int[] pfns)
    {
        PageBitmap pages = new(PageCount);
        foreach (int pfn in pfns)
        {
            pages.TrySet(pfn);
        }

        return pages;
    }
}
