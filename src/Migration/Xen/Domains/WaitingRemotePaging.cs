using System.Diagnostics;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Domains;

/// <summary>
/// RemotePF of a Xen domain, whoever tells of its faults: one thread at a time waits for them, a cancellation wakes it, and
/// switching off waits until nobody waits.
/// </summary>
/// <param name="missing">The pages that are missing; shared.</param>
/// <param name="subject">The domain's name, for messages.</param>
/// <param name="takeAway">Takes pages of the paused domain away, as its kind does; null where another tool took them away and was
/// killed: <paramref name="missing"/> then has those, too, that have come or that the guest has given up since.</param>
internal abstract class WaitingRemotePaging(PageBitmap missing, string subject, Action<PageBitmap>? takeAway) : IRemotePaging
{
    private readonly Lock _waitGate = new();
    private bool _isClosed;

    /// <inheritdoc/>
    public PageBitmap Missing { get; } = missing;

    /// <summary>The domain's name, for messages.</summary>
    protected string Subject { get; } = subject;

    /// <summary>Whether another tool made and restored the domain, and was killed.</summary>
    protected bool IsAdopted => takeAway is null;

    /// <inheritdoc/>
    public void TakeAway(PageBitmap pages) =>
        (takeAway ?? throw new InvalidOperationException($"{Subject} was restored by another tool."))(pages);

    /// <inheritdoc/>
    public int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfZero(faults.Length, nameof(faults));
        long start = Stopwatch.GetTimestamp();
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static paging => ((WaitingRemotePaging)paging!).Wake(), this);

        // A second thread waits until the first has done waiting, but no longer than its own timeout.
        if (!_waitGate.TryEnter(timeout))
        {
            return 0;
        }

        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ObjectDisposedException.ThrowIf(_isClosed, this);
                int count = Collect(faults);
                TimeSpan left = timeout == Timeout.InfiniteTimeSpan ? timeout : timeout - Stopwatch.GetElapsedTime(start);
                if (count > 0 || (left <= TimeSpan.Zero && left != Timeout.InfiniteTimeSpan))
                {
                    return count;
                }

                Wait(left);
            }
        }
        finally
        {
            _waitGate.Exit();
        }
    }

    /// <inheritdoc/>
    public abstract void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages);

    /// <inheritdoc/>
    public void Disable()
    {
        lock (_waitGate)
        {
            if (_isClosed)
            {
                return;
            }

            int missing = Missing.Count;
            if (missing != 0)
            {
                throw new InvalidOperationException($"{Subject}: {missing} pages are still missing; RemotePF stays on.");
            }

            SwitchOff();
            _isClosed = true;
            Close();
        }
    }

    /// <summary>Lets go of this side and leaves the domain as it stands: missing pages stay missing, and vCPUs that wait for one keep
    /// waiting.</summary>
    public void Dispose()
    {
        Wake();
        lock (_waitGate)
        {
            if (!_isClosed)
            {
                _isClosed = true;
                Close();
            }
        }
    }

    /// <summary>Takes the faults there are, without waiting. One thread at a time.</summary>
    protected abstract int Collect(Span<PageFault> faults);

    /// <summary>Waits until there may be faults, <see cref="Wake"/> was called, or the time is over. One thread at a time.</summary>
    protected abstract void Wait(TimeSpan timeout);

    /// <summary>Ends the wait that runs, or the next one. Any thread, also after <see cref="Close"/>.</summary>
    protected abstract void Wake();

    /// <summary>Has the hypervisor take the plain path again; nothing is missing any more. No thread waits for faults meanwhile.</summary>
    protected abstract void SwitchOff();

    /// <summary>Lets go of what this side holds. Called once, while no thread waits for faults.</summary>
    protected abstract void Close();
}
