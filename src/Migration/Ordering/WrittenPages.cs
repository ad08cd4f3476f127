using PreRecordMigration.Pages;

namespace PreRecordMigration.Ordering;

/// <summary>
/// Which pages a domain has written in which epoch, as dirty tracking tells it: without an order inside an epoch, and without what was only
/// read. Two bytes a page, however much is written.
/// </summary>
public sealed class WrittenPages
{
    private readonly byte[] _lastEpoch;
    private readonly byte[] _epochs;

    /// <summary>Starts with nothing written.</summary>
    /// <param name="pageCount">The guest's page count.</param>
    public WrittenPages(int pageCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pageCount);
        _lastEpoch = new byte[pageCount];
        _epochs = new byte[pageCount];
    }

    /// <summary>How many epochs have been noted, at most 255.</summary>
    public int EpochCount { get; private set; }

    /// <summary>The guest's page count.</summary>
    public int PageCount => _epochs.Length;

    /// <summary>Notes what was written in the next epoch.</summary>
    public void Add(PageBitmap written)
    {
        ArgumentNullException.ThrowIfNull(written);
        ArgumentOutOfRangeException.ThrowIfNotEqual(written.PageCount, PageCount, nameof(written));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(EpochCount, byte.MaxValue, nameof(EpochCount));
        foreach (int pfn in written.Pfns())
        {
            _lastEpoch[pfn] = (byte)EpochCount;
            _epochs[pfn]++;
        }

        EpochCount++;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Array.Clear(_lastEpoch);
        Array.Clear(_epochs);
        EpochCount = 0;
    }

    /// <summary>Those of some pages that were written, the highest <see cref="PagePriority"/> first and then by ascending page frame
    /// number.</summary>
    internal int[] ByPriority(PageBitmap pages, PageOrderOptions options)
    {
        int[] written = [.. pages.Pfns().Where(pfn => _epochs[pfn] > 0)];
        int most = 1;
        foreach (int pfn in written)
        {
            most = Math.Max(most, _epochs[pfn]);
        }

        PagePriority priority = new(most, EpochCount, options);
        long[] keys = [.. written.Select(pfn => ((long)(PagePriority.Full - priority.Of(_lastEpoch[pfn], _epochs[pfn])) << 32) | (uint)pfn)];
        Array.Sort(keys, written);
        return written;
    }
}
