using System.Diagnostics;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Paging;

namespace PreRecordMigration.Xen.Incoming;

/// <summary>RemotePF of a Xen domain through its paging ring.</summary>
/// <remarks>
/// Contents go into the domain without a lock, from as many threads as like. One lock then orders three things: taking
/// requests, clearing a page's missing bit, and answering (the ring has one producer index). A request therefore either
/// is in the table when its page is placed, or finds the page placed when it is taken.
/// </remarks>
internal sealed class XenRemotePaging : IRemotePaging
{
    private const int TakeChunk = 32;
    private const int DropRetries = 200;
    private const int DisableRetries = 200;
    private static readonly TimeSpan s_retryPause = TimeSpan.FromMilliseconds(5);

    private readonly IPagingPort _port;
    private readonly string _subject;
    private readonly Lock _gate = new();
    private readonly Lock _waitGate = new();
    private readonly PendingFaults _pending;
    private readonly List<XenPagingEvent> _answers = [];
    private bool _isClosed;

    /// <summary>Takes charge of a domain whose pages have been taken away.</summary>
    /// <param name="port">The domain's paging interface, owned from here on.</param>
    /// <param name="missing">The pages that were taken away.</param>
    /// <param name="subject">The domain's name, for messages.</param>
    internal XenRemotePaging(IPagingPort port, PageBitmap missing, string subject)
    {
        _port = port;
        _subject = subject;
        Missing = missing;
        _pending = new PendingFaults(missing);
    }

    /// <inheritdoc/>
    public PageBitmap Missing { get; }

    /// <inheritdoc/>
    public int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfZero(faults.Length, nameof(faults));
        long start = Stopwatch.GetTimestamp();
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static port => ((IPagingPort)port!).Wake(), _port);

        // Only one thread may wait on the ring; a second one waits for the first, no longer than its own time.
        if (!_waitGate.TryEnter(timeout))
        {
            return 0;
        }

        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int count = Collect(faults);
                TimeSpan left = timeout == Timeout.InfiniteTimeSpan ? timeout : timeout - Stopwatch.GetElapsedTime(start);
                if (count > 0 || (left <= TimeSpan.Zero && left != Timeout.InfiniteTimeSpan))
                {
                    return count;
                }

                _port.Wait(left);
            }
        }
        finally
        {
            _waitGate.Exit();
        }
    }

    /// <inheritdoc/>
    public void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(pages.Length, (long)pfns.Length * Page.Size, nameof(pages));
        Span<int> results = stackalloc int[XenPagingPort.ContentChunk];
        for (int start = 0; start < pfns.Length;)
        {
            // A page that is not missing was given up by the guest, or never migrates: its content has no place here.
            if (!Missing[pfns[start]])
            {
                start++;
                continue;
            }

            int end = start + 1;
            while (end < pfns.Length && end - start < results.Length && Missing[pfns[end]])
            {
                end++;
            }

            ReadOnlySpan<int> run = pfns[start..end];
            ReadOnlySpan<byte> contents = pages[(start * Page.Size)..(end * Page.Size)];
            Span<int> outcome = results[..run.Length];
            _port.Run(XenPagingOperation.Prepare, run, contents, outcome);
            Finish(run, outcome);
            RetryFailed(run, contents, outcome);
            start = end;
        }
    }

    /// <inheritdoc/>
    public void Disable()
    {
        lock (_waitGate)
        {
            lock (_gate)
            {
                if (_isClosed)
                {
                    return;
                }

                int missing = Missing.Count;
                if (missing != 0)
                {
                    throw new InvalidOperationException($"{_subject}: {missing} pages are still missing; RemotePF stays on.");
                }

                DisableQuietly();
            }
        }
    }

    /// <summary>Lets the ring go as it stands: pages that are missing stay missing, and who waits for one keeps waiting.</summary>
    public void Dispose()
    {
        _port.Wake();
        lock (_waitGate)
        {
            lock (_gate)
            {
                if (!_isClosed)
                {
                    _isClosed = true;
                    _port.Dispose();
                }
            }
        }
    }

    private int Collect(Span<PageFault> faults)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            TakeAll();
            return _pending.Report(faults);
        }
    }

    /// <summary>Takes every request there is and answers those that need not wait. Under the lock.</summary>
    private int TakeAll()
    {
        Span<XenPagingEvent> events = stackalloc XenPagingEvent[TakeChunk];
        int total = 0;
        int count;
        do
        {
            count = _port.Take(events);
            _pending.Arrived(events[..count], _answers);
            SendAnswers();
            total += count;
        }
        while (count == events.Length);
        return total;
    }

    private void SendAnswers()
    {
        if (_answers.Count > 0)
        {
            _port.Answer(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_answers));
            _answers.Clear();
        }
    }

    private void Finish(ReadOnlySpan<int> pfns, ReadOnlySpan<int> results)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            for (int i = 0; i < pfns.Length; i++)
            {
                if (results[i] == 0)
                {
                    _pending.Placed(pfns[i], _answers);
                }
            }

            SendAnswers();
        }
    }

    private void RetryFailed(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages, Span<int> results)
    {
        for (int i = 0; i < pfns.Length; i++)
        {
            if (results[i] != 0)
            {
                PlaceRefused(pfns.Slice(i, 1), Page.At(pages, i), results[i]);
            }
        }
    }

    /// <summary>
    /// A page was refused. The guest may just have given it up, which the ring tells a moment later; otherwise it is an error.
    /// </summary>
    private void PlaceRefused(ReadOnlySpan<int> pfn, ReadOnlySpan<byte> page, int refusal)
    {
        Span<int> result = stackalloc int[1];
        for (int attempt = 0; refusal == -XenErrno.NoEntry && attempt < DropRetries; attempt++)
        {
            lock (_gate)
            {
                TakeAll();
            }

            // Requests that were taken here wait to be reported by the thread that waits for faults.
            _port.Wake();
            if (!Missing[pfn[0]])
            {
                return;
            }

            Thread.Sleep(s_retryPause);
            _port.Run(XenPagingOperation.Prepare, pfn, page, result);
            Finish(pfn, result);
            if (result[0] == 0)
            {
                return;
            }

            refusal = result[0];
        }

        throw new XenException("XENMEM_paging_op_prep", -refusal, $"{_subject}, page {pfn[0]}", "");
    }

    private void DisableQuietly()
    {
        // While its vCPUs run, one may be in the hypervisor with a page it saw missing and no request made yet; that
        // request would find no ring, and the vCPU would wait for ever.
        _port.PauseDomain();
        try
        {
            TakeAll();
            long pagedOut = _port.CountPagedOut();
            if (pagedOut != 0)
            {
                throw new MigrationException(
                    MigrationErrorId.VerificationFailed,
                    $"{_subject}: the hypervisor counts {pagedOut} pages as taken away, though all have been placed; RemotePF stays on.",
                    "Look at `xl dmesg`. The domain runs on; do not switch RemotePF off for it.",
                    _subject);
            }

            for (int attempt = 0; !_port.TryDisable(); attempt++)
            {
                if (attempt == DisableRetries)
                {
                    throw new MigrationException(
                        MigrationErrorId.HypervisorCall,
                        $"{_subject}: vCPUs keep waiting for room in the paging ring; RemotePF stays on.",
                        "Look at `xl dmesg`, then disable RemotePF again.",
                        _subject);
                }

                TakeAll();
            }

            _isClosed = true;
        }
        finally
        {
            _port.UnpauseDomain();
        }

        _port.Dispose();
    }
}
