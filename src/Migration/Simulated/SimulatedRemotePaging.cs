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
    private readonly object _arrival = new();
    private readonly Queue<PageFault> _faults = new();
    private bool _isOff;
    private bool _isDisposed;

    public SimulatedRemotePaging(SimulatedDomain domain, GuestPages pages)
    {
        _domain = domain;
        _pages = pages;
        _claimed = new PageBitmap(pages.PageCount);
        Missing = pages.Populated.Clone();
    }

    public PageBitmap Missing { get; }

    public void Report(PageFault fault)
    {
        lock (_arrival)
        {
            _faults.Enqueue(fault);
            Monitor.PulseAll(_arrival);
        }
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
                ObjectDisposedException.ThrowIf(_isDisposed, this);
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

            Page.At(pages, i).CopyTo(_pages[pfn]);
            _domain.MarkPlaced(pfn);
            Missing.TryClear(pfn);
        }
    }

    public void Disable()
    {
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
        if (!_isOff)
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
