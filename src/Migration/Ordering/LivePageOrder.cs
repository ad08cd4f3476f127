using PreRecordMigration.Pages;

namespace PreRecordMigration.Ordering;

/// <summary>
/// A page order while it is followed: the pusher pulls pages from it, and demand faults steer it, without a lock between them.
/// This project's definition (docs/ordering.md).
/// </summary>
/// <remarks>
/// The page that is waited for is sent by whoever answers faults; here the push continues around it. While recorded or predicted
/// pages are left, that is within <see cref="PageOrderOptions.BubbleReach"/> pages; afterwards the rest goes out around the
/// latest fault, nearest first. A fault in or just ahead of a prediction window continues that window instead. A fault costs
/// the search of one window, a page that of its neighbours: neither grows with the guest.
/// </remarks>
public sealed class LivePageOrder : IPushOrder
{
    private readonly PageOrder _order;
    private readonly PageOrderOptions _options;
    private readonly UnsentPages _unsent;
    private readonly int _pageCount;
    private readonly StreamWindows _upwards;
    private readonly StreamWindows _downwards;
    private readonly FaultMailbox _faults = new();
    private readonly PushFront[] _fronts;
    private int _frontCount;
    private PushFront? _rest;
    private int _next;
    private int _nextOfRest;

    /// <summary>Starts to follow an order.</summary>
    /// <param name="order">The order.</param>
    /// <param name="unsent">
    /// The pages still to be sent, live: pages leave it when anybody sends them, and then do not come here any more.
    /// </param>
    /// <param name="options">Every constant; the defaults where not given.</param>
    public LivePageOrder(PageOrder order, PageBitmap unsent, PageOrderOptions? options = null)
    {
        _order = order;
        _options = options ?? PageOrderOptions.Default;
        _unsent = new UnsentPages(unsent);
        _pageCount = unsent.PageCount;
        _upwards = new StreamWindows(order.Windows, 1, _pageCount, _options);
        _downwards = new StreamWindows(order.Windows, -1, _pageCount, _options);
        _fronts = new PushFront[_options.Fronts];
    }

    /// <inheritdoc/>
    public PushKind Kind { get; private set; }

    /// <inheritdoc/>
    public void Steer(int pfn) => _faults.Post(pfn);

    /// <inheritdoc/>
    public int Next()
    {
        while (_faults.TryTake(out int fault))
        {
            Turn(fault);
        }

        while (_frontCount > 0)
        {
            int pfn = _fronts[_frontCount - 1].Next(_unsent);
            if (pfn >= 0)
            {
                Kind = _fronts[_frontCount - 1].Kind;
                return pfn;
            }

            _frontCount--;
        }

        while (_next < _order.Known.Length)
        {
            int pfn = _order.Known[_next++];
            if (_unsent.Contains(pfn))
            {
                Kind = _next <= _order.RecordedCount ? PushKind.Recorded : PushKind.Predicted;
                return pfn;
            }
        }

        Kind = PushKind.Rest;
        if (_rest is PushFront rest)
        {
            int pfn = rest.Next(_unsent);
            _rest = rest;
            return pfn;
        }

        // An order may be of some pages only; the others are not pushed by it.
        while ((_nextOfRest = _unsent.AtOrAbove(_nextOfRest)) >= 0)
        {
            int pfn = _nextOfRest++;
            if (_order.Rest[pfn])
            {
                return pfn;
            }
        }

        _nextOfRest = _pageCount;
        return -1;
    }

    private void Turn(int fault)
    {
        if (_upwards.TryFollow(fault, out int last) || _downwards.TryFollow(fault, out last))
        {
            Push(PushFront.Along(fault, last));
        }
        else if (_next < _order.Known.Length)
        {
            Push(PushFront.Around(fault, _options.BubbleReach));
        }

        _rest = PushFront.Around(fault, _pageCount);
    }

    private void Push(PushFront front)
    {
        if (_frontCount == _fronts.Length)
        {
            // The oldest fault says least about what the guest does now.
            _fronts.AsSpan(1).CopyTo(_fronts);
            _frontCount--;
        }

        _fronts[_frontCount++] = front;
    }
}
