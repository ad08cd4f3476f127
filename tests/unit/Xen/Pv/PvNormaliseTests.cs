using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Pv;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Pv;

/// <summary>What Xen's own saver does to page tables and vCPU contexts, done here: machine frames become page frame numbers.</summary>
public sealed class PvNormaliseTests
{
    private const ulong NoExecute = 1UL << 63;
    private static readonly PvMemoryMap s_map = new([0x500, 0x400, PvMemoryMap.NoFrame, 0xf_ffff_ffff], []);

    [Fact]
    public void Present_entries_get_page_frame_numbers_and_keep_their_flags()
    {
        byte[] table = new byte[Page.Size];
        Write(table, 0, (0x400UL << 12) | 0x067 | NoExecute);
        Write(table, 300, (0xf_ffff_ffffUL << 12) | 0x025);
        Write(table, 511, (0x77UL << 12) | 0x066);
        PvPageTable.Normalise(table, XenPageType.L1Table, 0, s_map, "vm");
        Assert.Equal((1UL << 12) | 0x067 | NoExecute, Read(table, 0));
        Assert.Equal((3UL << 12) | 0x025, Read(table, 300));
        Assert.Equal((0x77UL << 12) | 0x066, Read(table, 511));
    }

    [Fact]
    public void Xens_slots_of_the_top_level_are_emptied_and_only_those()
    {
        byte[] table = new byte[Page.Size];
        for (int i = 0; i < 512; i++)
        {
            Write(table, i, i is >= 256 and <= 271 ? (0x12345UL << 12) | 1 : (0x500UL << 12) | 1);
        }

        byte[] lower = [.. table];
        PvPageTable.Normalise(table, XenPageType.L4TablePinned, 0, s_map, "vm");
        for (int i = 0; i < 512; i++)
        {
            Assert.Equal(i is >= 256 and <= 271 ? 0UL : 1, Read(table, i));
        }

        Assert.Throws<MigrationException>(() => PvPageTable.Normalise(lower, XenPageType.L3Table, 0, s_map, "vm"));
    }

    [Fact]
    public void A_frame_that_is_not_the_domains_is_refused_by_name()
    {
        byte[] table = new byte[Page.Size];
        Write(table, 9, (0x999UL << 12) | 1);
        MigrationException error = Assert.Throws<MigrationException>(
            () => PvPageTable.Normalise(table, XenPageType.L1Table, 17, s_map, "vm"));
        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains("machine frame 0x999; level 1, page 17, entry 9", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_large_page_is_refused_but_the_bit_means_something_else_in_the_lowest_level()
    {
        byte[] table = new byte[Page.Size];
        Write(table, 0, (0x400UL << 12) | 0x81);
        byte[] same = [.. table];
        Assert.Throws<MigrationException>(() => PvPageTable.Normalise(same, XenPageType.L2Table, 0, s_map, "vm"));
        PvPageTable.Normalise(table, XenPageType.L1TablePinned, 0, s_map, "vm");
        Assert.Equal((1UL << 12) | 0x81, Read(table, 0));
    }

    [Fact]
    public void A_vCPUs_context_gets_page_frame_numbers()
    {
        byte[] context = new byte[PvVcpuContext.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(context.AsSpan(616), 0x500);
        BinaryPrimitives.WriteUInt64LittleEndian(context.AsSpan(4832), 0x400);
        BinaryPrimitives.WriteUInt64LittleEndian(context.AsSpan(4960), 16);
        BinaryPrimitives.WriteUInt64LittleEndian(context.AsSpan(4992), 0xf_ffff_ffffUL << 12);
        BinaryPrimitives.WriteUInt64LittleEndian(context.AsSpan(5008), 0x400UL << 12);
        PvVcpuContext.Pages pages = PvVcpuContext.Normalise(context, isFirst: true, s_map, "vm");
        Assert.Equal(1, pages.Cr3);
        Assert.Equal([1], pages.GdtPages);
        Assert.Equal(0, PvVcpuContext.StartInfoPage(context));
        Assert.Equal(1UL, BinaryPrimitives.ReadUInt64LittleEndian(context.AsSpan(4832)));
        Assert.Equal((3UL << 12) | 1, BinaryPrimitives.ReadUInt64LittleEndian(context.AsSpan(4992)));
        Assert.Equal(1UL << 12, BinaryPrimitives.ReadUInt64LittleEndian(context.AsSpan(5008)));
    }

    [Fact]
    public void Only_the_first_vCPUs_register_names_the_start_information_and_no_user_tables_are_none()
    {
        byte[] context = new byte[PvVcpuContext.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(context.AsSpan(616), 0xdead);
        BinaryPrimitives.WriteUInt64LittleEndian(context.AsSpan(5008), 0x400UL << 12);
        PvVcpuContext.Normalise(context, isFirst: false, s_map, "vm");
        Assert.Equal(0xdeadUL, BinaryPrimitives.ReadUInt64LittleEndian(context.AsSpan(616)));
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(context.AsSpan(4992)));
        Assert.Contains(
            "start information",
            Assert.Throws<MigrationException>(() => PvVcpuContext.Normalise(context, isFirst: true, s_map, "vm")).Message,
            StringComparison.Ordinal);
    }

    private static ulong Read(byte[] table, int index) => BinaryPrimitives.ReadUInt64LittleEndian(table.AsSpan(index * 8));

    private static void Write(byte[] table, int index, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan(index * 8), value);
}
