using System.Buffers.Binary;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Tests.Backup;

namespace PreRecordMigration.Tests.CoreStates;

public sealed class AddressSpaceTests
{
    private const int PageCount = 4096;
    private const ulong User = 1 | 2 | 4;
    private const ulong Accessed = 1 << 5;
    private const ulong Dirty = 1 << 6;
    private const ulong LargePage = 1 << 7;
    private const ulong NoExecute = 1UL << 63;
    private readonly ArrayMemory _memory = new(PageCount);
    private readonly PageBitmap _populated = new(PageCount);

    public AddressSpaceTests() => _populated.SetAll();

    [Fact]
    public void Virtual_neighbours_are_neighbours_wherever_their_frames_are()
    {
        Root(4, 10);
        Table(10, 11, 12);
        Set(12, 7, 900, User | Accessed);
        Set(12, 8, 100, User | Accessed | Dirty | NoExecute);
        Set(12, 9, 2000, User);
        AddressSpaces spaces = Read(At(4));
        PageAxis axis = spaces.Axis;
        Assert.Equal((1, 5, true), (spaces.Count, spaces.TableCount, spaces.IsComplete));
        Assert.Equal(axis.PositionOf(900) + 1, axis.PositionOf(100));
        Assert.Equal(axis.PositionOf(100) + 1, axis.PositionOf(2000));
        Assert.Equal(PageUse.User | PageUse.Accessed | PageUse.Executable, spaces.UseOf(900));
        Assert.Equal(PageUse.User | PageUse.Accessed | PageUse.Dirty, spaces.UseOf(100));
        Assert.Equal(PageUse.User | PageUse.Executable, spaces.UseOf(2000));
        Assert.Equal(PageUse.None, spaces.UseOf(101));
        Assert.Equal([900, 100], spaces.Accessed.Pfns().Select(axis.PfnAt));
        Assert.Equal([900, 100, 2000], spaces.Mapped.Pfns().Select(axis.PfnAt));
    }

    [Fact]
    public void Every_page_has_one_place_and_every_place_that_is_not_vacant_one_page()
    {
        Root(4, 10);
        Table(10, 11, 12);
        foreach ((int index, int pfn) in (ReadOnlySpan<(int, int)>)[(0, 50), (1, 49), (200, 3000), (201, 50), (511, 4095)])
        {
            Set(12, index, pfn, User);
        }

        AddressSpaces spaces = Read(At(4));
        PageAxis axis = spaces.Axis;
        Assert.All(Enumerable.Range(0, PageCount), pfn => Assert.Equal(pfn, axis.PfnAt(axis.PositionOf(pfn))));
        Assert.Equal(PageCount, Enumerable.Range(0, axis.Length).Select(axis.PfnAt).Where(pfn => pfn >= 0).Distinct().Count());
        Assert.Equal(PageCount, Enumerable.Range(0, axis.Length).Count(position => axis.PfnAt(position) >= 0));
        Assert.Equal(PageCount, spaces.Places.Count);

        // What is mapped nowhere keeps its physical neighbours, and what lies apart in virtual space does not become near.
        Assert.Equal(axis.PositionOf(700) + 1, axis.PositionOf(701));
        Assert.True(axis.PositionOf(3000) - axis.PositionOf(49) > 32);
    }

    [Fact]
    public void Large_pages_are_runs()
    {
        Root(4, 10);
        Set(10, 0, 11, User);
        Set(11, 3, 1024, User | LargePage | Accessed | 0x1000);
        AddressSpaces spaces = Read(At(4));
        Assert.Equal(512, spaces.Mapped.Count);
        Assert.Equal(511, spaces.Axis.PositionOf(1535) - spaces.Axis.PositionOf(1024));
        Assert.Equal(PageUse.User | PageUse.Accessed | PageUse.Executable | PageUse.Large, spaces.UseOf(1300));
        Assert.Equal(PageUse.None, spaces.UseOf(1536));
    }

    [Fact]
    public void A_page_of_1_GiB_maps_what_there_is_of_it()
    {
        Root(4, 10);
        Set(10, 1, 0, User | LargePage);
        Assert.Equal(PageCount, Read(At(4)).Mapped.Count);
    }

    [Fact]
    public void Roots_are_known_by_the_kernels_half_that_they_share()
    {
        foreach ((int root, int table) in (ReadOnlySpan<(int, int)>)[(4, 10), (5, 20), (6, 30)])
        {
            Root(root, table);
            Table(table, table + 1, table + 2);
            Set(table + 2, 0, 1000 + root, User);
        }

        // Another kernel's half; the same with accessed and dirty bits set; a page of zeros.
        Set(6, 300, 77, 3);
        Set(5, 256, 2, 3 | Accessed);
        AddressSpaces spaces = Read([7, 6, 5, 4, 5], At(4));
        Assert.Equal(2, spaces.Count);
        Assert.Equal([1004, 1005], spaces.Mapped.Pfns().Select(spaces.Axis.PfnAt).Where(pfn => pfn >= 1000));
        Assert.Equal(PageUse.None, spaces.UseOf(1006));
    }

