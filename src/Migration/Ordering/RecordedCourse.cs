using PreRecordMigration.Options;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Ordering;

/// <summary>
/// What followed which page in a recording: a guest that asks for one will want those next. This project's definition (docs/ordering.md).
/// </summary>
/// <remarks>
/// Temporal streams after T. F. Wenisch and others, Temporal streaming of shared memory, 2005. Immutable; takes 4 bytes for each recorded page beside
/// the recording and its series, which are there anyway.
/// </remarks>
internal sealed class RecordedCourse
{
    private readonly AccessTrajectory _trajectory;
    private readonly IrregularSequenceSeries _series;
    private readonly int[] _records;

    private RecordedCourse(AccessTrajectory trajectory, IrregularSequenceSeries series, int[] records)
    {
        (_trajectory, _series, _records) = (trajectory, series, records);
    }

    /// <summary>How many records.</summary>
    public int Length => _trajectory.Count;

    /// <summary>The page of a record.</summary>
    public int this[int record] => _trajectory.Records[record].Pfn;

    /// <summary>Looks up where each page stands in a recording.</summary>
    /// <param name="trajectory">The recording; its pages may be places on an axis.</param>
    /// <param name="series">Its irregular sequence series.</param>
    /// <param name="mode">Whether the guest does again what was recorded, so that a page stands at its first touch, or goes on, so that it stands at its last.</param>
    public static RecordedCourse Of(AccessTrajectory trajectory, IrregularSequenceSeries series, RecordingMode mode)
    {
        int[] found = new int[series.Count];
        ReadOnlySpan<AccessRecord> records = trajectory.Records;
        bool isLast = mode == RecordingMode.Observe;
        for (int i = 0; i < records.Length; i++)
        {
            int record = isLast ? i : records.Length - 1 - i;
            found[series.IndexOf(records[record].Pfn)] = record;
        }

        return new RecordedCourse(trajectory, series, found);
    }

    /// <summary>Whether a page was recorded.</summary>
    public bool Contains(int page) => _series.Contains(page);

    /// <summary>The record after a recorded page's own; <see cref="Length"/> where there is none, or the order inside an epoch is not known.</summary>
    public int After(int page) => _trajectory.IsEpochOrdered ? _records[_series.IndexOf(page)] + 1 : Length;
}
