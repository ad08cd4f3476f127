using System.Numerics;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Ordering;

/// <summary>
/// Irregular sequence series (ISS): the strictly increasing sequence of the distinct recorded page frame numbers. This
/// project's definition (docs/ordering.md).
/// </summary>
/// <remarks>
/// One walk over a bitmap yields it sorted, in O(pages ÷ 64 + n), without a comparison. The bitmap stays, with the number of
/// pages before each of its words, so that the index of a page is found in constant time.
/// </remarks>
public sealed class IrregularSequenceSeries
{
    private readonly ulong[] _words;
    private readonly int[] _before;
    private readonly int[] _pfns;

    private IrregularSequenceSeries(ulong[] words)
    {
        _words = words;
        _before = new int[words.Length];
        int count = 0;
        for (int i = 0; i < words.Length; i++)
        {
            _before[i] = count;
            count += BitOperations.PopCount(words[i]);
        }

        _pfns = new int[count];
        int next = 0;
        for (int i = 0; i < words.Length; i++)
        {
            for (ulong word = words[i]; word != 0; word &= word - 1)
            {
                _pfns[next++] = (i << 6) + BitOperations.TrailingZeroCount(word);
            }
        }
    }

    /// <summary>The pages, strictly ascending.</summary>
    public ReadOnlySpan<int> Pfns => _pfns;

    /// <summary>How many pages.</summary>
    public int Count => _pfns.Length;

    /// <summary>The series of a recording.</summary>
    public static IrregularSequenceSeries Of(AccessTrajectory trajectory)
    {
        ulong[] words = new ulong[(trajectory.PageCount + 63L) / 64];
        foreach (ref readonly AccessRecord record in trajectory.Records)
        {
            words[record.Pfn >> 6] |= 1UL << (record.Pfn & 63);
        }

        return new IrregularSequenceSeries(words);
    }

    /// <summary>Whether a page was recorded.</summary>
    /// <param name="pfn">A page of the guest.</param>
    public bool Contains(int pfn) => (_words[pfn >> 6] & (1UL << (pfn & 63))) != 0;

    /// <summary>How many recorded pages lie below a page: the index of the page itself, where it was recorded.</summary>
    /// <param name="pfn">A page of the guest.</param>
    public int IndexOf(int pfn) =>
        _before[pfn >> 6] + BitOperations.PopCount(_words[pfn >> 6] & ((1UL << (pfn & 63)) - 1));
}
