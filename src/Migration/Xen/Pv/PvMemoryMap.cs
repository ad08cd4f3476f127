using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Pv;

/// <summary>Reads a PV domain's pages by machine frame.</summary>
/// <param name="frames">The machine frames.</param>
/// <param name="pages">Receives <see cref="Page.Size"/> bytes each.</param>
internal delegate void ReadMachineFrames(ReadOnlySpan<ulong> frames, Span<byte> pages);

/// <summary>
/// A PV domain's p2m as the guest keeps it: the machine frame of each of its pages, and the way back. A snapshot.
/// </summary>
/// <remarks>
/// The guest names, in its shared information page, the virtual address of its table and the page tables under which it
/// lies; every kernel since Linux 3.19 does. An entry with one of its two highest bits set is no page of the domain (none,
/// foreign, or an identity mapping). A guest whose memory can be enlarged has room in its table for far more pages than it has;
/// the end of the table, where the same empty page repeats, is not looked at.
/// </remarks>
internal sealed class PvMemoryMap
{
    /// <summary>What <see cref="FrameOf"/> says of a page that is not there.</summary>
    internal const ulong NoFrame = ulong.MaxValue;

    private const int EntriesPerPage = Page.Size / sizeof(ulong);
    private const int TopLevel = 4;
    private const int IndexBits = 9;
    private const ulong NotAPage = 3UL << 62;
    private readonly ulong[] _frames;
    private ulong[]? _sortedFrames;
    private int[]? _pfnsBySortedFrame;

    /// <summary>Wraps a table.</summary>
    /// <param name="frames">The machine frame of each page, or <see cref="NoFrame"/>.</param>
    /// <param name="tableFrames">The machine frames that hold the table itself.</param>
    internal PvMemoryMap(ulong[] frames, ulong[] tableFrames)
    {
        _frames = frames;
        TableFrames = tableFrames;
    }

    /// <summary>One past the highest page frame number.</summary>
    internal int PageCount => _frames.Length;

    /// <summary>The machine frames that hold the guest's table, in order.</summary>
    internal IReadOnlyList<ulong> TableFrames { get; }

    /// <summary>Reads a domain's table.</summary>
    /// <param name="read">Reads its pages.</param>
    /// <param name="cr3">The root of the page tables under which it lies, as the control register has it.</param>
    /// <param name="address">The table's virtual address.</param>
    /// <param name="pageCount">How many entries it has room for.</param>
    /// <param name="subject">The domain's name, for errors.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: it is not mapped there.</exception>
    internal static PvMemoryMap Read(ReadMachineFrames read, ulong cr3, ulong address, int pageCount, string subject)
    {
        ulong[] tableFrames = Trim(FindTable(read, cr3, address, pageCount, subject));
        pageCount = Math.Min(pageCount, tableFrames.Length * EntriesPerPage);
        ulong[] frames = new ulong[pageCount];
        byte[] page = new byte[Page.Size];
        for (int i = 0; i < tableFrames.Length; i++)
        {
            read(tableFrames.AsSpan(i, 1), page);
            int count = Math.Min(EntriesPerPage, pageCount - (i * EntriesPerPage));
            for (int entry = 0; entry < count; entry++)
            {
                ulong frame = BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(entry * sizeof(ulong)));
                frames[(i * EntriesPerPage) + entry] = (frame & NotAPage) != 0 ? NoFrame : frame;
            }
        }

        return new PvMemoryMap(frames, tableFrames);
    }

    /// <summary>The machine frame of a page, or <see cref="NoFrame"/>.</summary>
    internal ulong FrameOf(int pfn) => _frames[pfn];

    /// <summary>Finds the page that a machine frame is.</summary>
    /// <returns>False where it is none of the domain's.</returns>
    internal bool TryFind(ulong frame, out int pfn)
    {
        if (_sortedFrames is null)
        {
            Sort();
        }

        int index = Array.BinarySearch(_sortedFrames!, frame);
        pfn = index < 0 ? -1 : _pfnsBySortedFrame![index];
        return index >= 0;
    }

    /// <summary>The pages that are there.</summary>
    internal PageBitmap FindPages()
    {
        PageBitmap populated = new(PageCount);
        for (int pfn = 0; pfn < _frames.Length; pfn++)
        {
            if (_frames[pfn] != NoFrame)
            {
                populated.TrySet(pfn);
            }
        }

        return populated;
    }

    private static ulong[] Trim(ulong[] tableFrames)
    {
        int count = tableFrames.Length;
        while (count > 1 && tableFrames[count - 1] == tableFrames[count - 2])
        {
            count--;
        }

        return tableFrames[..count];
    }

    private static ulong[] FindTable(ReadMachineFrames read, ulong cr3, ulong address, int pageCount, string subject)
    {
        ulong[] found = new ulong[(pageCount + EntriesPerPage - 1) / EntriesPerPage];
        byte[][] tables = [.. Enumerable.Range(0, TopLevel).Select(_ => new byte[Page.Size])];
        ulong[] held = [NoFrame, NoFrame, NoFrame, NoFrame];
        for (int i = 0; i < found.Length; i++)
        {
            ulong virtualAddress = address + ((ulong)i * Page.Size);
            ulong frame = cr3 >> Page.Shift;
            for (int level = TopLevel; level > 0; level--)
            {
                byte[] table = tables[level - 1];
                if (held[level - 1] != frame)
                {
                    read([frame], table);
                    held[level - 1] = frame;
                }

                int index = (int)(virtualAddress >> (Page.Shift + ((level - 1) * IndexBits))) & (EntriesPerPage - 1);
                ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(table.AsSpan(index * sizeof(ulong)));
                if ((entry & PageTableEntry.Present) == 0 || (level > 1 && (entry & PageTableEntry.Large) != 0))
                {
                    throw new MigrationException(
                        MigrationErrorId.DomainState,
                        $"{subject}: the guest's table of its pages is not mapped where it says (address 0x{virtualAddress:x}, level {level}).",
                        "The guest needs a kernel that keeps its p2m as Linux since 3.19 does; use `xl migrate` for it.",
                        subject);
                }

                frame = PageTableEntry.FrameOf(entry);
            }

            found[i] = frame;
        }

        return found;
    }

    private void Sort()
    {
        int[] pfns = [.. FindPages().Pfns()];
        ulong[] frames = Array.ConvertAll(pfns, pfn => _frames[pfn]);
        Array.Sort(frames, pfns);
        (_pfnsBySortedFrame, _sortedFrames) = (pfns, frames);
    }
}
