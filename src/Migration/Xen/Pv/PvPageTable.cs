using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Streams;
using static PreRecordMigration.Pages.PageTableEntry;

namespace PreRecordMigration.Xen.Pv;

/// <summary>
/// Page tables of a PV guest hold machine frames. Before they travel these become page frame numbers, as Xen's own saver
/// makes them, and the restorer turns them back into the destination's machine frames.
/// </summary>
internal static class PvPageTable
{
    /// <summary>The slots of a level 4 table that belong to Xen: 0xffff800000000000 to 0xffff87ffffffffff.</summary>
    internal const int FirstXenSlot = 256;

    /// <summary>The last of them.</summary>
    internal const int LastXenSlot = 271;

    /// <summary>Turns a page table's machine frames into page frame numbers, and empties Xen's slots.</summary>
    /// <param name="table">The table's content, changed in place.</param>
    /// <param name="type">Its type: one of the page tables'.</param>
    /// <param name="pfn">Which page it is, for errors.</param>
    /// <param name="map">The domain's pages.</param>
    /// <param name="subject">The domain's name, for errors.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: an entry leads to a frame that is
    /// not the domain's, or is a large page.</exception>
    internal static void Normalise(Span<byte> table, XenPageType type, int pfn, PvMemoryMap map, string subject)
    {
        int level = LevelOf(type);
        for (int index = 0; index < Page.Size / sizeof(ulong); index++)
        {
            Span<byte> slot = table.Slice(index * sizeof(ulong), sizeof(ulong));
            if (level == 4 && index is >= FirstXenSlot and <= LastXenSlot)
            {
                slot.Clear();
                continue;
            }

            ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(slot);
            if ((entry & Present) == 0)
            {
                continue;
            }

            if (level > 1 && (entry & Large) != 0)
            {
                throw Unmovable($"maps a large page (level {level}, page {pfn}, entry {index})", subject);
            }

            if (!map.TryFind(FrameOf(entry), out int target))
            {
                throw Unmovable(
                    $"maps memory that is not its own (machine frame 0x{FrameOf(entry):x}; level {level}, page {pfn}, entry {index})",
                    subject);
            }

            BinaryPrimitives.WriteUInt64LittleEndian(slot, (entry & ~FrameMask) | ((ulong)target << Page.Shift));
        }
    }

    /// <summary>Whether a type is a page table's.</summary>
    internal static bool IsTable(XenPageType type) => LevelOf(type) is >= 1 and <= 4 && type.HasContent();

    private static int LevelOf(XenPageType type) => (int)type & 7;

    private static MigrationException Unmovable(string what, string subject) => new(
        MigrationErrorId.DomainState,
        $"{subject} {what}; its page tables cannot move.",
        "Stop what maps it in the guest (a backend, a driver of passed-through hardware), and migrate again.",
        subject);
}
