using PreRecordMigration.Errors;
using PreRecordMigration.Methods;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Whatever has neither come nor is named would be empty without a word: it is refused.</summary>
public sealed class EarlyPagesTests
{
    private const int PageCount = 100;

    [Fact]
    public void Missing_is_what_is_named_and_not_in_the_core_state()
    {
        EarlyPages early = new(All());
        early.Arrived([.. Enumerable.Range(0, 95)]);
        Name(early, 3, 70, 95, 96, 97, 98);
        Assert.Equal([3, 95, 96, 97, 98], early.StillMissing(Without(70, 99)).Pfns());
    }

    [Fact]
    public void A_page_that_has_neither_come_nor_is_named_is_refused()
    {
        EarlyPages early = new(All());
        early.Arrived([.. Enumerable.Range(0, 90)]);
        Name(early, 90, 91);
        MigrationException error = Assert.Throws<MigrationException>(() => early.StillMissing(Without(99)));
        Assert.Equal(MigrationErrorId.ProtocolViolation, error.ErrorId);
        Assert.Contains("7 pages have not come", error.Message, StringComparison.Ordinal);
        Assert.Contains("92", error.Message, StringComparison.Ordinal);
    }

    private static void Name(EarlyPages early, params int[] pfns)
    {
        PageBitmap rest = new(PageCount);
        foreach (int pfn in pfns)
        {
            rest.TrySet(pfn);
        }

        foreach (byte[] record in RestPages.Encode(rest))
        {
            early.StillToCome(record.AsSpan(Protocol.HeaderSize));
        }
    }

    private static PageBitmap All() => Without();

    private static PageBitmap Without(params int[] pfns)
    {
        PageBitmap pages = new(PageCount);
        pages.SetAll();
        foreach (int pfn in pfns)
        {
            pages.TryClear(pfn);
        }

        return pages;
    }
}
