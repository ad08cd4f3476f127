using System.Globalization;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Recording;

/// <summary>All records of one recording: what the guest touched, in which epoch, in which order.</summary>
/// <remarks>Immutable. This project's definition (docs/ordering.md).</remarks>
public sealed class AccessTrajectory
{
    private readonly AccessRecord[] _records;

    /// <summary>Wraps records that the caller gives up.</summary>
    /// <param name="records">Ascending in sequence and epoch, each page at most once in an epoch, or once
    /// as read and later once as written.</param>
    /// <param name="pageCount">The guest's page count; every pfn lies below it.</param>
    /// <param name="epochLength">How long an epoch lasted, in the guest's time.</param>
    /// <param name="epochCount">How many epochs were recorded, those without a record included.</param>
    /// <param name="isEpochOrdered">Whether the order inside an epoch is the order of the accesses.</param>
    /// <exception cref="ArgumentException">The records do not fit that description; the message names the first.</exception>
    public AccessTrajectory(
        AccessRecord[] records, int pageCount, TimeSpan epochLength, int epochCount, bool isEpochOrdered)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pageCount);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(epochLength.Ticks, nameof(epochLength));
        ArgumentOutOfRangeException.ThrowIfNegative(epochCount);
        int sequence = -1;
        int epoch = 0;
        foreach (AccessRecord record in records)
        {
            if (record.Sequence <= sequence || record.Epoch < epoch || record.Epoch >= epochCount
                || (uint)record.Pfn >= (uint)pageCount)
            {
                throw new ArgumentException(
                    $"Record {record} is out of order, or outside {epochCount} epochs of {pageCount} pages.", nameof(records));
            }

            (sequence, epoch) = (record.Sequence, record.Epoch);
        }

        _records = records;
        PageCount = pageCount;
        EpochLength = epochLength;
        EpochCount = epochCount;
        IsEpochOrdered = isEpochOrdered;
    }

    /// <summary>The records, in order.</summary>
    public ReadOnlySpan<AccessRecord> Records => _records;

    /// <summary>How many records.</summary>
    public int Count => _records.Length;

    /// <summary>The guest's page count.</summary>
    public int PageCount { get; }

    /// <summary>How long an epoch lasted, in the guest's time.</summary>
    public TimeSpan EpochLength { get; }

    /// <summary>How many epochs were recorded.</summary>
    public int EpochCount { get; }

    /// <summary>Whether the order inside an epoch is the order of the accesses.</summary>
    public bool IsEpochOrdered { get; }

    /// <summary>The recording with the places of its pages on an axis for their numbers: their neighbours are those on it.</summary>
    public AccessTrajectory On(PageAxis axis)
    {
        ArgumentNullException.ThrowIfNull(axis);
        ArgumentOutOfRangeException.ThrowIfNotEqual(axis.PageCount, PageCount, nameof(axis));
        return axis.IsPhysical
            ? this
            : new AccessTrajectory(
                Array.ConvertAll(_records, record => record with { Pfn = axis.PositionOf(record.Pfn) }), axis.Length, EpochLength, EpochCount, IsEpochOrdered);
    }

    /// <summary>How much was recorded, in one line, the same in every culture.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Count} accesses in {EpochCount} epochs of {EpochLength.TotalSeconds:0.######} s");

    /// <summary>The recorded pages by ascending first touch, each once.</summary>
    public int[] PagesByFirstTouch()
    {
        PageBitmap seen = new(PageCount);
        List<int> pages = [];
        foreach (AccessRecord record in _records)
        {
            if (seen.TrySet(record.Pfn))
            {
                pages.Add(record.Pfn);
            }
        }

        return [.. pages];
    }
}
