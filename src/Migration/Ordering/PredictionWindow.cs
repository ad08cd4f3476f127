namespace PreRecordMigration.Ordering;

/// <summary>
/// Prediction window: the pages onto which a sequence set's line leads by the time the push reaches them. This project's
/// definition (docs/ordering.md).
/// </summary>
/// <param name="First">The lowest page.</param>
/// <param name="Last">The highest page.</param>
/// <param name="Direction">1 where it is entered from below, −1 where it is entered from above.</param>
/// <param name="TailTime">When the path that leads into it touched its last page, in epochs.</param>
public readonly record struct PredictionWindow(int First, int Last, int Direction, double TailTime)
{
    /// <summary>How many pages.</summary>
    public int Count => Last - First + 1;

    /// <summary>The page at which the window is left.</summary>
    public int LeadingEdge => Direction > 0 ? Last : First;

    /// <summary>
    /// The window of a sequence set: it starts one page past the path's tail and is clamp(⌈|b| · lead + z · σ⌉, MinWindow,
    /// MaxWindow) long, clipped to the guest's pages.
    /// </summary>
    /// <param name="set">The sequence set.</param>
    /// <param name="leadEpochs">The time until the push would reach these pages, in epochs.</param>
    /// <param name="pageCount">The guest's page count.</param>
    /// <param name="options">z and the limits.</param>
    /// <param name="window">The window.</param>
    /// <returns>False where nothing lies past the tail.</returns>
    public static bool TryMake(
        in SequenceSet set, double leadEpochs, int pageCount, PageOrderOptions options, out PredictionWindow window)
    {
        double reach = Math.Ceiling(
            (Math.Abs(set.PagesPerEpoch) * leadEpochs) + (options.WindowDeviations * set.Deviation));
        int extent = (int)Math.Clamp(reach, options.MinWindow, options.MaxWindow);
        window = set.Direction > 0
            ? new(set.Tail + 1, (int)Math.Min((long)set.Tail + extent, pageCount - 1), 1, set.TailTime)
            : new(Math.Max(set.Tail - extent, 0), set.Tail - 1, -1, set.TailTime);
        return window.Count > 0;
    }

    /// <summary>Merges overlapping windows of one direction, and puts those first whose path was walked last.</summary>
    /// <remarks>
    /// A path that ended early had the rest of the recording to go on and did not; one that was under way at the end will.
    /// </remarks>
    public static PredictionWindow[] Merge(List<PredictionWindow> windows)
    {
        PredictionWindow[] merged = [.. windows];
        Array.Sort(merged, static (a, b) => (a.Direction, a.First, a.Last).CompareTo((b.Direction, b.First, b.Last)));
        int count = 0;
        foreach (PredictionWindow window in merged)
        {
            if (count > 0 && merged[count - 1] is PredictionWindow last
                && last.Direction == window.Direction && window.First <= last.Last)
            {
                merged[count - 1] = last with
                {
                    Last = Math.Max(last.Last, window.Last),
                    TailTime = Math.Max(last.TailTime, window.TailTime),
                };
            }
            else
            {
                merged[count++] = window;
            }
        }

        Array.Resize(ref merged, count);
        Array.Sort(merged, static (a, b) => a.TailTime != b.TailTime
            ? b.TailTime.CompareTo(a.TailTime)
            : (a.First, a.Direction).CompareTo((b.First, b.Direction)));
        return merged;
    }
}
