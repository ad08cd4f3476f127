using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PreRecordMigration.Simulated.Guest;

/// <summary>
/// The traps of a guest's pages, as second-level page tables keep them: a block of pages that are all alike is one entry, and is split when one of
/// its pages differs. So all pages are trapped in a time that does not grow with the guest.
/// </summary>
/// <remarks>Changes come one at a time, under the domain's lock; anybody may read meanwhile, without one.</remarks>
internal sealed class TrapTable
{
    private const int BlockShift = 9;
    private const int BlockPages = 1 << BlockShift;
    private readonly byte[] _alike;
    private readonly byte[]?[] _split;
    private readonly List<int> _splitBlocks = [];

    /// <summary>Makes a table of pages of which none exists.</summary>
    /// <param name="pageCount">How many pages.</param>
    public TrapTable(int pageCount)
    {
        PageCount = pageCount;
        _alike = new byte[(pageCount + BlockPages - 1L) / BlockPages];
        _split = new byte[_alike.Length][];
        Array.Fill(_alike, (byte)PageTraps.Unpopulated);
    }

    /// <summary>How many pages.</summary>
    public int PageCount { get; }

    /// <summary>A page's traps.</summary>
    public PageTraps this[int pfn]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            byte[]? pages = Volatile.Read(ref _split[pfn >> BlockShift]);
            return (PageTraps)(pages is null ? Volatile.Read(ref _alike[pfn >> BlockShift]) : Volatile.Read(ref pages[pfn & (BlockPages - 1)]));
        }
    }

    /// <summary>Sets what stands before a page.</summary>
    public void Set(int pfn, PageTraps traps)
    {
        if (this[pfn] != traps)
        {
            Volatile.Write(ref Split(pfn >> BlockShift)[pfn & (BlockPages - 1)], (byte)traps);
        }
    }

    /// <summary>Sets what stands before the pages of a range.</summary>
    public void SetRange(int first, int count, PageTraps traps)
    {
        for (int end = first + count; first < end;)
        {
            int take = Math.Min(BlockPages - (first & (BlockPages - 1)), end - first);
            if (take == BlockPages)
            {
                _alike[first >> BlockShift] = (byte)traps;
            }
            else
            {
                Split(first >> BlockShift).AsSpan(first & (BlockPages - 1), take).Fill((byte)traps);
            }

            first += take;
        }
    }

    /// <summary>Adds traps to those of every page that exists, and takes others away.</summary>
    /// <param name="added">What is added.</param>
    /// <param name="removed">What is taken away first.</param>
    public void ChangeAll(PageTraps added, PageTraps removed)
    {
        Change(_alike, added, removed);
        _splitBlocks.ForEach(block => Change(_split[block], added, removed));
        Join();
    }

    /// <summary>Makes one entry again of every block whose pages are all alike. Nothing changes for who reads meanwhile.</summary>
    public void Join() => _splitBlocks.RemoveAll(block =>
    {
        byte[] pages = _split[block]!;
        if (pages.AsSpan().ContainsAnyExcept(pages[0]))
        {
            return false;
        }

        Volatile.Write(ref _alike[block], pages[0]);
        Volatile.Write(ref _split[block], null);
        return true;
    });

    private static void Change(Span<byte> traps, PageTraps added, PageTraps removed)
    {
        Span<Vector<byte>> vectors = MemoryMarshal.Cast<byte, Vector<byte>>(traps);
        Vector<byte> kept = new((byte)~removed);
        Vector<byte> given = new((byte)added);
        Vector<byte> absent = new((byte)PageTraps.Unpopulated);
        foreach (ref Vector<byte> had in vectors)
        {
            had = Vector.ConditionalSelect(Vector.Equals(had & absent, absent), had, (had & kept) | given);
        }

        foreach (ref byte had in traps[(vectors.Length * Vector<byte>.Count)..])
        {
            had = (had & (byte)PageTraps.Unpopulated) != 0 ? had : (byte)((had & (byte)~removed) | (byte)added);
        }
    }

    /// <summary>A block's pages, each by itself from here on.</summary>
    private byte[] Split(int block)
    {
        byte[]? pages = _split[block];
        if (pages is null)
        {
            pages = new byte[BlockPages];
            Array.Fill(pages, _alike[block]);
            _splitBlocks.Add(block);
            Volatile.Write(ref _split[block], pages);
        }

        return pages;
    }
}
