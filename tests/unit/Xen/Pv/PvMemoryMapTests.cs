using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Pv;

namespace PreRecordMigration.Tests.Xen.Pv;

public sealed class PvMemoryMapTests
{
    private const ulong Invalid = ulong.MaxValue;
    private const ulong Foreign = 1UL << 63;
    private const ulong Identity = 1UL << 62;

    [Fact]
    public void The_table_is_found_under_the_guests_page_tables_and_leads_both_ways()
    {
        // 1,100 entries: three pages, across the end of a level 1 table.
        ulong[] frames = [.. Enumerable.Range(0, 1100).Select(pfn => 0x8_0000UL + (ulong)(pfn * 7 % 1100))];
        FakePvGuest guest = new(frames);
        PvMemoryMap map = guest.ReadMap();
        Assert.Equal(1100, map.PageCount);
        Assert.Equal(guest.P2mFrames, map.TableFrames);
        Assert.Equal(1100, map.FindPages().Count);
        for (int pfn = 0; pfn < frames.Length; pfn++)
        {
            Assert.Equal(frames[pfn], map.FrameOf(pfn));
            Assert.True(map.TryFind(frames[pfn], out int found));
            Assert.Equal(pfn, found);
        }

        Assert.False(map.TryFind(0x1234, out _));
    }

    [Fact]
    public void Entries_that_are_no_pages_of_the_domain_are_left_out()
    {
        FakePvGuest guest = new([10, Invalid, Foreign | 20, Identity | 3, 40]);
        PvMemoryMap map = guest.ReadMap();
        Assert.Equal([0, 4], map.FindPages().Pfns());
        Assert.Equal(PvMemoryMap.NoFrame, map.FrameOf(2));
        Assert.False(map.TryFind(20, out _));
        Assert.False(map.TryFind(PvMemoryMap.NoFrame, out _));
    }

    [Fact]
    public void Room_for_memory_that_is_not_there_is_not_looked_at()
    {
        ulong[] frames = [.. Enumerable.Range(0, 1024).Select(pfn => 0x9000UL + (ulong)pfn)];
        FakePvGuest guest = new(frames, emptyPages: 900);
        PvMemoryMap map = guest.ReadMap();
        Assert.Equal(1024 + 512, map.PageCount);
        Assert.Equal(1024, map.FindPages().Count);
        Assert.Equal(3, map.TableFrames.Count);
    }

    [Fact]
    public void Each_page_table_is_read_once()
    {
        FakePvGuest guest = new([.. Enumerable.Range(0, 1024).Select(pfn => 0x9000UL + (ulong)pfn)]);
        guest.ReadMap();
        // Four levels, and the two pages of the p2m.
        Assert.Equal(4 + 2, guest.Reads);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(3)]
    [InlineData(2)]
    [InlineData(1)]
    public void A_table_that_is_not_mapped_is_refused_with_its_address(int level)
    {
        FakePvGuest guest = new([10, 11]);
        guest.Change(FakePvGuest.P2mAddress, level, static entry => entry & ~1UL);
        MigrationException error = Assert.Throws<MigrationException>(guest.ReadMap);
        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains($"0x{FakePvGuest.P2mAddress:x}, level {level}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_large_page_on_the_way_is_refused()
    {
        FakePvGuest guest = new([10, 11]);
        guest.Change(FakePvGuest.P2mAddress, 2, static entry => entry | 0x80);
        Assert.Throws<MigrationException>(guest.ReadMap);
    }
}
