namespace PreRecordMigration.Pages;

/// <summary>
/// A line on which a guest's pages stand so that neighbours on it belong together: first the pages that are mapped, by address space and
/// virtual address, then all page frames by number, where those stand that nothing maps. Each page has one place. Where no address
/// space is known, it is physical memory itself. This project's definition (docs/ordering.md).
/// </summary>
/// <remarks>
/// A place may be vacant: the number of a page that stands elsewhere, or a gap between two mapped runs. Immutable: any thread may read it.
/// Takes 4 bytes for each place before the page frames, and 4 for each page of a chunk of 4,096 of which one is mapped.
/// </remarks>
public sealed class PageAxis
{
    internal const int ChunkShift = 12;
    private const int Vacant = -1;
    private readonly int[] _pfns;
    private readonly int[]?[] _positions;

    /// <summary>Wraps arrays that the caller gives up.</summary>
    /// <param name="pageCount">The guest's page count.</param>
    /// <param name="pfns">The pages that are mapped, at their places; −1 where one is vacant.</param>
    /// <param name="positions">The place of each mapped page, by chunk and place within it, plus one; zero of others; null for a chunk without any.</param>
    internal PageAxis(int pageCount, int[] pfns, int[]?[] positions)
    {
        (PageCount, _pfns, _positions) = (pageCount, pfns, positions);
    }

    /// <summary>The guest's page count.</summary>
    public int PageCount { get; }

    /// <summary>How many places there are.</summary>
    public int Length => _pfns.Length + PageCount;

    /// <summary>How many places stand before the page frames: those of mapped pages, with the gaps between them.</summary>
    public int VirtualLength => _pfns.Length;

    /// <summary>Whether it is physical memory itself: every page's place is its number.</summary>
    public bool IsPhysical => _pfns.Length == 0;

    /// <summary>Physical memory.</summary>
    public static PageAxis Physical(int pageCount) => new(pageCount, [], []);

    /// <summary>A page's place.</summary>
    /// <param name="pfn">A page of the guest.</param>
    public int PositionOf(int pfn) =>
        IsPhysical ? pfn
        : _positions[pfn >> ChunkShift] is { } chunk && chunk[pfn & ((1 << ChunkShift) - 1)] is int at and > 0 ? at - 1
        : _pfns.Length + pfn;

    /// <summary>The page at a place, or −1 where it is vacant.</summary>
    /// <param name="position">Zero up to <see cref="Length"/>.</param>
    public int PfnAt(int position)
    {
        if (position < _pfns.Length)
        {
            return _pfns[position];
        }

        int pfn = position - _pfns.Length;
        return PositionOf(pfn) == position ? pfn : Vacant;
    }
}
