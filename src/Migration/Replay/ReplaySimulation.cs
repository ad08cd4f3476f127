using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Replay;

/// <summary>
/// A discrete-event simulation of a guest whose memory is pushed while it runs. One link carries pages one by one; an answer to a
/// fault waits for the page under way and goes before all others. The guest stands still while it waits for a page.
/// </summary>
/// <remarks>
/// Time is in whole nanoseconds, so that a replay gives the same figures everywhere. A remote fault is a use of a page that has not
/// left the source; a page that is on its way already is waited for as well, and counts as late.
/// </remarks>
internal sealed class ReplaySimulation
{
    private const long NotSent = -1;
    private readonly IPushOrder _order;
    private readonly PageBitmap _unsent;
    private readonly long[] _arrivals;
    private readonly long _pageTime;
    private readonly long _oneWay;
    private readonly List<long> _waits = [];
    private long _linkFree;
    private bool _isPushed;

    private ReplaySimulation(IPushOrder order, PageBitmap unsent, ReplayOptions options)
    {
        _order = order;
        _unsent = unsent;
        _arrivals = new long[unsent.PageCount];
        Array.Fill(_arrivals, NotSent);
        _pageTime = Math.Max(1, (long)Math.Round(Page.Size * 1e9 / options.Bandwidth));
        _oneWay = (long)options.RoundTrip.TotalNanoseconds / 2;
    }

    /// <summary>Runs a guest.</summary>
    /// <param name="order">What the pusher follows.</param>
    /// <param name="unsent">The pages to be sent; the simulation takes them out as they go.</param>
    /// <param name="future">What the guest uses.</param>
    /// <param name="options">Link and round trip.</param>
    public static ReplayCounts Run(
        IPushOrder order, PageBitmap unsent, IReadOnlyList<FutureUse> future, ReplayOptions options) =>
        new ReplaySimulation(order, unsent, options).Run(future);

    private ReplayCounts Run(IReadOnlyList<FutureUse> future)
    {
        long stalled = 0;
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

            _waits.Add(_arrivals[use.Pfn] - now);
            stalled += _arrivals[use.Pfn] - now;
        }

        return new ReplayCounts(faults, late, future.Count - faults - late, stalled, [.. _waits.Order()]);
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
internal readonly record struct ReplayCounts(int RemoteFaults, int LateArrivals, int InTime, long Stalled, long[] Waits);
