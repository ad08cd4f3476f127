namespace PreRecordMigration.Ordering;

/// <summary>
/// Priority of a recorded page: w = α · 2^(−age ÷ half-life) + (1 − α) · log(1 + count) ÷ log(1 + maxCount), age in epochs
/// from its last touch to the recording's end, count in epochs. This project's definition (docs/ordering.md).
/// </summary>
/// <remarks>
/// In steps of 1 ÷ <see cref="Full"/>, at least one: whole numbers make every comparison exact, and the order the same
/// everywhere.
/// </remarks>
public sealed class PagePriority
{
    /// <summary>The priority of a page that has all of both.</summary>
    public const int Full = 1024;

    /// <summary>Older pages and more frequent ones are computed one by one: tables for all would have no bound.</summary>
    private const int TableSize = 4096;

    private readonly double[] _recency = new double[TableSize];
    private readonly double[] _frequency = new double[TableSize];
    private readonly int _lastEpoch;
    private readonly double _share;
    private readonly double _halfLife;
    private readonly double _logOfMost;

    /// <summary>Prepares for the pages of one recording.</summary>
    /// <param name="summaries">All its pages.</param>
    /// <param name="epochCount">How many epochs it has.</param>
    /// <param name="options">α and the half-life.</param>
    public PagePriority(ReadOnlySpan<PageSummary> summaries, int epochCount, PageOrderOptions options)
        : this(Most(summaries), epochCount, options)
    {
    }

    /// <summary>Prepares for the pages of one recording.</summary>
    /// <param name="most">The most epochs in which one of them was touched, at least 1.</param>
    /// <param name="epochCount">How many epochs it has.</param>
    /// <param name="options">α and the half-life.</param>
    internal PagePriority(int most, int epochCount, PageOrderOptions options)
    {
        (_lastEpoch, _share, _halfLife, _logOfMost) = (epochCount - 1, options.RecencyShare, options.HalfLife, Math.Log(1.0 + most));
        for (int i = 0; i < TableSize; i++)
        {
            (_recency[i], _frequency[i]) = (Recency(i), Frequency(i));
        }
    }

    /// <summary>The priority of a page, 1 to <see cref="Full"/>.</summary>
    public int Of(in PageSummary summary) => Of(summary.LastEpoch, summary.EpochCount);

    /// <summary>The priority of a page, 1 to <see cref="Full"/>.</summary>
    /// <param name="lastEpoch">The epoch of its last touch.</param>
    /// <param name="count">In how many epochs it was touched.</param>
    internal int Of(int lastEpoch, int count)
    {
        int age = _lastEpoch - lastEpoch;
        double weight = (age < TableSize ? _recency[age] : Recency(age))
            + (count < TableSize ? _frequency[count] : Frequency(count));
        return Math.Clamp((int)Math.Round(weight * Full), 1, Full);
    }

    private static int Most(ReadOnlySpan<PageSummary> summaries)
    {
        int most = 1;
        foreach (ref readonly PageSummary summary in summaries)
        {
            most = Math.Max(most, summary.EpochCount);
        }

        return most;
    }

    private double Recency(int age) => _share * Math.Pow(2, -age / _halfLife);

    private double Frequency(int count) => (1 - _share) * Math.Log(1.0 + count) / _logOfMost;
}
