namespace PreRecordMigration.Replay;

/// <summary>When a guest stood still after the handover: what it notices, its speed.</summary>
/// <param name="stalls">When it began to wait and for how long, ascending, in nanoseconds since the handover.</param>
/// <param name="end">Until when this is known.</param>
internal sealed class StallTimeline(IReadOnlyList<(long Start, long Length)> stalls, long end)
{
    private const long Second = 1_000_000_000;

    /// <summary>How long a stretch is whose speed is looked at.</summary>
    private const long Stretch = Second / 10;

    /// <summary>The guest's speed between two moments, as a share of its full speed; null where nothing is known of that time.</summary>
    /// <param name="from">Seconds since the handover.</param>
    /// <param name="to">Likewise; later.</param>
    public double? SpeedBetween(int from, int to)
    {
        (long first, long last) = (from * Second, Math.Min(to * Second, end));
        return last <= first ? null : 1 - ((double)StalledBetween(first, last) / (last - first));
    }

    /// <summary>From when on the guest had nine tenths of its speed for good: the end of the last tenth of a second in which it had less; zero where it
    /// always had.</summary>
    public long BackAt90Percent()
    {
        long back = 0;
        int next = 0;
        for (long start = 0; start < end && next < stalls.Count; start += Stretch)
        {
            long stop = Math.Min(start + Stretch, end);
            long stalled = 0;
            int first = next;
            for (int i = first; i < stalls.Count && stalls[i].Start < stop; i++)
            {
                stalled += Overlap(stalls[i], start, stop);
                next = stalls[i].Start + stalls[i].Length <= stop ? i + 1 : next;
            }

            back = stalled * 10 > stop - start ? stop : back;
        }

        return back;
    }

    private static long Overlap((long Start, long Length) stall, long from, long to) =>
        Math.Max(0, Math.Min(stall.Start + stall.Length, to) - Math.Max(stall.Start, from));

    private long StalledBetween(long from, long to) => stalls.Sum(stall => Overlap(stall, from, to));
}
