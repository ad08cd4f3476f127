using PreRecordMigration.Recording;

namespace PreRecordMigration.Ordering;

/// <summary>
/// What a recording says about one page: its first touch, its last epoch, in how many epochs it was touched, and whether it
/// was written. This project's definition (docs/ordering.md).
/// </summary>
public struct PageSummary
{
    private const int WrittenBit = int.MinValue;
    private int _epochsAndWritten;

    /// <summary>The sequence number of the first touch.</summary>
    public int FirstSequence { get; private set; }

    /// <summary>The epoch of the first touch.</summary>
    public int FirstEpoch { get; private set; }

    /// <summary>The epoch of the last touch.</summary>
    public int LastEpoch { get; private set; }

    /// <summary>In how many epochs the page was touched.</summary>
    public readonly int EpochCount => _epochsAndWritten & ~WrittenBit;

    /// <summary>Whether the page was written.</summary>
    public readonly bool IsWritten => _epochsAndWritten < 0;

    /// <summary>Summarises every recorded page, in the order of the series.</summary>
    /// <param name="trajectory">The recording.</param>
    /// <param name="series">Its irregular sequence series.</param>
    public static PageSummary[] Summarise(AccessTrajectory trajectory, IrregularSequenceSeries series)
    {
        PageSummary[] summaries = new PageSummary[series.Count];
        foreach (ref readonly AccessRecord record in trajectory.Records)
        {
            summaries[series.IndexOf(record.Pfn)].Add(record);
        }

        return summaries;
    }

    private void Add(in AccessRecord record)
    {
        if (EpochCount == 0)
        {
            (FirstSequence, FirstEpoch) = (record.Sequence, record.Epoch);
            _epochsAndWritten++;
        }
        else if (record.Epoch != LastEpoch)
        {
            _epochsAndWritten++;
        }

        LastEpoch = record.Epoch;
        if (record.Kind == AccessKind.Write)
        {
            _epochsAndWritten |= WrittenBit;
        }
    }
}
