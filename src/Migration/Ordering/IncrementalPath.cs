namespace PreRecordMigration.Ordering;

/// <summary>
/// Incremental path: first touches of one region that follow each other in one direction, no step longer than
/// <see cref="PageOrderOptions.MaxStep"/>. This project's definition (docs/ordering.md).
/// </summary>
/// <remarks>It keeps sums, not points: what a straight line through the points needs, relative to the first.</remarks>
public struct IncrementalPath
{
    private double _sumTime;
    private double _sumPage;
    private double _sumTimeTime;
    private double _sumTimePage;
    private double _sumPagePage;

    private IncrementalPath(in FirstTouch touch)
    {
        (Head, HeadTime) = (touch.Pfn, touch.Time);
        (Tail, TailTime) = (touch.Pfn, touch.Time);
        Count = 1;
    }

    /// <summary>The first page.</summary>
    public int Head { get; }

    /// <summary>The last page.</summary>
    public int Tail { get; private set; }

    /// <summary>When the first page was touched, in epochs.</summary>
    public double HeadTime { get; }

    /// <summary>When the last page was touched, in epochs.</summary>
    public double TailTime { get; private set; }

    /// <summary>How many pages.</summary>
    public int Count { get; private set; }

    /// <summary>1 where the path ascends, −1 where it descends, 0 while it has one point.</summary>
    public int Direction { get; private set; }

    /// <summary>Walks a region's first touches in time order and hands every path on when it closes.</summary>
    /// <remarks>
    /// A touch extends the path with the nearest tail among those that it may extend, and of equally near ones that which was
    /// extended last. Otherwise it opens a path; where <see cref="PageOrderOptions.OpenPaths"/> are open, the stalest closes.
    /// O(n · OpenPaths), no allocation.
    /// </remarks>
    /// <param name="touches">In time order.</param>
    /// <param name="open">Room for the open paths, in order of their last extension once filled.</param>
    /// <param name="maxStep">Longest step, in pages.</param>
    /// <param name="isOrdinal">Whether the ordinal of a point within its path is its time.</param>
    /// <param name="onClosed">Takes a closed path.</param>
    public static void Walk(
        ReadOnlySpan<FirstTouch> touches, Span<IncrementalPath> open, int maxStep, bool isOrdinal, PathHandler onClosed)
    {
        int count = 0;
        foreach (ref readonly FirstTouch touch in touches)
        {
            int chosen = -1;
            int nearest = maxStep + 1;
            for (int i = count - 1; i >= 0; i--)
            {
                int step = touch.Pfn - open[i].Tail;
                if (Math.Abs(step) < nearest && open[i].Direction * step >= 0)
                {
                    (chosen, nearest) = (i, Math.Abs(step));
                }
            }

            IncrementalPath path;
            if (chosen >= 0)
            {
                path = open[chosen];
                path.Extend(touch, isOrdinal ? path.Count : touch.Time - path.HeadTime);
            }
            else
            {
                path = new IncrementalPath(touch);
                if (count == open.Length)
                {
                    onClosed(open[0]);
                    chosen = 0;
                }
                else
                {
                    chosen = count++;
                }
            }

            // The most recently extended stands last, the stalest first.
            open[(chosen + 1)..count].CopyTo(open[chosen..]);
            open[count - 1] = path;
        }

        foreach (ref readonly IncrementalPath path in open[..count])
        {
            onClosed(path);
        }
    }

    /// <summary>The straight line through the points by ordinary least squares: page = a + b · time.</summary>
    /// <param name="slope">b, in pages by unit of the regressor.</param>
    /// <param name="fit">R², 0 where the points have no spread in time.</param>
    /// <param name="deviation">The residual deviation σ, in pages.</param>
    public readonly void Fit(out double slope, out double fit, out double deviation)
    {
        double timeSpread = _sumTimeTime - (_sumTime * _sumTime / Count);
        double pageSpread = _sumPagePage - (_sumPage * _sumPage / Count);
        double common = _sumTimePage - (_sumTime * _sumPage / Count);
        if (timeSpread <= 0 || pageSpread <= 0)
        {
            (slope, fit, deviation) = (0, 0, 0);
            return;
        }

        slope = common / timeSpread;
        fit = common * common / (timeSpread * pageSpread);
        deviation = Math.Sqrt(Math.Max(0, pageSpread - (slope * common)) / Math.Max(1, Count - 2));
    }

    private void Extend(in FirstTouch touch, double time)
    {
        Direction = Math.Sign(touch.Pfn - Tail);
        (Tail, TailTime) = (touch.Pfn, touch.Time);
        double page = touch.Pfn - Head;
        _sumTime += time;
        _sumPage += page;
        _sumTimeTime += time * time;
        _sumTimePage += time * page;
        _sumPagePage += page * page;
        Count++;
    }
}

/// <summary>Takes a path that has closed.</summary>
/// <param name="path">The path.</param>
public delegate void PathHandler(in IncrementalPath path);
