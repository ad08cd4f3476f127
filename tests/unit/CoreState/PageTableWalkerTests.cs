using System.Buffers.Binary;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Pages;
using PreRecordMigration.Tests.Backup;

namespace PreRecordMigration.Tests.CoreStates;

public sealed class PageTableWalkerTests
{
    private const int PageCount = 64;
    private readonly ArrayMemory _memory = new(PageCount);
    private readonly PageBitmap _populated = new(PageCount);

    public PageTableWalkerTests() => _populated.SetAll();

    [Fact]
    public void Finds_every_level_and_not_the_data()
    {
        Link(4, 0, 10);
        Link(10, 511, 11);
        Link(11, 3, 12);
        Link(12, 0, 40);
        Assert.Equal([4, 10, 11, 12], Walk(4));
    }

    [Fact]
    public void Five_levels_have_one_more()
    {
        Link(3, 1, 4);
        Link(4, 0, 10);
        Link(10, 511, 11);
        Link(11, 3, 12);
        Link(12, 0, 40);
        Assert.Equal([3, 4, 10, 11, 12], Walk(new VcpuState(0, 3 << Page.Shift, PagingMode.FiveLevel)));
    }

    [Fact]
    public void A_large_page_is_data()
    {
        Link(4, 0, 10);
        Link(10, 0, 40, large: true);
        Link(10, 1, 11);
        Link(11, 0, 41, large: true);
        Link(11, 1, 12);
        // Bit 7 of the last level is PAT, and bit 7 of level 4 is reserved: neither makes a large page.
        Link(4, 1, 13, large: true);
        Assert.Equal([4, 10, 13, 11, 12], Walk(4));
    }

    [Fact]
    public void Absent_entries_lead_nowhere()
    {
        Set(4, 0, (10UL << Page.Shift) | 2);
        Assert.Equal([4], Walk(4));
    }

    [Fact]
    public void A_recursive_entry_ends()
    {
        Link(4, 510, 4);
        Link(4, 0, 10);
        Link(10, 0, 11);
        Link(11, 0, 12);
        Link(12, 0, 40);
        // Through the recursive entry each table also serves one level higher, so the data page of level 1 is not reached
        // as a table, but every table is still found once.
        int[] found = Walk(4);
        Assert.Equal([4, 10, 11, 12], found.Order());
    }

    [Fact]
    public void Shared_tables_come_once_and_several_roots_each()
    {
        Link(4, 256, 10);
        Link(5, 256, 10);
        Link(10, 0, 11);
        Link(11, 0, 12);
        Assert.Equal([4, 5, 10, 11, 12], Walk(At(0, 4), At(1, 5), At(2, 4)));
    }

    [Fact]
    public void Offline_vcpus_and_impossible_roots_are_passed_over()
    {
        Assert.Empty(Walk(new VcpuState(0, 4 << Page.Shift, PagingMode.None)));
        Assert.Empty(Walk(new VcpuState(0, ulong.MaxValue, PagingMode.FourLevel)));
        Assert.Empty(Walk(At(0, PageCount)));
    }

    [Fact]
    public void Entries_that_lead_outside_are_passed_over()
    {
        _populated.TryClear(20);
        Link(4, 0, PageCount);
        Link(4, 1, 20);
        Set(4, 2, ulong.MaxValue);
        Assert.Equal([4], Walk(4));
    }

    [Fact]
    public void Garbage_ends_and_finds_each_page_once()
    {
        Random random = new(1);
        byte[] page = new byte[Page.Size];
        for (int pfn = 0; pfn < PageCount; pfn++)
        {
            for (int i = 0; i < 512; i++)
            {
                ulong entry = ((ulong)(uint)random.Next(PageCount + 8) << Page.Shift) | (uint)random.Next(256);
                BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(i * 8), entry);
            }

            _memory.Write([pfn], page);
        }

        int[] found = Walk(4);
        Assert.Equal(PageCount, found.Length);
        Assert.Equal(found.Length, found.Distinct().Count());
    }

    [Fact]
    public void Tables_go_before_the_core_states_own_pages_and_none_stands_twice()
    {
        Link(4, 0, 10);
        Link(10, 0, 11);
        CoreState bare = new(
            [At(0, 4)], [], new PageSet([30, 11], new byte[2 * Page.Size]), 0);
        CoreState whole = PageTableWalker.AddPageTables(bare, _memory, _populated);
        Assert.Equal([4, 10, 11, 30], whole.Pages.Pfns);
        Assert.Equal(3, whole.PageTablePageCount);
        Assert.Equal(4 * Page.Size, whole.Bytes);
        byte[] table = new byte[Page.Size];
        _memory.Read([4], table);
        Assert.Equal(table, whole.Pages.ContentAt(0));
    }

    private static VcpuState At(int index, int root) => new(index, ((ulong)root << Page.Shift) | 0x18, PagingMode.FourLevel);

    private int[] Walk(int root) => Walk(At(0, root));

    private int[] Walk(params VcpuState[] vcpus) => PageTableWalker.Collect(_memory, _populated, vcpus).Pfns.ToArray();

    private void Link(int table, int index, int next, bool large = false) =>
        Set(table, index, ((ulong)next << Page.Shift) | 3 | (large ? 0x80UL : 0));

    private void Set(int table, int index, ulong entry)
    {
        byte[] page = new byte[Page.Size];
        _memory.Read([table], page);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(index * 8), entry);
        _memory.Write([table], page);
    }
}
