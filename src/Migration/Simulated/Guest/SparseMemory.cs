using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Simulated.Guest;

/// <summary>The contents of a guest's pages. Pages of zeros take no memory: all of them are one page, until something else is written to them.</summary>
/// <remarks>Safe for several threads, as memory is: who writes a page while another reads it decides what that one sees. A page never moves once
/// it has memory of its own.</remarks>
internal sealed class SparseMemory
{
    private const int BlockShift = 9;
    private const int BlockPages = 1 << BlockShift;
    private const int SlabShift = 8;
    private const int SlabPages = 1 << SlabShift;

    // Shared by all guests, and never written. The first slab holds nothing but the page of zeros, so that a read needs no branch.
    private static readonly int[] s_emptyBlock = new int[BlockPages];
    private static readonly byte[] s_zeros = new byte[Page.Size];
    private readonly int[][] _slots;
    private readonly byte[][] _slabs;
    private readonly Lock _growing = new();
    private int _used = SlabPages;

    /// <summary>Makes a memory of zeros.</summary>
    /// <param name="pageCount">How many pages.</param>
    public SparseMemory(int pageCount)
    {
        _slots = new int[(pageCount + BlockPages - 1L) / BlockPages][];
        Array.Fill(_slots, s_emptyBlock);
        _slabs = new byte[1 + ((pageCount + SlabPages - 1L) / SlabPages)][];
        _slabs[0] = s_zeros;
    }

    /// <summary>How many pages have memory of their own.</summary>
    public int OwnPages
    {
        get
        {
            lock (_growing)
            {
                return _used - SlabPages;
            }
        }
    }

    /// <summary>A page's bytes, to be read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Read(int pfn) => At(SlotOf(pfn));

    /// <summary>A page's bytes, to be written: from here on it has memory of its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Write(int pfn)
    {
        int slot = SlotOf(pfn);
        return At(slot != 0 ? slot : Grow(pfn));
    }

    /// <summary>Replaces a page's content. Zeros for a page of zeros take no memory.</summary>
    public void Write(int pfn, ReadOnlySpan<byte> content)
    {
        if (SlotOf(pfn) != 0 || !Page.IsZero(content))
        {
            content.CopyTo(Write(pfn));
        }
    }

    /// <summary>A page's bytes for an access that may not write where <paramref name="isWrite"/> is false.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Access(int pfn, bool isWrite) => isWrite ? Write(pfn) : At(SlotOf(pfn));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int SlotOf(int pfn) => Volatile.Read(ref Volatile.Read(ref _slots[pfn >> BlockShift])[pfn & (BlockPages - 1)]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> At(int slot) => MemoryMarshal.CreateSpan(
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_slabs[slot >> SlabShift]), (nint)(slot & (SlabPages - 1)) << Page.Shift), Page.Size);

    private int Grow(int pfn)
    {
        lock (_growing)
        {
            ref int[] block = ref _slots[pfn >> BlockShift];
            if (block == s_emptyBlock)
            {
                Volatile.Write(ref block, new int[BlockPages]);
            }

            ref int slot = ref block[pfn & (BlockPages - 1)];
            if (slot == 0)
            {
                _slabs[_used >> SlabShift] ??= new byte[SlabPages * Page.Size];
                Volatile.Write(ref slot, _used++);
            }

            return slot;
        }
    }
}
