using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Domains;

namespace PreRecordMigration.Tests.Xen.Domains;

public class DomainExtentTests
{
    private const ulong Pages = 32_768;
    private const long Most = (2 * (long)Pages) + (1 << 20);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(32_767, 32_768)]
    [InlineData(0xFFFFF, 0x100000)]
    [InlineData(Most - 1, (int)Most)]
    public void A_guest_is_believed_within_what_it_may_have(long maximum, int count) =>
        Assert.Equal(count, DomainExtent.Count(maximum, Pages, "vm"));

    [Theory]
    [InlineData(Most)]
    [InlineData(int.MaxValue)]
    [InlineData(1L << 40)]
    [InlineData(long.MaxValue)]
    [InlineData(-1)]
    public void A_guest_that_says_more_is_refused_before_anything_is_kept_of_its_pages(long maximum)
    {
        MigrationException error = Assert.Throws<MigrationException>(() => DomainExtent.Count(maximum, Pages, "vm"));

        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains("vm: the guest says", error.Message, StringComparison.Ordinal);
        Assert.Contains("xl mem-max", error.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 40)]
    public void A_limit_that_is_none_bounds_by_what_can_be_counted(ulong limit)
    {
        Assert.Equal(int.MaxValue, DomainExtent.Count(int.MaxValue - 1, limit, "vm"));
        Assert.Throws<MigrationException>(() => DomainExtent.Count(int.MaxValue, limit, "vm"));
    }

    [Theory]
    [InlineData(7, 8)]
    [InlineData(long.MaxValue, int.MaxValue)]
    [InlineData(-1, 1)]
    public void A_list_names_a_guest_whatever_it_says(long maximum, int count) => Assert.Equal(count, DomainExtent.Listed(maximum));
}
