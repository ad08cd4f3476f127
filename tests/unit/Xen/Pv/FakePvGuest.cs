using System.Buffers.Binary;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Pv;

namespace PreRecordMigration.Tests.Xen.Pv;

/// <summary>A PV guest's machine frames: page tables of machine frames, and a p2m that lies under them at some address.</summary>
internal sealed class FakePvGuest
{
    internal const ulong P2mAddress = 0xffff_c900_0000_0000 + (510 * (ulong)Page.Size);
    private const ulong Flags = 0x67;
    private readonly Dictionary<ulong, byte[]> _frames = [];
    private ulong _next = 0x1000;

    /// <summary>Makes a guest whose page n is frame <c>frames[n]</c>.</summary>
    /// <param name="frames">The machine frame of each page.</param>
    /// <param name="emptyPages">How many pages of p2m follow that are all the same empty one.</param>
    internal FakePvGuest(IReadOnlyList<ulong> frames, int emptyPages = 0)
    {
        Cr3 = NewFrame() << Page.Shift;
        PageCount = frames.Count + (emptyPages * 512);
        for (int i = 0; i * 512 < frames.Count; i++)
        {
            ulong frame = Map(P2mAddress + ((ulong)i * Page.Size));
            P2mFrames.Add(frame);
            for (int entry = 0; entry < 512; entry++)
            {
                int pfn = (i * 512) + entry;
                Write(frame, entry, pfn < frames.Count ? frames[pfn] : ulong.MaxValue);
            }
        }

        ulong empty = NewFrame();
        _frames[empty].AsSpan().Fill(0xff);
        for (int i = 0; i < emptyPages; i++)
        {
            ulong address = P2mAddress + ((ulong)(P2mFrames.Count + i) * Page.Size);
            Map(address);
            Change(address, 1, _ => (empty << Page.Shift) | Flags);
        }
    }

    internal ulong Cr3 { get; }

    internal int PageCount { get; }

    internal List<ulong> P2mFrames { get; } = [];

    internal int Reads { get; private set; }

    internal PvMemoryMap ReadMap() => PvMemoryMap.Read(Read, Cr3, P2mAddress, PageCount, "vm");

    internal void Read(ReadOnlySpan<ulong> frames, Span<byte> pages)
    {
        for (int i = 0; i < frames.Length; i++)
        {
            Reads++;
            _frames[frames[i]].CopyTo(Page.At(pages, i));
        }
    }

    /// <summary>Changes the entry of an address at a level.</summary>
    internal void Change(ulong address, int level, Func<ulong, ulong> change)
    {
        ulong table = Cr3 >> Page.Shift;
        for (int at = 4; at > level; at--)
        {
            table = PageTableEntry.FrameOf(Entry(table, Index(address, at)));
        }

        Write(table, Index(address, level), change(Entry(table, Index(address, level))));
    }

    private static int Index(ulong address, int level) => (int)(address >> (12 + ((level - 1) * 9))) & 511;

    private ulong Map(ulong address)
    {
        ulong table = Cr3 >> Page.Shift;
        for (int level = 4; level > 0; level--)
        {
            int index = Index(address, level);
            ulong entry = Entry(table, index);
            if (entry == 0)
            {
                entry = (NewFrame() << Page.Shift) | Flags;
                Write(table, index, entry);
            }

            table = PageTableEntry.FrameOf(entry);
        }

        return table;
    }

    private ulong NewFrame()
    {
        _frames[_next] = new byte[Page.Size];
        return _next++;
    }

    private ulong Entry(ulong frame, int index) => BinaryPrimitives.ReadUInt64LittleEndian(_frames[frame].AsSpan(index * 8));

    private void Write(ulong frame, int index, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(_frames[frame].AsSpan(index * 8), value);
}
