using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Ring;

/// <summary>Traps the next access to a domain's pages (nominated, never taken away) and serves the requests that follow. A thread
/// of its own serves the ring from the first trap to the last: an unanswered request is a vCPU that stands still.</summary>
internal sealed class PageTraps : IDisposable
{
    private const int RingPlaces = 8;
    private const int NominateBatch = 256;
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(1);
    private readonly IPagingPort _port;
    private readonly string _subject;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;
    private readonly int _askBatch;
    private readonly PageBitmap _trapped;
    private readonly Lock _ring = new();
    private readonly List<XenPagingEvent> _held = [];
    private readonly Thread _server;
    private ITouchObserver? _observer;
    private volatile Exception? _failure;
    private volatile bool _isEnding;
    private bool _isClosed;

    /// <summary>Begins to serve; nothing is trapped yet.</summary>
    /// <param name="port">The domain's paging interface, given over.</param>
    /// <param name="pageCount">The domain's page count.</param>
    /// <param name="vcpuCount">How many vCPUs it has.</param>
    /// <param name="subject">The domain's name, for errors.</param>
    /// <param name="patience">How long removing traps may go on without progress.</param>
    /// <param name="time">The clock for that.</param>
    internal PageTraps(IPagingPort port, int pageCount, int vcpuCount, string subject, TimeSpan patience, TimeProvider time)
    {
        _port = port;
        _subject = subject;
        _patience = patience;
        _time = time;

        // Removing traps must leave a place in the ring for each vCPU: one that finds the ring full waits inside the
        // hypervisor, and the trapped pages which its own bookkeeping touches meanwhile would have it wait twice.
        _askBatch = Math.Max(1, RingPlaces - vcpuCount);
        _trapped = new PageBitmap(pageCount);
        _server = new Thread(Serve) { IsBackground = true, Name = $"paging ring of {subject}" };
        _server.Start();
    }

    /// <summary>What went wrong while serving; null where nothing did. The vCPUs concerned are held.</summary>
    internal Exception? Failure => _failure;

    /// <summary>How many pages are trapped.</summary>
    internal int Count => _trapped.Count;

    /// <summary>Whom to tell of touches; null for nobody.</summary>
    internal void Observe(ITouchObserver? observer)
    {
        lock (_ring)
        {
            _observer = observer;
        }
    }

    /// <summary>Traps pages; those that are trapped already stay so.</summary>
    /// <param name="pfns">Populated pages.</param>
    /// <returns>The pages that cannot be trapped for now: shared with the hypervisor or with backends.</returns>
    internal List<int> Trap(IEnumerable<int> pfns)
    {
        List<int> refused = [];
        int[] results = new int[NominateBatch];
        foreach (int[] chunk in pfns.Where(pfn => !_trapped[pfn]).Chunk(NominateBatch))
        {
            // Pages are marked before the hypercall: one may be touched, served and unmarked before that returns.
            foreach (int pfn in chunk)
            {
                _trapped.TrySet(pfn);
            }

            _port.Run(XenPagingOperation.Nominate, chunk, [], results);
            for (int i = 0; i < chunk.Length; i++)
            {
                if (results[i] != 0)
                {
                    _trapped.TryClear(chunk[i]);
                    Refuse(chunk[i], results[i], refused);
                }
            }
        }

        return refused;
    }

    /// <summary>Takes pages for trapped whose state is not known, as after a killed process.</summary>
    internal void Adopt(PageBitmap pages) => _trapped.Or(pages);

    /// <summary>
    /// Removes every trap, without ever taking a page away: each is asked for as a backend would, and given back. The domain
    /// may run meanwhile. Then stops serving and switches paging off.
    /// </summary>
    /// <exception cref="MigrationException">The hypervisor does not let the traps go; the message names how many are left.</exception>
    internal void Remove()
    {
        if (_isClosed)
        {
            return;
        }

        lock (_ring)
        {
            _observer = null;
            ReleaseHeld();
        }

        Untrap();
        StopServing();
        _port.PauseDomain();
        try
        {
            Close(() => Drain());
        }
        finally
        {
            _port.UnpauseDomain();
        }
    }

    /// <summary>Stops serving and switches paging off with traps in place: the domain must never run again.</summary>
    internal void EndWithDomain()
    {
        if (!_isClosed)
        {
            StopServing();
            Close(() => Drain());
        }
    }

    /// <summary>Lets go of what is left where neither <see cref="Remove"/> nor <see cref="EndWithDomain"/> came to its end.</summary>
    public void Dispose()
    {
        StopServing();
        _port.Dispose();
    }

    private void Untrap()
    {
        List<int> waiting = [];
        int[] results = new int[_askBatch];
        using IEnumerator<int> pfns = _trapped.Pfns().GetEnumerator();
        bool isMore = true;
        long lastProgress = _time.GetTimestamp();
        while (true)
        {
            while (isMore && waiting.Count < _askBatch)
            {
                isMore = pfns.MoveNext();
                if (isMore)
                {
                    waiting.Add(pfns.Current);
                }
            }

            if (waiting.Count == 0)
            {
                return;
            }

            int[] asked = [.. waiting];
            _port.Run(XenPagingOperation.Ask, asked, [], results);
            waiting.Clear();
            for (int i = 0; i < asked.Length; i++)
            {
                if (results[i] == -XenErrno.Again)
                {
                    waiting.Add(asked[i]);
                }
                else
                {
                    Settle(asked[i], results[i]);
                }
            }

            lock (_ring)
            {
                Drain();
            }

            PrepareOrphans(waiting);
            if (waiting.Count < asked.Length)
            {
                lastProgress = _time.GetTimestamp();
            }
            else if (_time.GetElapsedTime(lastProgress) > _patience)
            {
                throw new MigrationException(
                    MigrationErrorId.HypervisorCall,
                    $"{_subject}: {_trapped.Count} pages stay trapped, among them {string.Join(", ", waiting)}: their requests do not come through the ring.",
                    "Leave the domain paused, and open it again: that mends it.",
                    _subject);
            }
        }
    }

