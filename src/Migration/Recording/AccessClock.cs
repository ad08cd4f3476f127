namespace PreRecordMigration.Recording;

/// <summary>
/// The times of a recording's records, asked for in order. A recording knows the epoch of a record and no more: the records
/// of an epoch are taken to be spread evenly over it.
/// </summary>
/// <param name="records">The records of one recording.</param>
public ref struct AccessClock(ReadOnlySpan<AccessRecord> records)
{
    private readonly ReadOnlySpan<AccessRecord> _records = records;
    private int _epochStart;
    private int _epochEnd;

    /// <summary>The time of a record, in epochs from the recording's start.</summary>
    /// <param name="index">The record's index; not below the one asked for before.</param>
    public double TimeOf(int index)
    {
        int epoch = _records[index].Epoch;
        if (index >= _epochEnd)
        {
            _epochStart = index;
            while (_epochStart > 0 && _records[_epochStart - 1].Epoch == epoch)
            {
                _epochStart--;
            }

            _epochEnd = index + 1;
            while (_epochEnd < _records.Length && _records[_epochEnd].Epoch == epoch)
            {
                _epochEnd++;
            }
        }

        return epoch + ((index - _epochStart + 0.5) / (_epochEnd - _epochStart));
    }
}
