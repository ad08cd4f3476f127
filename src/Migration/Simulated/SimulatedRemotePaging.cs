using System.Diagnostics;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Simulated;

/// <summary>RemotePF of a simulated domain.</summary>
internal sealed class SimulatedRemotePaging : IRemotePaging
{
    private readonly SimulatedDomain _domain;
    private readonly GuestPages _pages;
    private readonly PageBitmap _claimed;
    private readonly PageBitmap _missing;
    private readonly ReaderWriterLockSlim _life = new();
    private readonly object _arrival = new();
    private readonly Queue<PageFault> _faults = new();
    private readonly bool _isAdopted;
    private bool _isOff;
    private bool _isDisposed;
    private bool _isDead;

    /// <summary>Takes charge of a domain's faults.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="pages">Its pages.</param>
    /// <param name="missing">Those that are missing; given over.</param>
    public SimulatedRemotePaging(SimulatedDomain domain, GuestPages pages, PageBitmap missing)
    {
        _domain = domain;
        _pages = pages;
        _claimed = new PageBitmap(pages.PageCount);
        Missing = _missing = missing;
    }

    private SimulatedRemotePaging(SimulatedRemotePaging last)
        : this(last._domain, last._pages, last._missing)
    {
        _isAdopted = true;
        Missing = _missing.Count == 0 ? _missing : _pages.Populated.Clone();
    }

    /// <summary>The pages that may be missing: where another tool had the domain before, more than those that are.</summary>
    public PageBitmap Missing { get; }

    /// <summary>The same in the hands of the next tool.</summary>
    public SimulatedRemotePaging Successor()
    {
        Kill();
        return new SimulatedRemotePaging(this);
    }

    /// <summary>Its tool is killed: what it was doing has been done, and what it begins from here on has no effect.</summary>
    public void Kill()
    {
        _life.EnterWriteLock();
        _isDead = true;
        _life.ExitWriteLock();
        WakeWaiters();
    }

    public void Report(PageFault fault)
    {
        lock (_arrival)
        {
            _faults.Enqueue(fault);
            Monitor.PulseAll(_arrival);
        }
    }

    public void TakeAway(PageBitmap pages)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        long number = _domain.Host.Faults.Enter(SimulatedCall.TakeAway);
        _life.EnterReadLock();
        try
        {
            ObjectDisposedException.ThrowIf(_isDead, this);
            _missing.Or(pages);
            _domain.MarkMissing(pages);
        }
        finally
        {
            _life.ExitReadLock();
        }

        _domain.Host.Faults.Leave(SimulatedCall.TakeAway, number);
    }

    public int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfZero(faults.Length, nameof(faults));
        _domain.Host.Faults.Enter(SimulatedCall.WaitFault);
        long start = Stopwatch.GetTimestamp();
        using CancellationTokenRegistration wake = cancellationToken.UnsafeRegister(_ => WakeWaiters(), null);
        lock (_arrival)
        {
            while (true)
            {
                ObjectDisposedException.ThrowIf(_isDisposed || _isDead, this);
                cancellationToken.ThrowIfCancellationRequested();
                int count = Take(faults);
                if (count > 0)
                {
                    return count;
                }

                if (timeout == Timeout.InfiniteTimeSpan)
                {
                    Monitor.Wait(_arrival);
                    continue;
                }

                TimeSpan left = timeout - Stopwatch.GetElapsedTime(start);
                if (left <= TimeSpan.Zero)
                {
                    return 0;
                }

                Monitor.Wait(_arrival, TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)));
            }
        }
    }

    public void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(pages.Length, pfns.Length * Page.Size, nameof(pages));
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _domain.Host.Faults.Enter(SimulatedCall.Place);
        PlaceAll(pfns, pages);
    }

    public void PlaceAll(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        _life.EnterReadLock();
        try
        {
            ObjectDisposedException.ThrowIf(_isDead, this);
            PlaceEach(pfns, pages);
        }
        finally
        {
            _life.ExitReadLock();
        }
    }

    private void PlaceEach(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        for (int i = 0; i < pfns.Length; i++)
        {
            int pfn = pfns[i];
            if ((uint)pfn >= (uint)_pages.PageCount || !_pages.Populated[pfn])
            {
                throw Refused(pfn, "does not exist");
            }

            // The claim decides between two threads that place the same page; the page counts as missing until its content is in place.
            if (!_claimed.TrySet(pfn))
            {
                throw Refused(pfn, "was placed before");
            }

            if (_missing[pfn])
            {
                _pages.Put(pfn, Page.At(pages, i));
                _domain.MarkPlaced(pfn);
            }
            else if (!_isAdopted)
            {
                throw Refused(pfn, "is not missing");
            }

            _missing.TryClear(pfn);
            Missing.TryClear(pfn);
        }
    }

    public void Disable()
    {
        ObjectDisposedException.ThrowIf(_isDead, this);
        _domain.Host.Faults.Enter(SimulatedCall.DisableRemotePF);
        int missing = Missing.Count;
        if (missing > 0)
        {
            throw new InvalidOperationException($"{missing} pages of domain {_domain.Name} are still missing.");
        }

        _isOff = true;
        _domain.DisablePaging(this);
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (!_isOff && !_isDead)
        {
            if (Missing.Count == 0)
            {
                _domain.DisablePaging(this);
            }
            else
            {
                _domain.Pause();
            }
        }

        WakeWaiters();
    }

    private int Take(Span<PageFault> faults)
    {
        int count = 0;
        while (count < faults.Length && _faults.TryDequeue(out PageFault fault))
        {
            if (Missing[fault.Pfn])
            {
                faults[count++] = fault;
            }
        }

        return count;
    }

    private void WakeWaiters()
    {
        lock (_arrival)
        {
            Monitor.PulseAll(_arrival);
        }
    }

    private MigrationException Refused(int pfn, string reason) => new(
        MigrationErrorId.HypervisorCall,
        $"Page {pfn} of domain {_domain.Name} cannot be placed: it {reason}.",
        "Place each populated page once.", _domain.Name);
}
