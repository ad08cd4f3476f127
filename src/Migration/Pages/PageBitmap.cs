using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace PreRecordMigration.Pages;

/// <summary>
/// One bit a page, changed atomically: the state that the threads of a migration share instead of a coordinator.
/// </summary>
/// <remarks>
/// Single-bit operations are atomic and may run from any thread. Operations over the whole map (<see cref="Count"/>,
/// enumeration, <see cref="Clear()"/>) see each word at some moment of the call, which is exact once writers have stopped.
/// </remarks>
public sealed class PageBitmap
{
    private readonly ulong[] _words;

    /// <summary>Makes an empty bitmap.</summary>
    /// <param name="pageCount">How many pages it covers: pfn 0 to <paramref name="pageCount"/> − 1.</param>
    public PageBitmap(int pageCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pageCount);
        PageCount = pageCount;
        _words = new ulong[(pageCount + 63L) / 64];
    }

    /// <summary>How many pages the bitmap covers.</summary>
    public int PageCount { get; }

    /// <summary>How many bits are set.</summary>
    public int Count
    {
        get
        {
            int count = 0;
            foreach (ref ulong word in _words.AsSpan())
            {
                count += BitOperations.PopCount(Volatile.Read(ref word));
            }

            return count;
        }
    }

    /// <summary>How many words of 64 pages the bitmap has.</summary>
    internal int WordCount => _words.Length;

    /// <summary>Reads one bit.</summary>
    public bool this[int pfn] => (Volatile.Read(ref WordOf(pfn)) & Mask(pfn)) != 0;

    /// <summary>Sets a bit.</summary>
    /// <returns>True for the one caller that changed it; false if it was set.</returns>
    public bool TrySet(int pfn)
    {
        ref ulong word = ref WordOf(pfn);
        ulong mask = Mask(pfn);
        return (Volatile.Read(ref word) & mask) == 0 && (Interlocked.Or(ref word, mask) & mask) == 0;
    }

    /// <summary>Clears a bit.</summary>
    /// <returns>True for the one caller that changed it; false if it was clear.</returns>
    public bool TryClear(int pfn)
    {
        ref ulong word = ref WordOf(pfn);
        ulong mask = Mask(pfn);
        return (Volatile.Read(ref word) & mask) != 0 && (Interlocked.And(ref word, ~mask) & mask) != 0;
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
            int take = Math.Min(64 - (first & 63), end - first);
            ulong mask = (take == 64 ? ulong.MaxValue : (1UL << take) - 1) << (first & 63);
            Interlocked.Or(ref _words[first >> 6], mask);
            first += take;
        }
    }

    /// <summary>Sets every bit.</summary>
    public void SetAll() => SetRange(0, PageCount);

    /// <summary>Clears every bit.</summary>
    public void Clear() => Array.Clear(_words);

    /// <summary>Sets every bit that <paramref name="other"/> has.</summary>
    /// <param name="other">A bitmap over as many pages.</param>
    public void Or(PageBitmap other)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(other.PageCount, PageCount, nameof(other));
        for (int i = 0; i < _words.Length; i++)
        {
            Interlocked.Or(ref _words[i], Volatile.Read(ref other._words[i]));
        }
    }

    /// <summary>Clears every bit that <paramref name="other"/> has.</summary>
    /// <param name="other">A bitmap over as many pages.</param>
    public void AndNot(PageBitmap other)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(other.PageCount, PageCount, nameof(other));
        for (int i = 0; i < _words.Length; i++)
        {
            Interlocked.And(ref _words[i], ~Volatile.Read(ref other._words[i]));
        }
    }

    /// <summary>Copies the bitmap.</summary>
    public PageBitmap Clone()
    {
        PageBitmap copy = new(PageCount);
        copy.Or(this);
        return copy;
    }

    /// <summary>How many bytes <see cref="ToBytes"/> makes of a map over so many pages.</summary>
    public static int ByteCount(int pageCount) => (int)((pageCount + 7L) / 8);

    /// <summary>The map as bytes: bit n of byte k is page 8k + n.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[ByteCount(PageCount)];
        CopyBytes(0, bytes);
        return bytes;
    }

    /// <summary>Copies a part of what <see cref="ToBytes"/> makes.</summary>
    /// <param name="first">The first pfn, a multiple of 8.</param>
    /// <param name="bytes">Where to; it is filled.</param>
    internal void CopyBytes(int first, Span<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            int k = (first / 8) + i;
            bytes[i] = (byte)(Volatile.Read(ref _words[k / sizeof(ulong)]) >> (k % sizeof(ulong) * 8));
        }
    }

    /// <summary>Sets the bits that a part of what <see cref="ToBytes"/> makes has set. Not atomic.</summary>
    /// <param name="first">The first pfn, a multiple of 8.</param>
    /// <param name="bytes">The bytes.</param>
    /// <returns>False where they have a page beyond the last.</returns>
    internal bool OrBytes(int first, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            int k = (first / 8) + i;
            if (bytes[i] != 0)
            {
                if ((8L * k) + BitOperations.Log2(bytes[i]) >= PageCount)
                {
                    return false;
                }

                _words[k / sizeof(ulong)] |= (ulong)bytes[i] << (k % sizeof(ulong) * 8);
            }
        }

        return true;
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote.</summary>
    /// <returns>False where the bytes are too few or too many, or have a page beyond the last.</returns>
    public static bool TryFromBytes(ReadOnlySpan<byte> bytes, int pageCount, [NotNullWhen(true)] out PageBitmap? pages)
    {
        pages = new PageBitmap(pageCount);
        bool isExact = bytes.Length == ByteCount(pageCount);
        for (int i = 0; isExact && i < bytes.Length; i++)
        {
            pages._words[i / sizeof(ulong)] |= (ulong)bytes[i] << (i % sizeof(ulong) * 8);
            isExact = i < bytes.Length - 1 || (pageCount & 7) == 0 || bytes[i] >> (pageCount & 7) == 0;
        }

        return isExact;
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
        for (int i = 0; i < _words.Length && count < pfns.Length; i++)
        {
            for (ulong word = Volatile.Read(ref _words[i]); word != 0 && count < pfns.Length; word &= word - 1)
            {
                pfns[count++] = (i << 6) + BitOperations.TrailingZeroCount(word);
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
    internal ulong WordAt(int index) => Volatile.Read(ref _words[index]);

    /// <summary>Sets bits of the 64 pages from 64 times <paramref name="index"/> on; none of a page beyond the last.</summary>
    internal void OrWord(int index, ulong bits) => Interlocked.Or(ref _words[index], bits);

    private int Next(int from, ulong invert)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        if (from >= PageCount)
        {
            return -1;
        }

        int index = from >> 6;
        ulong word = (Volatile.Read(ref _words[index]) ^ invert) & (ulong.MaxValue << (from & 63));
        while (word == 0)
        {
            if (++index == _words.Length)
            {
                return -1;
            }

            word = Volatile.Read(ref _words[index]) ^ invert;
        }

        int pfn = (index << 6) + BitOperations.TrailingZeroCount(word);
        return pfn < PageCount ? pfn : -1;
    }

    private static ulong Mask(int pfn) => 1UL << (pfn & 63);

    private ref ulong WordOf(int pfn)
    {
        if ((uint)pfn >= (uint)PageCount)
        {
            throw new ArgumentOutOfRangeException(
                nameof(pfn), pfn, $"The page frame number is outside the {PageCount} pages of this bitmap.");
        }

        return ref _words[pfn >> 6];
    }
}

/// <summary>A run of pages.</summary>
/// <param name="First">The first pfn.</param>
/// <param name="Count">How many pages, at least 1.</param>
public readonly record struct PageRange(int First, int Count)
{
    /// <summary>One past the last pfn.</summary>
    public int End => First + Count;
}
