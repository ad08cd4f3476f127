using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Ring;

namespace PreRecordMigration.Tests.Xen.Ring;

/// <summary>A paging interface that behaves as Xen's: vCPUs that touch a missing page stand still until answered.</summary>
internal sealed class FakePagingPort : IPagingPort
{
    private readonly object _gate = new();
    private readonly Queue<XenPagingEvent> _ring = new();
    private readonly Dictionary<uint, int> _waiting = [];
    private readonly HashSet<int> _pagedOut;
    private readonly Dictionary<int, int> _refusals = [];
    private readonly List<int> _prepared = [];
    private readonly int _pageCount;
    private bool _woken;

    internal FakePagingPort(int pageCount)
        : this(pageCount, [.. Enumerable.Range(0, pageCount)])
    {
    }

    private FakePagingPort(int pageCount, HashSet<int> pagedOut) => (_pageCount, _pagedOut) = (pageCount, pagedOut);

    internal ManualResetEventSlim Waiting { get; } = new();

    internal int BusyDisables { get; set; }

    internal bool IsDisabled { get; private set; }

    internal int Pauses { get; private set; }

    internal int Answered { get; private set; }

    internal List<int> Prepared
    {
        get
        {
            lock (_gate)
            {
                return [.. _prepared];
            }
        }
    }

    public void Wait(TimeSpan timeout)
    {
        lock (_gate)
        {
            Waiting.Set();
            if (_ring.Count == 0 && !_woken)
            {
                Monitor.Wait(_gate, timeout);
            }

            _woken = false;
        }
    }

    public void Wake()
    {
        lock (_gate)
        {
            _woken = true;
            Monitor.PulseAll(_gate);
        }
    }

    public int Take(Span<XenPagingEvent> events)
    {
        lock (_gate)
        {
            int count = 0;
            while (count < events.Length && _ring.TryDequeue(out XenPagingEvent request))
            {
                events[count++] = request;
            }

            return count;
        }
    }

    public void Answer(ReadOnlySpan<XenPagingEvent> events)
    {
        lock (_gate)
        {
            foreach (XenPagingEvent answer in events)
            {
                Answered++;
                if (answer.EventFlags.HasFlag(XenEventFlags.VcpuPaused))
                {
                    _waiting[answer.Vcpu]--;
                }
            }

            Monitor.PulseAll(_gate);
        }
    }

    public void Run(XenPagingOperation operation, ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages, Span<int> results)
    {
        Assert.Equal(XenPagingOperation.Prepare, operation);
        lock (_gate)
        {
            for (int i = 0; i < pfns.Length; i++)
            {
                results[i] = _refusals.TryGetValue(pfns[i], out int refusal) ? -refusal
                    : _pagedOut.Remove(pfns[i]) ? 0
                    : -XenErrno.NoEntry;
                if (results[i] == 0)
                {
                    _prepared.Add(pfns[i]);
                }
            }
        }
    }

    public long CountPagedOut()
    {
        lock (_gate)
        {
            return _pagedOut.Count;
        }
    }

    public void PauseDomain() => Pauses++;

    public void UnpauseDomain() => Pauses--;

    public bool TryDisable()
    {
        Assert.Equal(1, Pauses);
        return IsDisabled = --BusyDisables < 0;
    }

    public void Dispose() => Waiting.Dispose();

    /// <summary>The same domain's interface, with a ring of its own.</summary>
    internal FakePagingPort OfNextTool() => new(_pageCount, _pagedOut);

    internal RingRemotePaging Open()
    {
        PageBitmap missing = new(_pageCount);
        missing.SetAll();
        return new RingRemotePaging(this, missing, "domain", _ => { });
    }

    internal void Touch(int vcpu, int pfn) => Request(new XenPagingEvent
    {
        Gfn = (ulong)pfn,
        Vcpu = (uint)vcpu,
        EventFlags = XenEventFlags.VcpuPaused,
        PageState = XenPageState.PagedOut,
    });

    internal void Request(XenPagingEvent request)
    {
        lock (_gate)
        {
            if (request.EventFlags.HasFlag(XenEventFlags.VcpuPaused))
            {
                _waiting[request.Vcpu] = _waiting.GetValueOrDefault(request.Vcpu) + 1;
            }

            _ring.Enqueue(request);
            Monitor.PulseAll(_gate);
        }
    }

    internal void Drop(int pfn)
    {
        lock (_gate)
        {
            _pagedOut.Remove(pfn);
            _ring.Enqueue(new XenPagingEvent { Gfn = (ulong)pfn, PagingFlags = XenPagingFlags.DropPage });
        }
    }

    internal void Refuse(int pfn, int errno) => _refusals[pfn] = errno;

    internal bool IsWaiting(int vcpu)
    {
        lock (_gate)
        {
            return _waiting.GetValueOrDefault((uint)vcpu) > 0;
        }
    }

    /// <summary>Has a vCPU touch a page and stand still while the page is missing.</summary>
    internal void Run(int vcpu, int pfn)
    {
        lock (_gate)
        {
            if (!_pagedOut.Contains(pfn))
            {
                return;
            }
        }

        // Between the look and the request the page may be placed: the request then comes late, as on a real machine.
        Touch(vcpu, pfn);
        lock (_gate)
        {
            while (_waiting[(uint)vcpu] > 0)
            {
                Monitor.Wait(_gate);
            }
        }
    }
}
