using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Replay;

/// <summary>A fixed order that takes no notice of faults.</summary>
/// <param name="pfns">The pages, first to be sent first.</param>
/// <param name="unsent">The pages still to be sent, live.</param>
internal sealed class FixedOrder(int[] pfns, PageBitmap unsent) : IPushOrder
{
    private int _next;

    public PushKind Kind => PushKind.Rest;

    public int Next()
    {
        while (_next < pfns.Length)
        {
            int pfn = pfns[_next++];
            if (unsent[pfn])
            {
                return pfn;
            }
        }

        return -1;
    }

    public void Steer(int pfn)
    {
    }
}

/// <summary>
/// Ascending, but after each fault first the pages along the majority trend of the latest faults, after H. Al Maruf and M.
/// Chowdhury, Effectively prefetching remote memory with Leap, 2020.
/// </summary>
/// <remarks>
/// Leap finds the step that most of the latest faults have in common, in windows that double until one has it (Boyer and Moore's
/// majority vote), and prefetches along it; without one it prefetches along the step it had last. Leap sizes its window by the hits
/// it sees; a source sees only faults, so that here it is always the longest.
/// </remarks>
/// <param name="unsent">The pages still to be sent, live.</param>
internal sealed class MajorityTrendOrder(PageBitmap unsent) : IPushOrder
{
    private const int HistoryLength = 32;
    private const int FirstWindow = 4;
    private const int PrefetchPages = 8;
    private readonly int[] _steps = new int[HistoryLength];
    private int _stepCount;
    private int _lastFault = -1;
    private int _trend = 1;
    private long _at = -1;
    private int _left;
    private int _rest;

    public PushKind Kind => PushKind.Rest;

    public int Next()
    {
        while (_left > 0)
        {
            _left--;
            _at += _trend;
            if (_at >= 0 && _at < unsent.PageCount && unsent[(int)_at])
            {
                return (int)_at;
            }
        }

        int next = unsent.NextSet(_rest);
        _rest = next < 0 ? unsent.PageCount : next + 1;
        return next;
    }

    public void Steer(int pfn)
    {
        if (_lastFault >= 0)
        {
            _steps[_stepCount++ % HistoryLength] = pfn - _lastFault;
        }

        _lastFault = pfn;
        _trend = FindTrend() ?? _trend;
        (_at, _left) = (pfn, PrefetchPages);
    }

    private int? FindTrend()
    {
        int known = Math.Min(_stepCount, HistoryLength);
        for (int window = FirstWindow; window <= known; window *= 2)
        {
            int candidate = 0;
            int votes = 0;
            for (int i = 1; i <= window; i++)
            {
                int step = Step(i);
                candidate = votes == 0 ? step : candidate;
                votes += step == candidate ? 1 : -1;
            }

            if (candidate != 0 && Enumerable.Range(1, window).Count(i => Step(i) == candidate) > window / 2)
            {
                return candidate;
            }
        }

        return null;

        int Step(int back) => _steps[(_stepCount - back) % HistoryLength];
    }
}

/// <summary>
/// Ascending, and after each fault on from the page that was asked for, around the end of memory: QEMU's post-copy, whose background search
/// goes on from the latest page that was requested.
/// </summary>
/// <param name="unsent">The pages still to be sent, live.</param>
internal sealed class RestartOrder(PageBitmap unsent) : IPushOrder
{
    private int _next;

    public PushKind Kind => PushKind.Rest;

    public int Next()
    {
        int found = unsent.NextSet(_next);
        found = found < 0 ? unsent.NextSet(0) : found;
        _next = Math.Max(0, found + 1);
        return found;
    }

    public void Steer(int pfn) => _next = pfn + 1;
}

/// <summary>
/// Regions of recorded pages, in the order of each one's first touch and all of each: after L. Ao, G. Porter and G. M. Voelker, FaaSnap: FaaS
/// made fast using snapshot-based VMs, 2022, which joins what lies within 32 pages.
/// </summary>
internal static class RecordedRegions
{
    private const int Gap = 32;

    /// <summary>The pages of the regions, first to be sent first.</summary>
    public static int[] Of(AccessTrajectory recording)
    {
        int[] touched = recording.PagesByFirstTouch();
        PageBitmap regions = new(recording.PageCount);
        int last = -1;
        foreach (int pfn in touched.Order())
        {
            int first = last >= 0 && pfn - last <= Gap ? last + 1 : pfn;
            regions.SetRange(first, pfn - first + 1);
            last = pfn;
        }

        List<int> pfns = [];
        foreach (int pfn in touched)
        {
            int first = pfn;
            while (first > 0 && regions[first - 1])
            {
                first--;
            }

            for (int next = first; next < regions.PageCount && regions.TryClear(next); next++)
            {
                pfns.Add(next);
            }
        }

        return [.. pfns];
    }
}
