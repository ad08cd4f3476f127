using System.Numerics;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Ordering;

/// <summary>
/// Finds the nearest unsent page above or below a place on an axis, in time that does not grow with the guest: a summary bit says of each
/// word of the bitmap whether it may have pages left, and further summaries of these bits lead there.
/// </summary>
/// <remarks>
/// Pages only ever leave the bitmap, from any thread. Where the axis is not physical memory, the places searched are a bitmap of their own, and
/// a page that was sent by others leaves it when it is found. Summaries and places belong to the one thread that searches; it notices an
/// empty word when it gets there, once for each word.
/// </remarks>
internal sealed class UnsentPages
{
    private readonly PageBitmap _live;
    private readonly PageAxis _axis;
    private readonly PageBitmap _unsent;
    private readonly ulong[][] _summaries;

    /// <summary>Prepares for searching in physical memory.</summary>
    /// <param name="unsent">The pages still to be sent.</param>
    public UnsentPages(PageBitmap unsent)
        : this(unsent, PageAxis.Physical(unsent.PageCount), unsent)
    {
    }

    /// <summary>Prepares for searching on an axis.</summary>
    /// <param name="live">The pages still to be sent.</param>
    /// <param name="axis">The axis.</param>
    /// <param name="places">The places to search; taken over, unless the axis is physical memory.</param>
    public UnsentPages(PageBitmap live, PageAxis axis, PageBitmap places)
    {
        (_live, _axis) = (live, axis);
        PageBitmap unsent = _unsent = places;
        ulong[] lowest = new ulong[(unsent.WordCount + PageBitmap.ChunkWords - 1) / PageBitmap.ChunkWords];
        for (int i = 0; i < lowest.Length; i++)
        {
            lowest[i] = unsent.WordsWithBits(i);
        }

        List<ulong[]> summaries = [lowest];
        for (int bits = lowest.Length; bits > 1; bits = summaries[^1].Length)
        {
            ulong[] summary = new ulong[(bits + 63) / 64];
            for (int i = 0; i < bits; i++)
            {
                summary[i >> 6] |= summaries[^1][i] == 0 ? 0 : 1UL << (i & 63);
            }

            summaries.Add(summary);
        }

        _summaries = [.. summaries];
    }

    /// <summary>Whether a page is still to be sent.</summary>
    public bool Contains(int pfn) => _live[pfn];

    /// <summary>The page at a place that was found.</summary>
    public int PfnAt(int position) => _axis.PfnAt(position);

    /// <summary>The place of the first unsent page at or above one, or −1.</summary>
    /// <param name="from">From zero on; beyond the axis there is none.</param>
    public int AtOrAbove(int from)
    {
        int found = FindAbove(from);
        while (found >= 0 && !IsUnsent(found))
        {
            found = FindAbove(found);
        }

        return found;
    }

    /// <summary>The place of the last unsent page at or below one, or −1.</summary>
    /// <param name="from">A place; below zero there is none.</param>
    public int AtOrBelow(int from)
    {
        int found = FindBelow(from);
        while (found >= 0 && !IsUnsent(found))
        {
            found = FindBelow(found);
        }

        return found;
    }

    /// <summary>Whether the page at a place that was found is still to be sent; where not, the place is not found again.</summary>
    private bool IsUnsent(int position)
    {
        if (_axis.IsPhysical || (_axis.PfnAt(position) is int pfn and >= 0 && _live[pfn]))
        {
            return true;
        }

        _unsent.TryClear(position);
        return false;
    }

    private int FindAbove(int from)
    {
        while (from < _unsent.PageCount)
        {
            ulong word = _unsent.WordAt(from >> 6) & (ulong.MaxValue << (from & 63));
            if (word != 0)
            {
                return (from & ~63) + BitOperations.TrailingZeroCount(word);
            }

            int next = WordAbove(from >> 6);
            if (next < 0)
            {
                return -1;
            }

            from = next << 6;
        }

        return -1;
    }

    private int FindBelow(int from)
    {
        while (from >= 0)
        {
            ulong word = _unsent.WordAt(from >> 6) & (ulong.MaxValue >> (63 - (from & 63)));
            if (word != 0)
            {
                return (from & ~63) + BitOperations.Log2(word);
            }

            int next = WordBelow(from >> 6);
            if (next < 0)
            {
                return -1;
            }

            from = (next << 6) + 63;
        }

        return -1;
    }

    private int WordAbove(int word)
    {
        Forget(word);
        int at = word + 1;
        for (int level = 0; level < _summaries.Length; level++, at = (at >> 6) + 1)
        {
            ulong[] summary = _summaries[level];
            ulong bits = (at >> 6) < summary.Length ? summary[at >> 6] & (ulong.MaxValue << (at & 63)) : 0;
            if (bits != 0)
            {
                at = (at & ~63) + BitOperations.TrailingZeroCount(bits);
                while (level-- > 0)
                {
                    at = (at << 6) + BitOperations.TrailingZeroCount(_summaries[level][at]);
                }

                return at;
            }
        }

        return -1;
    }

    private int WordBelow(int word)
    {
        Forget(word);
        int at = word - 1;
        for (int level = 0; level < _summaries.Length && at >= 0; level++, at = (at >> 6) - 1)
        {
            ulong bits = _summaries[level][at >> 6] & (ulong.MaxValue >> (63 - (at & 63)));
            if (bits != 0)
            {
                at = (at & ~63) + BitOperations.Log2(bits);
                while (level-- > 0)
                {
                    at = (at << 6) + BitOperations.Log2(_summaries[level][at]);
                }

                return at;
            }
        }

        return -1;
    }

    /// <summary>Clears the summary bits of a word that has become empty.</summary>
    private void Forget(int word)
    {
        if (_unsent.WordAt(word) != 0)
        {
            return;
        }

        for (int level = 0; level < _summaries.Length; level++, word >>= 6)
        {
            if ((_summaries[level][word >> 6] &= ~(1UL << (word & 63))) != 0)
            {
                return;
            }
        }
    }
}
