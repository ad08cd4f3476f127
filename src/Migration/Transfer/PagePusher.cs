using System.Collections.Concurrent;
using PreRecordMigration.Errors;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Transfer;

/// <summary>
/// Pushes pages on the bulk connection from a thread of its own: first those fed while they are being recorded, then
/// those it pulls from a live order. Each page goes once, whoever sends it.
/// </summary>
public sealed class PagePusher : IDisposable
{
    /// <summary>Pages in a record: small enough that a control record never waits long behind one.</summary>
    public const int BatchPages = 64;

    private static readonly TimeSpan s_sendingPoll = TimeSpan.FromMilliseconds(20);
    private readonly PageSender _sender;
    private readonly IGuestMemory _memory;
    private readonly SentPageTable _sent;
    private readonly BandwidthLimiter _limiter;
    private readonly DemandGate _demand;
    private readonly BlockingCollection<int[]> _feed = [];
    private readonly ManualResetEventSlim _open = new(true);
    private readonly Lock _sending = new();
    private readonly int[] _pending = new int[BatchPages];
    private readonly SentPageLog? _log;
    private IPushOrder? _order;
    private int _pendingCount;
    private int _notedCount;
    private PushKind _lastKind;

    /// <summary>Makes a pusher; <see cref="Run"/> does the work.</summary>
    /// <param name="sender">Sends the pages.</param>
    /// <param name="memory">Where to read them.</param>
    /// <param name="sent">Which of them have to leave; shared with whoever answers faults.</param>
    /// <param name="limiter">Bounds the rate.</param>
    /// <param name="demand">Demand faults, to which it gives way.</param>
    /// <param name="log">Told of each page that went; null for nobody.</param>
    public PagePusher(
        PageSender sender, IGuestMemory memory, SentPageTable sent, BandwidthLimiter limiter, DemandGate demand, SentPageLog? log = null)
    {
        _log = log;
        _sender = sender;
        _memory = memory;
        _sent = sent;
        _limiter = limiter;
        _demand = demand;
    }

    /// <summary>Feeds pages, to be pushed in this order after those fed before. Pages already sent are passed over.</summary>
    public void Feed(int[] pfns) => _feed.Add(pfns);

    /// <summary>No more pages will be fed: <see cref="Run"/> returns once all are pushed, and all of the order.</summary>
    /// <param name="order">What to follow once everything fed has been pushed; null for nothing.</param>
    public void CompleteFeed(IPushOrder? order = null)
    {
        _order = order;
        _feed.CompleteAdding();
    }

    /// <summary>Stops pushing at the end of the record under way, so that a control record goes out at once.</summary>
    /// <remarks>Returns when nothing is being sent any more.</remarks>
    /// <param name="cancellationToken">Ends the wait for a record that does not get away; the hold stays.</param>
    public void Hold(CancellationToken cancellationToken)
    {
        _open.Reset();
        while (!_sending.TryEnter(s_sendingPoll))
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        // The lock is free only between two records, so that nothing is being sent from here on.
        _sending.Exit();
    }

    /// <summary>Ends a hold.</summary>
    public void Release() => _open.Set();

    /// <summary>Pushes until the feed is complete and empty and the order has come to its end.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ConnectionLost"/>, or the memory's own.</exception>
    public void Run(CancellationToken cancellationToken)
    {
        BulkThread.Enter();
        foreach (int[] pfns in _feed.GetConsumingEnumerable(cancellationToken))
        {
            foreach (int pfn in pfns)
            {
                Push(pfn, PushKind.Recorded, cancellationToken);
            }

            // Pages that were recorded are sent at once, and do not wait for those of the epoch that is under way.
            SendPending(cancellationToken);
        }

        for (int pfn = _order?.Next() ?? -1; pfn >= 0; pfn = _order!.Next())
        {
            Push(pfn, _order!.Kind, cancellationToken);
        }

        SendPending(cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _feed.Dispose();
        _open.Dispose();
    }

    private void Push(int pfn, PushKind kind, CancellationToken cancellationToken)
    {
        if (_sent.TryClaim(pfn))
        {
            if (_pendingCount > 0 && kind != _lastKind)
            {
                Note();
            }

            _lastKind = kind;
            _pending[_pendingCount++] = pfn;
            if (_pendingCount == BatchPages)
            {
                SendPending(cancellationToken);
            }
        }
    }

    private void SendPending(CancellationToken cancellationToken)
    {
        if (_pendingCount > 0)
        {
            Note();
            Send(_pending.AsSpan(0, _pendingCount), cancellationToken);
            (_pendingCount, _notedCount) = (0, 0);
        }
    }

    /// <summary>Tells of the pages of one kind that go with the next record, before they do: where the way is lost nobody knows whether they went.</summary>
    private void Note()
    {
        _log?.Sent(
            _lastKind switch
            {
                PushKind.Recorded => SentPageKind.Recorded,
                PushKind.Predicted => SentPageKind.Predicted,
                _ => SentPageKind.Rest,
            },
            _pending.AsSpan(_notedCount, _pendingCount - _notedCount));
        _notedCount = _pendingCount;
    }

    private void Send(ReadOnlySpan<int> pfns, CancellationToken cancellationToken)
    {
        int bytes;
        _demand.GiveWay(cancellationToken);
        while (true)
        {
            _open.Wait(cancellationToken);
            lock (_sending)
            {
                if (!_open.IsSet)
                {
                    continue;
                }

                bytes = _sender.Send(pfns, _memory).Sent;
                break;
            }
        }

        _limiter.Sent(bytes, cancellationToken);
    }
}