    /// <summary>
    /// A page whose request went to a ring that is gone raises no other: it is given back without one. Pages that are
    /// still trapped, because the ring was full, refuse that and are asked for again.
    /// </summary>
    private void PrepareOrphans(List<int> waiting)
    {
        int[] results = new int[waiting.Count];
        int[] pfns = [.. waiting];
        _port.Run(XenPagingOperation.Prepare, pfns, [], results);
        for (int i = 0; i < pfns.Length; i++)
        {
            if (results[i] == 0)
            {
                _trapped.TryClear(pfns[i]);
                waiting.Remove(pfns[i]);
            }
        }
    }

    private void Settle(int pfn, int result)
    {
        // EINVAL means that no page is there any more, so there is nothing to give back.
        if (result is 0 or -XenErrno.Invalid)
        {
            _trapped.TryClear(pfn);
            return;
        }

        throw new XenException("XEN_DMOP_set_mem_type", -result, $"{_subject}, page {pfn}", "");
    }

    private void Refuse(int pfn, int result, List<int> refused)
    {
        if (result != -XenErrno.Busy)
        {
            throw new XenException("XENMEM_paging_op_nominate", -result, $"{_subject}, page {pfn}", "");
        }

        refused.Add(pfn);
    }

    private void Serve()
    {
        ThreadUrgency.GoFirst();
        while (!_isEnding)
        {
            try
            {
                _port.Wait(s_wait);
                lock (_ring)
                {
                    Drain();
                }
            }
#pragma warning disable CA1031 // The last resort of this thread: the owner is told at its next call.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _failure ??= exception; // mostly the ring itself is gone, with its domain: there is nothing left to serve
                return;
            }
        }
    }

    /// <summary>Takes and answers the requests there are. Call it under the lock, or when nobody else serves.</summary>
    private void Drain()
    {
        Span<XenPagingEvent> events = stackalloc XenPagingEvent[RingPlaces];
        int count;
        while ((count = _port.Take(events)) > 0)
        {
            Handle(events[..count]);
        }
    }

    private void Handle(Span<XenPagingEvent> events)
    {
        Span<int> touched = stackalloc int[RingPlaces];
        Span<int> foreign = stackalloc int[RingPlaces];
        int touchedCount = 0;
        int foreignCount = 0;
        foreach (ref readonly XenPagingEvent item in events)
        {
            int pfn = (int)item.Gfn;
            if (item.PagingFlags.HasFlag(XenPagingFlags.DropPage))
            {
                _trapped.TryClear(pfn);
                _observer?.OnDropped(pfn);
                continue;
            }

            if (item.PageState == XenPageState.Nominated)
            {
                touched[touchedCount++] = pfn;
            }

            if (!item.EventFlags.HasFlag(XenEventFlags.VcpuPaused))
            {
                foreign[foreignCount++] = pfn;
            }
        }

        if (!TellTouched(touched[..touchedCount]))
        {
            Hold(events);
            return;
        }

        foreach (int pfn in touched[..touchedCount])
        {
            _trapped.TryClear(pfn);
        }

        GiveBack(foreign[..foreignCount]);
        _port.Answer(events);
    }

    /// <summary>Gives touched pages back. For a backend's touch this is all that helps: an answer in the ring only wakes paused
    /// vCPUs.</summary>
    private void GiveBack(ReadOnlySpan<int> pfns)
    {
        if (!pfns.IsEmpty)
        {
            Span<int> results = stackalloc int[RingPlaces];
            _port.Run(XenPagingOperation.Prepare, pfns, [], results);
        }
    }

    private bool TellTouched(ReadOnlySpan<int> pfns)
    {
        if (pfns.IsEmpty || _observer is null)
        {
            return true;
        }

        try
        {
            _observer.OnTouched(pfns);
            return true;
        }
#pragma warning disable CA1031 // Whatever the observer's failure, this thread must go on serving; the recorder reports it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure ??= exception;
            return false;
        }
    }

    /// <summary>Keeps the touchers waiting until the traps are removed: what they touched is not backed up.</summary>
    private void Hold(ReadOnlySpan<XenPagingEvent> events) => _held.AddRange(events);

    private void ReleaseHeld()
    {
        foreach (XenPagingEvent[] events in _held.Chunk(RingPlaces))
        {
            GiveBack([.. events.Where(item => !item.EventFlags.HasFlag(XenEventFlags.VcpuPaused)).Select(item => (int)item.Gfn)]);
            foreach (XenPagingEvent item in events)
            {
                _trapped.TryClear((int)item.Gfn);
            }

            _port.Answer(events);
        }

        _held.Clear();
    }

    private void StopServing()
    {
        _isEnding = true;
        _port.Wake();
        _server.Join();
    }

    private void Close(Action drain)
    {
        long start = _time.GetTimestamp();
        do
        {
            drain();
            if (_port.TryDisable())
            {
                _isClosed = true;
                return;
            }
        }
        while (_time.GetElapsedTime(start) < _patience);

        throw new MigrationException(
            MigrationErrorId.HypervisorCall,
            $"{_subject}: paging cannot be switched off: vCPUs wait for room in the ring.",
            "Open the domain again: that mends it.",
            _subject);
    }
}