    [Fact]
    public void The_kernels_own_pages_keep_their_physical_places_and_its_map_of_all_memory_says_nothing()
    {
        Root(4, 10);
        Set(2, 0, 3, 3);
        Set(3, 0, 0, 3 | LargePage | NoExecute);
        Set(3, 1, 512, 3 | LargePage);
        Set(3, 2, 13, 3);
        Set(13, 0, 2222, 3 | Accessed | NoExecute);
        AddressSpaces spaces = Read(At(4));
        Assert.Equal(PageUse.None, spaces.UseOf(100));
        Assert.Equal(PageUse.Kernel | PageUse.Executable | PageUse.Large, spaces.UseOf(600));
        Assert.Equal(PageUse.Kernel, spaces.UseOf(2222));
        Assert.Equal(0, spaces.Accessed.Count);
        Assert.Equal(513, spaces.Mapped.Count);
        Assert.Equal(0, spaces.Axis.VirtualLength);
    }

    [Fact]
    public void Tables_of_the_core_state_are_read_there_and_others_without_memory_not_at_all()
    {
        byte[] root = new byte[Page.Size];
        BinaryPrimitives.WriteUInt64LittleEndian(root, (10UL << Page.Shift) | User);
        Root(4, 99);
        CoreState core = new([At(4)], [], new PageSet([4], root), 1);
        Assert.Equal(0, AddressSpaceReader.Read(core, null, _populated, [4, 5], TestContext.Current.CancellationToken).Mapped.Count);
        Table(10, 11, 12);
        Set(12, 0, 77, User);
        Assert.Equal(1, AddressSpaceReader.Read(core, _memory, _populated, [], TestContext.Current.CancellationToken).Mapped.Count);
    }

    [Fact]
    public void Without_four_levels_memory_is_physical()
    {
        Root(4, 10);
        AddressSpaces spaces = Read(new VcpuState(0, 4 << Page.Shift, PagingMode.FiveLevel), new VcpuState(1, 4 << Page.Shift, PagingMode.None), At(PageCount));
        Assert.Equal((0, true), (spaces.Count, spaces.Axis.IsPhysical));
        Assert.Equal(17, spaces.Axis.PositionOf(17));
        Assert.Equal(17, spaces.Axis.PfnAt(17));
    }

    [Fact]
    public void Loops_end_and_entries_that_lead_outside_are_passed_over()
    {
        _populated.TryClear(60);
        Root(4, 4);
        Set(4, 1, 4, User);
        Set(4, 2, PageCount, User);
        Set(4, 3, 60, User);
        Write(4, 4, ulong.MaxValue & ~NoExecute);
        AddressSpaces spaces = Read(At(4));
        Assert.Equal(1, spaces.Count);
        Assert.Equal(4095, spaces.Places.Count);
        Assert.Equal(PageUse.None, spaces.UseOf(60));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Garbage_ends_with_bounded_work_and_each_page_in_one_place(int seed)
    {
        Random random = new(seed);
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

        AddressSpaces spaces = Read([.. Enumerable.Range(0, PageCount)], At(4));
        Assert.InRange(spaces.TableCount, 1, (PageCount / 64) + 4096 + 64);
        Assert.InRange(spaces.Axis.VirtualLength, 0, (2 * PageCount) + 256);
        Assert.All(Enumerable.Range(0, PageCount), pfn => Assert.Equal(pfn, spaces.Axis.PfnAt(spaces.Axis.PositionOf(pfn))));
    }

    [Fact]
    public void It_can_be_given_up_and_what_cannot_be_read_is_said()
    {
        Root(4, 10);
        Assert.Throws<OperationCanceledException>(() => AddressSpaceReader.Read(
            new CoreState([At(4)], [], PageSet.Empty, 0), _memory, _populated, [1, 2], new CancellationToken(canceled: true)));
        Assert.Throws<MigrationException>(() => AddressSpaceReader.Read(
            new CoreState([At(4)], [], PageSet.Empty, 0), new UnreadableMemory(), _populated, [], TestContext.Current.CancellationToken));
    }

    private static VcpuState At(int root) => new(0, ((ulong)root << Page.Shift) | 0x18, PagingMode.FourLevel);

    private AddressSpaces Read(params VcpuState[] vcpus) => Read([], vcpus);

    private AddressSpaces Read(int[] candidates, params VcpuState[] vcpus) =>
        AddressSpaceReader.Read(new CoreState(vcpus, [], PageSet.Empty, 0), _memory, _populated, candidates, TestContext.Current.CancellationToken);

    /// <summary>A root whose upper half leads to table 2, as all have it, and whose lower half begins with a table.</summary>
    private void Root(int root, int table)
    {
        Set(root, 0, table, User);
        Set(root, 256, 2, 3);
    }

    private void Table(params int[] tables)
    {
        for (int i = 1; i < tables.Length; i++)
        {
            Set(tables[i - 1], 0, tables[i], User);
        }
    }

    private void Set(int table, int index, int pfn, ulong flags) => Write(table, index, ((ulong)pfn << Page.Shift) | flags);

    private void Write(int table, int index, ulong entry)
    {
        byte[] page = new byte[Page.Size];
        _memory.Read([table], page);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(index * 8), entry);
        _memory.Write([table], page);
    }

    private sealed class UnreadableMemory : IGuestMemory
    {
        public int PageCount => AddressSpaceTests.PageCount;

        public void Read(ReadOnlySpan<int> pfns, Span<byte> pages) => throw new MigrationException(MigrationErrorId.HypervisorCall, "No.", "Try again.");

        public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) => throw new NotSupportedException();
    }
}
