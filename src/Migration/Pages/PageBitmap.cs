using System.Numerics;

namespace PreRecordMigration.Pages;

/// <summary>
/// One bit a page, changed atomically: the state that the threads of a migration share instead of a coordinator.
/// </summary>
/// <remarks>
/// <para>Single-bit operations are atomic and may run from any thread. Operations over the whole map (<see cref="Count"/>,
/// enumeration, <see cref="Clear()"/>) see each word at some moment of the call, which is exact once writers have stopped.</para>
/// <para>What is all clear or all set takes no memory and no time: the map is made of chunks, and a chunk gets words of its own with its first
/// bit that differs. A map of a large guest is made, copied and gone through while that guest stands still.</para>
/// </remarks>
public sealed partial class PageBitmap
{
    /// <summary>Words in a chunk: as many as one word has bits.</summary>
    internal const int ChunkWords = 64;

    private const int ChunkShift = 12;
    private const int ChunkPages = 1 << ChunkShift;

    // Shared by all maps, and never written.
    private static readonly ulong[] s_clear = new ulong[ChunkWords];
    private static readonly ulong[] s_set = FullChunk();
    private readonly ulong[][] _chunks;

    /// <summary>Makes an empty bitmap.</summary>
    /// <param name="pageCount">How many pages it covers: pfn 0 to <paramref name="pageCount"/> − 1.</param>
    public PageBitmap(int pageCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pageCount);
        PageCount = pageCount;
        WordCount = (int)((pageCount + 63L) / 64);
        _chunks = new ulong[(pageCount + ChunkPages - 1L) / ChunkPages][];
        Array.Fill(_chunks, s_clear);
    }

    /// <summary>How many pages the bitmap covers.</summary>
    public int PageCount { get; }

    /// <summary>How many bits are set.</summary>
    public int Count
    {
        get
        {
            int count = 0;
            for (int i = 0; i < _chunks.Length; i++)
            {
                ulong[] chunk = Chunk(i);
                count += chunk == s_clear ? 0 : chunk == s_set ? ChunkPages : CountOf(chunk);
            }

            return count;
        }
    }

    /// <summary>How many words of 64 pages the bitmap has.</summary>
    internal int WordCount { get; }

    /// <summary>Reads one bit.</summary>
    public bool this[int pfn] => (WordAt(Index(pfn)) & Mask(pfn)) != 0;

    /// <summary>Sets a bit.</summary>
    /// <returns>True for the one caller that changed it; false if it was set.</returns>
    public bool TrySet(int pfn)
    {
        int index = Index(pfn);
        ulong mask = Mask(pfn);
        return (WordAt(index) & mask) == 0 && (Interlocked.Or(ref Own(index), mask) & mask) == 0;
    }

    /// <summary>Clears a bit.</summary>
    /// <returns>True for the one caller that changed it; false if it was clear.</returns>
    public bool TryClear(int pfn)
    {
        int index = Index(pfn);
        ulong mask = Mask(pfn);
        return (WordAt(index) & mask) != 0 && (Interlocked.And(ref Own(index), ~mask) & mask) != 0;
    }

    /// <summary>Sets the bits of a range.</summary>
    /// <param name="first">The first pfn.</param>
    /// <param name="count">How many pages.</param>
    public void SetRange(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)first + count, PageCount, nameof(count));
        int end = first + count;
        while (first < end)
        {
            if ((first & (ChunkPages - 1)) == 0 && end - first >= ChunkPages && TryReplace(first >> ChunkShift, s_clear, s_set))
            {
                first += ChunkPages;
                continue;
            }

            int take = Math.Min(64 - (first & 63), end - first);
            ulong mask = (take == 64 ? ulong.MaxValue : (1UL << take) - 1) << (first & 63);
            if ((WordAt(first >> 6) & mask) != mask)
            {
                Interlocked.Or(ref Own(first >> 6), mask);
            }

            first += take;
        }
    }

    /// <summary>Sets every bit.</summary>
    public void SetAll() => SetRange(0, PageCount);

    /// <summary>Clears every bit.</summary>
    public void Clear() => Array.Fill(_chunks, s_clear);

    /// <summary>Sets every bit that <paramref name="other"/> has.</summary>
    /// <param name="other">A bitmap over as many pages.</param>
    public void Or(PageBitmap other)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(other.PageCount, PageCount, nameof(other));
        for (int i = 0; i < _chunks.Length; i++)
        {
            ulong[] added = other.Chunk(i);
            if (added == s_clear || TryReplace(i, s_clear, added == s_set ? s_set : Copy(added)))
            {
                continue;
            }

            for (int j = 0; j < ChunkWords; j++)
            {
                ulong word = Volatile.Read(ref added[j]);
                if ((word & ~WordAt((i * ChunkWords) + j)) != 0)
                {
                    Interlocked.Or(ref Own((i * ChunkWords) + j), word);
                }
            }
        }
    }

    /// <summary>Clears every bit that <paramref name="other"/> has.</summary>
    /// <param name="other">A bitmap over as many pages.</param>
    public void AndNot(PageBitmap other)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(other.PageCount, PageCount, nameof(other));
        for (int i = 0; i < _chunks.Length; i++)
        {
            ulong[] removed = other.Chunk(i);
            if (removed == s_clear || Chunk(i) == s_clear || (removed == s_set && TryReplace(i, s_set, s_clear)))
            {
                continue;
            }

            for (int j = 0; j < ChunkWords; j++)
            {
                ulong word = Volatile.Read(ref removed[j]);
                if ((word & WordAt((i * ChunkWords) + j)) != 0)
                {
                    Interlocked.And(ref Own((i * ChunkWords) + j), ~word);
                }
            }
        }
    }

    /// <summary>Copies the bitmap.</summary>
    public PageBitmap Clone()
    {
        PageBitmap copy = new(PageCount);
        for (int i = 0; i < _chunks.Length; i++)
        {
            ulong[] chunk = Chunk(i);
            copy._chunks[i] = IsShared(chunk) ? chunk : Copy(chunk);
        }

        return copy;
    }

    /// <summary>Whether every bit is as in another map.</summary>
    /// <param name="other">A bitmap over as many pages.</param>
    internal bool HasSameBits(PageBitmap other)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(other.PageCount, PageCount, nameof(other));
        for (int i = 0; i < _chunks.Length; i++)
        {
            ulong[] mine = Chunk(i);
            ulong[] theirs = other.Chunk(i);
            if (mine != theirs && !mine.AsSpan().SequenceEqual(theirs))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The first set bit at or after a pfn, or −1.</summary>
    public int NextSet(int from) => Next(from, 0UL);

    /// <summary>The first clear bit at or after a pfn, or −1.</summary>
    public int NextClear(int from) => Next(from, ulong.MaxValue);

    /// <summary>The pfns of all set bits, ascending.</summary>
    public IEnumerable<int> Pfns()
    {
        for (int pfn = NextSet(0); pfn >= 0; pfn = NextSet(pfn + 1))
        {
            yield return pfn;
        }
    }

    /// <summary>Copies the pfns of set bits, ascending.</summary>
    /// <param name="pfns">Where to; as many as it has room for are copied.</param>
    /// <returns>How many.</returns>
    public int CopyPfns(Span<int> pfns)
    {
        int count = 0;
        for (int chunk = 0; chunk < _chunks.Length && count < pfns.Length; chunk++)
        {
            for (ulong words = WordsWithBits(chunk); words != 0 && count < pfns.Length; words &= words - 1)
            {
                int index = (chunk * ChunkWords) + BitOperations.TrailingZeroCount(words);
                for (ulong word = WordAt(index); word != 0 && count < pfns.Length; word &= word - 1)
                {
                    pfns[count++] = (index << 6) + BitOperations.TrailingZeroCount(word);
                }
            }
        }

        return count;
    }

    /// <summary>The runs of set bits, ascending. Between two runs there is always a clear bit.</summary>
    public IEnumerable<PageRange> Ranges()
    {
        for (int first = NextSet(0); first >= 0;)
        {
            int end = NextClear(first);
            end = end < 0 ? PageCount : end;
            yield return new PageRange(first, end - first);
            first = NextSet(end);
        }
    }

    /// <summary>The bits of the 64 pages from 64 times <paramref name="index"/> on.</summary>
    internal ulong WordAt(int index) => Volatile.Read(ref Chunk(index / ChunkWords)[index % ChunkWords]);

    /// <summary>Sets bits of the 64 pages from 64 times <paramref name="index"/> on; none of a page beyond the last.</summary>
    internal void OrWord(int index, ulong bits)
    {
        if (bits != 0)
        {
            Interlocked.Or(ref Own(index), bits);
        }
    }

    private int Next(int from, ulong invert)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        if (from >= PageCount)
        {
            return -1;
        }

        int index = from >> 6;
        ulong word = (WordAt(index) ^ invert) & (ulong.MaxValue << (from & 63));
        while (word == 0)
        {
            index++;
            while (index % ChunkWords == 0 && index < WordCount && Chunk(index / ChunkWords) == (invert == 0 ? s_clear : s_set))
            {
                index += ChunkWords;
            }

            if (index >= WordCount)
            {
                return -1;
            }

            word = WordAt(index) ^ invert;
        }

        int pfn = (index << 6) + BitOperations.TrailingZeroCount(word);
        return pfn < PageCount ? pfn : -1;
    }

    /// <summary>Which words of a chunk have a bit set: bit n says it of word n.</summary>
    /// <param name="index">The chunk: its first word is <see cref="ChunkWords"/> times that.</param>
    internal ulong WordsWithBits(int index)
    {
        ulong[] chunk = Chunk(index);
        if (IsShared(chunk))
        {
            return chunk[0];
        }

        ulong words = 0;
        for (int i = 0; i < chunk.Length; i++)
        {
            words |= Volatile.Read(ref chunk[i]) == 0 ? 0 : 1UL << i;
        }

        return words;
    }

    private static ulong Mask(int pfn) => 1UL << (pfn & 63);

    private static ulong[] FullChunk()
    {
        ulong[] chunk = new ulong[ChunkWords];
        Array.Fill(chunk, ulong.MaxValue);
        return chunk;
    }

    private static bool IsShared(ulong[] chunk) => chunk == s_clear || chunk == s_set;

    private static int CountOf(ulong[] chunk)
    {
        int count = 0;
        foreach (ref ulong word in chunk.AsSpan())
        {
            count += BitOperations.PopCount(Volatile.Read(ref word));
        }

        return count;
    }

    private static ulong[] Copy(ulong[] chunk)
    {
        ulong[] copy = new ulong[ChunkWords];
        for (int i = 0; i < copy.Length; i++)
        {
            copy[i] = Volatile.Read(ref chunk[i]);
        }

        return copy;
    }

    private int Index(int pfn) => (uint)pfn < (uint)PageCount
        ? pfn >> 6
        : throw new ArgumentOutOfRangeException(
            nameof(pfn), pfn, $"The page frame number is outside the {PageCount} pages of this bitmap.");

    private ulong[] Chunk(int index) => Volatile.Read(ref _chunks[index]);

    /// <summary>A word to be changed: its chunk gets words of its own where it had none.</summary>
    private ref ulong Own(int index)
    {
        int chunk = index / ChunkWords;
        while (true)
        {
            ulong[] words = Chunk(chunk);
            if (!IsShared(words))
            {
                return ref words[index % ChunkWords];
            }

            // Whoever loses against another thread changes a bit of that one's words.
            TryReplace(chunk, words, Copy(words));
        }
    }

    private bool TryReplace(int chunk, ulong[] shared, ulong[] words) =>
        Chunk(chunk) == shared && Interlocked.CompareExchange(ref _chunks[chunk], words, shared) == shared;
}
