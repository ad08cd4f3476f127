using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;

namespace PreRecordMigration.Tests.Xen.Domains;

/// <summary>A page whose content follows is missing until then, or in the core state: otherwise an older content of it would be taken for it.</summary>
public sealed class IncomingPagesTests
{
    private const int Reserved = 7;

    [Fact]
    public void Pages_that_are_there_from_the_beginning_are_not_taken_away()
    {
        IncomingPages pages = Made();
        Assert.Equal([3, 20], pages.Want(Pages(3, Reserved, 20)).Pfns());
    }

    [Fact]
    public void What_follows_is_missing_or_in_the_core_state()
    {
        IncomingPages pages = Made();
        pages.Missing.Or(pages.Want(Pages(3, Reserved, 20)));
        pages.RequireCovered([Reserved], "vm");

        MigrationException error = Assert.Throws<MigrationException>(() => pages.RequireCovered([3], "vm"));
        Assert.Equal(MigrationErrorId.VerificationFailed, error.ErrorId);
        Assert.Contains("1 pages", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_hypervisor_holds_on_to_must_come_with_the_core_state()
    {
        IncomingPages pages = Made();
        pages.Missing.Or(pages.Want(Pages(3, 20)));
        pages.Missing.TryClear(20);
        Assert.Throws<MigrationException>(() => pages.RequireCovered([], "vm"));
        pages.RequireCovered([20], "vm");
    }

    /// <summary>What arrived before needs neither.</summary>
    [Fact]
    public void What_does_not_follow_may_be_anything() => Made().RequireCovered([], "vm");

    private static IncomingPages Made() => new(
        new DomainDescription("vm", DomainKind.Pvh, 64, [new PageRange(0, 32)], 1, ReadOnlyMemory<byte>.Empty),
        new XenDomainConfiguration("{}", 4, 17, default, default, [], [Reserved]));

    private static PageBitmap Pages(params int[] pfns)
    {
        PageBitmap pages = new(64);
        foreach (int pfn in pfns)
        {
            pages.TrySet(pfn);
        }

        return pages;
    }
}
