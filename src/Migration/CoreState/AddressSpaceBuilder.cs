using PreRecordMigration.Pages;

namespace PreRecordMigration.CoreStates;

/// <summary>Puts address spaces together, mapping by mapping.</summary>
/// <param name="populated">The pages that exist.</param>
internal sealed class AddressSpaceBuilder(PageBitmap populated)
{
    /// <summary>Most vacant places between two mapped runs, however far they lie apart, and between two address spaces.</summary>
    private const int MostVacant = 64;

    private const int ChunkPages = 1 << PageAxis.ChunkShift;
    private readonly int[]?[] _positions = new int[((populated.PageCount - 1L) >> PageAxis.ChunkShift) + 1][];
    private readonly byte[]?[] _uses = new byte[((populated.PageCount - 1L) >> PageAxis.ChunkShift) + 1][];
    private readonly List<int> _pfns = [];
    private ulong _nextPage;
    private int _mapped;

    /// <summary>How many address spaces were begun.</summary>
    public int Spaces { get; private set; }

    /// <summary>Begins an address space.</summary>
    public void BeginSpace()
    {
        Spaces++;
        _nextPage = ulong.MaxValue;
    }

    /// <summary>Maps pages of the lower half. A page that is mapped already keeps its place.</summary>
    /// <param name="virtualPage">The virtual page; above all that were mapped in this space.</param>
    /// <param name="pfn">The first page.</param>
    /// <param name="count">How many pages, which follow each other in both.</param>
    /// <param name="use">How.</param>
    public void MapUser(ulong virtualPage, int pfn, int count, PageUse use)
    {
        for (int i = 0; i < count; i++)
        {
            if (!populated[pfn + i] || _pfns.Count > int.MaxValue - MostVacant - populated.PageCount - 1)
            {
                continue;
            }

            ref byte known = ref Own(_uses, pfn + i);
            if ((known & (byte)PageUse.User) == 0)
            {
                LeaveGap(virtualPage + (ulong)i);
                _pfns.Add(pfn + i);
                Own(_positions, pfn + i) = _pfns.Count;
                _mapped++;
            }

            known |= (byte)(use | PageUse.User);
        }
    }

    /// <summary>Notes that the kernel maps a page: that gives it no place of its own.</summary>
    public void MapKernel(int pfn, PageUse use)
    {
        if (populated[pfn])
        {
            Own(_uses, pfn) |= (byte)((use & ~(PageUse.Accessed | PageUse.Dirty)) | PageUse.Kernel);
        }
    }

    /// <summary>What was put together.</summary>
    public AddressSpaces Build(int tables, bool isComplete) => new(new PageAxis(populated.PageCount, [.. _pfns], _positions), _uses, populated)
    {
        Count = Spaces,
        TableCount = tables,
        IsComplete = isComplete,
    };

    private static ref T Own<T>(T[]?[] chunks, int pfn) =>
        ref (chunks[pfn >> PageAxis.ChunkShift] ??= new T[ChunkPages])[pfn & (ChunkPages - 1)];

    /// <summary>Leaves places vacant where the addresses do, as long as there are not more of them than pages.</summary>
    private void LeaveGap(ulong virtualPage)
    {
        ulong gap = _nextPage == ulong.MaxValue ? MostVacant : Math.Min(virtualPage - _nextPage, MostVacant);
        for (int i = _pfns.Count == 0 ? 0 : (int)Math.Min(gap, (ulong)Math.Max(0, _mapped + (2 * MostVacant) - (_pfns.Count - _mapped))); i > 0; i--)
        {
            _pfns.Add(-1);
        }

        _nextPage = virtualPage + 1;
    }
}
