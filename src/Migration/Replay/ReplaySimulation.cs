using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Replay;

/// <summary>
/// A discrete-event simulation of a guest whose memory is pushed while it runs. One link carries pages one by one; an answer to a
/// fault waits for the page under way and goes before all others. The guest stands still while it waits for a page.
/// </summary>
/// <remarks>
/// Time is in whole nanoseconds, so that a replay gives the same figures everywhere. A remote fault is a use of a page that has not
/// left the source; a page that is on its way already is waited for as well, and counts as late. In Rollback recorded pages travel as they
/// are recorded, as far as the link takes them beside the window, before any order begins.
/// </remarks>
internal sealed class ReplaySimulation
{
    private const long NotSent = long.MinValue;
    private readonly ReplaySplit _split;
    private readonly bool _isFed;
    private readonly PageBitmap _unsent;
    private readonly long[] _arrivals;
    private readonly long _pageTime;
    private readonly long _oneWay;
    private readonly List<(long Start, long Length)> _stalls = [];
    private long _linkFree;
    private bool _isPushed;
    private IPushOrder _order = null!;

    /// <summary>Prepares, and sends what travels beside the window.</summary>
    /// <param name="unsent">The pages to be sent; the simulation takes them out as they go.</param>
    /// <param name="split">What was recorded, and what the guest uses.</param>
    /// <param name="options">Link and round trip.</param>
    public ReplaySimulation(PageBitmap unsent, ReplaySplit split, ReplayOptions options)
    {
        (_split, _isFed) = (split, options.Mode == RecordingMode.Rollback);
        _unsent = unsent;
        _arrivals = new long[unsent.PageCount];
        Array.Fill(_arrivals, NotSent);
        _pageTime = Math.Max(1, (long)Math.Round(Page.Size * 1e9 / options.Bandwidth));
        _oneWay = (long)options.RoundTrip.TotalNanoseconds / 2;
        if (_isFed)
        {
            Feed();
        }
    }

    /// <summary>Runs the guest.</summary>
    /// <param name="order">What the pusher follows; made of what is unsent now.</param>
    /// <param name="isRecordingAwaited">Whether the guest begins only when every recorded page is there, and stands still until then.</param>
    public ReplayCounts Run(IPushOrder order, bool isRecordingAwaited)
    {
        _order = order;
        IReadOnlyList<FutureUse> future = _split.Future;
        long stalled = isRecordingAwaited ? AwaitRecorded() : 0;
        if (stalled > 0)
        {
            _stalls.Add((0, stalled));
        }

        int faults = 0;
        int late = 0;
        foreach (FutureUse use in future)
        {
            long now = use.Time + stalled;
            PushUntil(now);
            if (!_unsent[use.Pfn] && _arrivals[use.Pfn] == NotSent)
            {
                // The page is never sent: it came with the core state, or the guest got it afterwards.
                continue;
            }

            if (_arrivals[use.Pfn] != NotSent && _arrivals[use.Pfn] <= now)
            {
                continue;
            }

            bool isFault = _arrivals[use.Pfn] == NotSent;
            (faults, late) = (faults + (isFault ? 1 : 0), late + (isFault ? 0 : 1));
            long asked = now + _oneWay;
            PushUntil(asked);
            _order.Steer(use.Pfn);
            if (_arrivals[use.Pfn] == NotSent)
            {
                _linkFree = Math.Max(_linkFree, asked);
                Send(use.Pfn);
            }

            _stalls.Add((now, _arrivals[use.Pfn] - now));
            stalled += _arrivals[use.Pfn] - now;
        }

        return new ReplayCounts(faults, late, future.Count - faults - late, stalled, [.. _stalls.Select(stall => stall.Length).Order()])
        {
            Timeline = new StallTimeline(_stalls, _split.FutureTime + stalled),
        };
    }

    /// <summary>Sends the recorded pages as they are recorded, up to the window's end, which is the moment zero.</summary>
    private void Feed()
    {
        AccessTrajectory recording = _split.Recording;
        long epoch = (long)recording.EpochLength.TotalNanoseconds;
        AccessClock clock = new(recording.Records);
        _linkFree = -recording.EpochCount * epoch;
        for (int i = 0; i < recording.Count; i++)
        {
            int pfn = recording.Records[i].Pfn;
            long touched = (long)((clock.TimeOf(i) - recording.EpochCount) * epoch);
            if (_linkFree < 0 && _unsent[pfn])
            {
                _linkFree = Math.Max(_linkFree, touched);
                Send(pfn);
            }
        }

        _linkFree = Math.Max(0, _linkFree);
    }

    /// <summary>Pushes until every recorded page is on its way; returns when the last one is there.</summary>
    private long AwaitRecorded()
    {
        long there = 0;
        foreach (AccessRecord record in _split.Recording.Records)
        {
            while (_unsent[record.Pfn] && !_isPushed)
            {
                PushUntil(_linkFree);
            }

            there = Math.Max(there, _arrivals[record.Pfn]);
        }

        return there;
    }

    /// <summary>Pushes every page that the link is free for up to a moment.</summary>
    private void PushUntil(long time)
    {
        while (!_isPushed && _linkFree <= time)
        {
            int pfn = _order.Next();
            if (pfn < 0)
            {
                _isPushed = true;
            }
            else if (_unsent[pfn])
            {
                Send(pfn);
            }
        }
    }

    private void Send(int pfn)
    {
        _unsent.TryClear(pfn);
        _linkFree += _pageTime;
        _arrivals[pfn] = _linkFree + _oneWay;
    }
}

/// <summary>What a replay counted.</summary>
/// <param name="RemoteFaults">Uses of pages that had not left the source.</param>
/// <param name="LateArrivals">Uses of pages that were on their way.</param>
/// <param name="InTime">First uses of pages that were there.</param>
/// <param name="Stalled">How long the guest stood still, in nanoseconds.</param>
/// <param name="Waits">Each time it stood still, in nanoseconds, ascending.</param>
internal readonly record struct ReplayCounts(int RemoteFaults, int LateArrivals, int InTime, long Stalled, long[] Waits)
{
    /// <summary>When it stood still.</summary>
    public required StallTimeline Timeline { get; init; }
}
