using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transfer;

public sealed class SentPageTableTests
{
    [Fact]
    public void Each_page_is_claimed_by_exactly_one_of_many_threads()
    {
        const int Pages = 20_000;
        PageBitmap expected = new(Pages);
        expected.SetRange(0, Pages - 7);
        SentPageTable table = new(expected);
        int claimed = 0;
        Parallel.For(0, 8, _ =>
        {
            int mine = 0;
            for (int pfn = 0; pfn < Pages; pfn++)
            {
                mine += table.TryClaim(pfn) ? 1 : 0;
            }

            Interlocked.Add(ref claimed, mine);
        });
        Assert.Equal(Pages - 7, claimed);
        Assert.Equal(0, table.Remaining);
        Assert.Equal(0, table.GetUnclaimed().Count);
        Assert.False(table.TryClaim(Pages - 1));
        Assert.False(table.Expects(Pages));
        Assert.False(table.Expects(-1));
    }
}
