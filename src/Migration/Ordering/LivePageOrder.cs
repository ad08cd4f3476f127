using PreRecordMigration.CoreStates;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Ordering;

/// <summary>
/// A page order while it is followed: the pusher pulls pages from it, and demand faults steer it, without a lock between them.
/// This project's definition (docs/ordering.md).
/// </summary>
/// <remarks>
/// The page that is waited for is sent by whoever answers faults; here the push continues around it. While recorded or predicted
/// pages are left, that is within <see cref="PageOrderOptions.BubbleReach"/> pages; afterwards the rest goes out around the
/// latest fault, nearest first. Where the guest's address spaces are known, near means on their axis, and of the rest goes first what
/// processes have reached. A fault in or just ahead of a prediction window continues that window instead. A fault costs
/// the search of one window, a page that of its neighbours: neither grows with the guest.
/// </remarks>
public sealed class LivePageOrder : IPushOrder
{
    /// <summary>How many records are looked at for each page that follows a fault: most of those have been sent.</summary>
    private const int FollowedPerPage = 8;

    private readonly PageOrder _order;
    private readonly PageOrderOptions _options;
    private readonly PageAxis _axis;
    private readonly UnsentPages _unsent;
    private readonly UnsentPages _ascending;
    private readonly StreamWindows _upwards;
    private readonly StreamWindows _downwards;
    private readonly FaultMailbox _faults = new();
    private readonly PushFront[] _fronts;
    private int _frontCount;
    private PushFront? _rest;
    private int _next;
    private int _nextOfRest;
    private int _latestFault;
    private UnsentPages? _reached;
    private int _nextOfCourse;
    private int _endOfCourse;
    private int _leftOfCourse;

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
        _axis = order.Axis;
        if (order.Spaces is AddressSpaces spaces)
        {
            // Places of pages that have been sent are noticed when they are met, which is bounded by how many there are.
            bool isMostUnsent = unsent.Count > unsent.PageCount / 2;
            _unsent = On(spaces.Places, unsent, isMostUnsent);
            _reached = On(spaces.Accessed, unsent, isMostUnsent);
            _ascending = new UnsentPages(unsent);
        }
        else
        {
            _unsent = _ascending = new UnsentPages(unsent);
        }

        _upwards = new StreamWindows(order.Windows, 1, _axis.Length, _options);
        _downwards = new StreamWindows(order.Windows, -1, _axis.Length, _options);
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

        if (NextOfCourse() is int followed and >= 0)
        {
            Kind = PushKind.Recorded;
            return followed;
        }

        while (_frontCount > 0)
        {
            int position = _fronts[_frontCount - 1].Next(_unsent);
            if (position >= 0)
            {
                Kind = _fronts[_frontCount - 1].Kind;
                return _axis.PfnAt(position);
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
        if (_reached is not null)
        {
            int pfn = _rest is null ? NextAscending(_reached) : NextAround(_reached);
            if (pfn >= 0)
            {
                return pfn;
            }

            (_reached, _nextOfRest) = (null, 0);
            _rest = _rest is null ? null : PushFront.Around(_latestFault, _axis.Length);
        }

        return _rest is null ? NextAscending(_ascending) : NextAround(_unsent);
    }

    /// <summary>Prepares for searching some places for what is unsent.</summary>
    private UnsentPages On(PageBitmap places, PageBitmap unsent, bool isMostUnsent)
    {
        if (isMostUnsent)
        {
            return new UnsentPages(unsent, _axis, places.Clone());
        }

        PageBitmap unsentPlaces = new(_axis.Length);
        foreach (int pfn in unsent.Pfns())
        {
            int position = _axis.PositionOf(pfn);
            if (places[position])
            {
                unsentPlaces.TrySet(position);
            }
        }

        return new UnsentPages(unsent, _axis, unsentPlaces);
    }

    private int NextAscending(UnsentPages pages)
    {
        // An order may be of some pages only; the others are not pushed by it.
        while ((_nextOfRest = pages.AtOrAbove(_nextOfRest)) >= 0)
        {
            int pfn = pages.PfnAt(_nextOfRest++);
            if (_order.Rest[pfn])
            {
                return pfn;
            }
        }

        _nextOfRest = _axis.Length;
        return -1;
    }

    /// <summary>The next page of those that followed the latest fault while it was recorded, or −1.</summary>
    private int NextOfCourse()
    {
        while (_leftOfCourse > 0 && _nextOfCourse < _endOfCourse)
        {
            int pfn = _axis.PfnAt(_order.Course![_nextOfCourse++]);
            if (_unsent.Contains(pfn))
            {
                _leftOfCourse--;
                return pfn;
            }
        }

        return -1;
    }

    /// <summary>The next page around the latest fault.</summary>
    private int NextAround(UnsentPages pages)
    {
        PushFront rest = _rest!.Value;
        int position = rest.Next(pages);
        _rest = rest;
        return position < 0 ? -1 : pages.PfnAt(position);
    }

    private void Turn(int pfn)
    {
        int fault = _latestFault = _axis.PositionOf(pfn);
        if (_upwards.TryFollow(fault, out int last) || _downwards.TryFollow(fault, out last))
        {
            Push(PushFront.Along(fault, last));
        }
        else if (_next < _order.Known.Length)
        {
            // Of a recorded page a fault does not say that its neighbours are wanted: those that are were recorded, too. It says where in what was
            // recorded the guest is.
            if (_order.Course is not { } course || !course.Contains(fault))
            {
                Push(PushFront.Around(fault, _options.ReachInFront));
            }
            else
            {
                _nextOfCourse = course.After(fault);
                _endOfCourse = (int)Math.Min(course.Length, _nextOfCourse + ((long)_options.FollowReach * FollowedPerPage));
                _leftOfCourse = _options.FollowReach;
            }
        }
        else if (_reached is not null)
        {
            // What is near goes before what processes have reached elsewhere.
            Push(PushFront.Around(fault, IsUnmapped(fault) ? _options.UnmappedReach : _options.BubbleReach));
        }

        _rest = PushFront.Around(fault, _axis.Length);
    }

    private bool IsUnmapped(int position) => _order.Spaces is { } spaces && position >= _axis.VirtualLength && !spaces.Mapped[position];

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
