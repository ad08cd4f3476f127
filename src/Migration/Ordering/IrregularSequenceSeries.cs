using System.Numerics;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Ordering;

/// <summary>
/// Irregular sequence series (ISS): the strictly increasing sequence of the distinct recorded page frame numbers. This
/// project's definition (docs/ordering.md).
/// </summary>
/// <remarks>
/// One walk over a bitmap yields it sorted, without a comparison, in a time that grows with what was recorded and hardly with the guest. The
/// bitmap stays, with the number of pages before each of its words, so that the index of a page is found in constant time.
/// </remarks>
public sealed class IrregularSequenceSeries
{
    /// <summary>Of a chunk without a page.</summary>
    private static readonly ushort[] s_none = new ushort[PageBitmap.ChunkWords];
    private readonly PageBitmap _pages;
    private readonly int[] _beforeChunk;
    private readonly ushort[][] _beforeWord;
    private readonly int[] _pfns;

    private IrregularSequenceSeries(PageBitmap pages)
    {
        _pages = pages;
        _beforeChunk = new int[(pages.WordCount + PageBitmap.ChunkWords - 1) / PageBitmap.ChunkWords];
        _beforeWord = new ushort[_beforeChunk.Length][];
        int count = 0;
        for (int chunk = 0; chunk < _beforeChunk.Length; chunk++)
        {
            _beforeChunk[chunk] = count;
            _beforeWord[chunk] = pages.WordsWithBits(chunk) == 0 ? s_none : CountBefore(chunk, ref count);
        }

        _pfns = new int[count];
        pages.CopyPfns(_pfns);
    }

    /// <summary>The pages, strictly ascending.</summary>
    public ReadOnlySpan<int> Pfns => _pfns;

    /// <summary>How many pages.</summary>
    public int Count => _pfns.Length;

    /// <summary>The series of a recording.</summary>
    public static IrregularSequenceSeries Of(AccessTrajectory trajectory)
    {
        PageBitmap pages = new(trajectory.PageCount);
        foreach (ref readonly AccessRecord record in trajectory.Records)
        {
            pages.TrySet(record.Pfn);
        }

        return new IrregularSequenceSeries(pages);
    }

    /// <summary>Whether a page was recorded.</summary>
    /// <param name="pfn">A page of the guest.</param>
    public bool Contains(int pfn) => _pages[pfn];

    /// <summary>How many recorded pages lie below a page: the index of the page itself, where it was recorded.</summary>
    /// <param name="pfn">A page of the guest.</param>
    public int IndexOf(int pfn)
    {
        int word = pfn >> 6;
        int chunk = word / PageBitmap.ChunkWords;
        return _beforeChunk[chunk] + _beforeWord[chunk][word % PageBitmap.ChunkWords]
            + BitOperations.PopCount(_pages.WordAt(word) & ((1UL << (pfn & 63)) - 1));
    }

    private ushort[] CountBefore(int chunk, ref int count)
    {
        ushort[] before = new ushort[PageBitmap.ChunkWords];
        int first = chunk * PageBitmap.ChunkWords;
        int sum = 0;
        for (int i = 0; i < before.Length && first + i < _pages.WordCount; i++)
        {
            before[i] = (ushort)sum;
            sum += BitOperations.PopCount(_pages.WordAt(first + i));
        }

        count += sum;
        return before;
    }
}
