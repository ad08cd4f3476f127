using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Ring;

/// <summary>RemotePF of a Xen domain through its paging ring.</summary>
/// <remarks>
/// Contents go into the domain without a lock, from any number of threads. One lock then orders three things: taking
/// requests, clearing a page's missing bit, and answering (the ring has one producer index). A request therefore either
/// is in the table when its page is placed, or finds the page placed when it is taken.
/// </remarks>
internal sealed class RingRemotePaging : WaitingRemotePaging
{
    private const int TakeChunk = 32;
    private const int DropRetries = 200;
    private const int DisableRetries = 200;
    private static readonly TimeSpan s_retryPause = TimeSpan.FromMilliseconds(5);

    private readonly IPagingPort _port;
    private readonly Lock _gate = new();
    private readonly PendingFaults _pending;
    private readonly List<XenPagingEvent> _answers = [];
    private bool _isClosed;

    /// <summary>Takes charge of a domain's faults.</summary>
    /// <param name="port">The domain's paging interface, owned from here on.</param>
    /// <param name="missing">The pages that have been taken away; shared with what takes them away.</param>
    /// <param name="subject">The domain's name, for messages.</param>
    /// <param name="takeAway">Takes pages away, and sets their bits; null where another tool did, so that only placing a page shows whether it
    /// is missing.</param>
    internal RingRemotePaging(IPagingPort port, PageBitmap missing, string subject, Action<PageBitmap>? takeAway)
        : base(missing, subject, takeAway)
    {
        _port = port;
        _pending = new PendingFaults(missing);
    }

    /// <inheritdoc/>
    public override void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
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

        // More pages may be missing here than are: once the hypervisor misses none, none is.
        if (IsAdopted && _port.CountPagedOut() == 0)
        {
            Missing.Clear();
        }
    }

    /// <inheritdoc/>
    protected override int Collect(Span<PageFault> faults)
    {
        lock (_gate)
        {
            TakeAll();
            return _pending.Report(faults);
        }
    }

    /// <inheritdoc/>
    protected override void Wait(TimeSpan timeout) => _port.Wait(timeout);

    /// <inheritdoc/>
    protected override void Wake() => _port.Wake();

    /// <inheritdoc/>
    protected override void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            _port.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override void SwitchOff()
    {
        lock (_gate)
        {
            DisableRing();
        }
    }

    /// <summary>Takes every request there is and answers those that need not wait. Call it under the lock.</summary>
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
                if (results[i] == 0 || IsThereAlready(results[i]))
                {
                    _pending.Placed(pfns[i], _answers);
                }
            }

            SendAnswers();
        }
    }

    /// <summary>Whether Xen refused a page because it is not missing, which it may be where another tool took the pages away.</summary>
    private bool IsThereAlready(int result) => IsAdopted && result == -XenErrno.NoEntry;

    private void RetryFailed(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages, Span<int> results)
    {
        for (int i = 0; i < pfns.Length; i++)
        {
            if (results[i] != 0 && !IsThereAlready(results[i]))
            {
                PlaceRefused(pfns.Slice(i, 1), Page.At(pages, i), results[i]);
            }
        }
    }

    /// <summary>
    /// Handles a page that Xen refused. The guest may just have given it up, which the ring tells a moment later; otherwise it is an error.
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

            // Requests that were taken here are reported by the thread that waits for faults, which is woken for that.
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

        throw new XenException("XENMEM_paging_op_prep", -refusal, $"{Subject}, page {pfn[0]}", "");
    }

    private void DisableRing()
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
                    $"{Subject}: the hypervisor counts {pagedOut} pages as taken away, though all have been placed; RemotePF stays on.",
                    "Look at `xl dmesg`. The domain runs on; do not switch RemotePF off for it.",
                    Subject);
            }

            for (int attempt = 0; !_port.TryDisable(); attempt++)
            {
                if (attempt == DisableRetries)
                {
                    throw new MigrationException(
                        MigrationErrorId.HypervisorCall,
                        $"{Subject}: vCPUs keep waiting for room in the paging ring; RemotePF stays on.",
                        "Look at `xl dmesg`, then disable RemotePF again.",
                        Subject);
                }

                TakeAll();
            }
        }
        finally
        {
            _port.UnpauseDomain();
        }
    }
}
