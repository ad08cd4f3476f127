using PreRecordMigration.Pages;

namespace PreRecordMigration.Tests.Pages;

public sealed class PageSetTests
{
    [Fact]
    public void Keeps_order_and_contents()
    {
        byte[] contents = new byte[2 * Page.Size];
        contents[Page.Size] = 9;
        PageSet set = new([7, 3], contents);
        Assert.Equal([7, 3], set.Pfns);
        Assert.True(Page.IsZero(set.ContentAt(0)));
        Assert.Equal(9, set.ContentAt(1)[0]);
        Assert.Equal(0, PageSet.Empty.Count);
    }

    [Theory]
    [InlineData(new[] { 1, 1 }, 2)]
    [InlineData(new[] { -1 }, 1)]
    [InlineData(new[] { 1 }, 2)]
    [InlineData(new[] { 1, 2 }, 1)]
    public void Refuses_what_is_no_set_of_pages(int[] pfns, int contentPages) =>
        Assert.Throws<ArgumentException>(() => new PageSet(pfns, new byte[contentPages * Page.Size]));

    [Fact]
    public void A_single_byte_makes_a_page_nonzero()
    {
        byte[] page = new byte[Page.Size];
        Assert.True(Page.IsZero(page));
        page[^1] = 1;
        Assert.False(Page.IsZero(page));
    }
}
