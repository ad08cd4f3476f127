namespace PreRecordMigration.Ordering;

/// <summary>
/// The prediction windows of an order while it is followed: they grow when the guest runs out of one. A search costs O(log
/// windows).
/// </summary>
internal sealed class StreamWindows
{
    private readonly int[] _starts;
    private readonly int[] _lengths;
    private readonly int _pageCount;
    private readonly PageOrderOptions _options;
    private readonly int _direction;

    /// <summary>Takes the windows of one direction.</summary>
    /// <param name="windows">The windows of an order.</param>
    /// <param name="direction">1 for those entered from below, −1 for those entered from above.</param>
    /// <param name="pageCount">The guest's page count.</param>
    /// <param name="options">How near a fault must be, and how long a window may grow.</param>
    public StreamWindows(
        IReadOnlyList<PredictionWindow> windows, int direction, int pageCount, PageOrderOptions options)
    {
        (_direction, _pageCount, _options) = (direction, pageCount, options);
        PredictionWindow[] own = [.. windows.Where(window => window.Direction == direction)];
        _starts = [.. own.Select(window => direction * (direction > 0 ? window.First : window.Last))];
        _lengths = [.. own.Select(window => window.Count)];
        Array.Sort(_starts, _lengths);
    }

    /// <summary>
    /// Decides whether a fault belongs to a window: inside it, or just ahead of it, where the window then grows beyond the fault
    /// by as much as it is long.
    /// </summary>
    /// <param name="pfn">The faulting page.</param>
    /// <param name="last">The page up to which the stream is expected to go on.</param>
    public bool TryFollow(int pfn, out int last)
    {
        // Positions along the direction: a window is [start, start + length), whichever way it is walked.
        long position = (long)_direction * pfn;
        int found = Array.BinarySearch(_starts, (int)position);
        int index = found >= 0 ? found : ~found - 1;
        last = -1;
        if (index < 0 || position >= (long)_starts[index] + _lengths[index] + _options.ExtendReach)
        {
            return false;
        }

        if (position >= (long)_starts[index] + _lengths[index])
        {
            int growth = Math.Min(_lengths[index], _options.MaxGrowth);
            _lengths[index] = (int)Math.Min(int.MaxValue, position - _starts[index] + 1 + growth);
        }

        last = (int)Math.Clamp(_direction * ((long)_starts[index] + _lengths[index] - 1), 0, _pageCount - 1);
        return true;
    }
}
