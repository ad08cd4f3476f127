namespace PreRecordMigration.Ordering;

/// <summary>
/// Sequence set: an incremental path that is long enough, dense enough, and straight enough to be continued. This project's
/// definition (docs/ordering.md).
/// </summary>
/// <param name="Tail">The path's last page.</param>
/// <param name="TailTime">When it was touched, in epochs.</param>
/// <param name="Count">How many pages the path has.</param>
/// <param name="PagesPerEpoch">The slope of the line through them; negative where it descends.</param>
/// <param name="Deviation">The residual deviation of the line, in pages.</param>
public readonly record struct SequenceSet(int Tail, double TailTime, int Count, double PagesPerEpoch, double Deviation)
{
    /// <summary>1 where it ascends, −1 where it descends.</summary>
    public int Direction => Math.Sign(PagesPerEpoch);

    /// <summary>Decides whether a path is a sequence set.</summary>
    /// <param name="path">The path.</param>
    /// <param name="isOrdinal">Whether its regressor was the ordinal of its points.</param>
    /// <param name="options">Points, density, fit.</param>
    /// <param name="set">The set, where it is one.</param>
    public static bool TryMake(in IncrementalPath path, bool isOrdinal, PageOrderOptions options, out SequenceSet set)
    {
        set = default;
        if (path.Count < options.SequenceMinPoints
            || path.Count < options.MinDensity * (Math.Abs((double)path.Tail - path.Head) + 1))
        {
            return false;
        }

        path.Fit(out double slope, out double fit, out double deviation);
        if (fit < options.MinFit || slope == 0)
        {
            return false;
        }

        // Where ordinals stood for times, the slope is in pages a point; the epochs that the path took make it pages an epoch.
        double perEpoch = isOrdinal
            ? slope * path.Count / (Math.Floor(path.TailTime) - Math.Floor(path.HeadTime) + 1)
            : slope;
        set = new SequenceSet(path.Tail, path.TailTime, path.Count, perEpoch, deviation);
        return true;
    }
}
