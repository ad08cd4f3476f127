using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Ring;

namespace PreRecordMigration.Tests.Xen.Ring;

/// <summary>A domain's paging interface in memory: page states, a ring of 8 places, vCPUs that wait for answers.</summary>
internal sealed class FakeTrapPort(int pageCount) : IPagingPort
{
    private const int RingPlaces = 8;
    private readonly Lock _gate = new();
    private readonly State[] _pages = new State[pageCount];
    private readonly Queue<XenPagingEvent> _requests = new();
    private readonly SemaphoreSlim _signal = new(0);
    private readonly Dictionary<uint, TaskCompletionSource> _waiting = [];
    private int _unanswered;

    private enum State
    {
        Free,
        Trapped,
        Asked,
    }

    public HashSet<int> Busy { get; } = [];

    public int PauseCount { get; private set; }

    public bool IsDisabled { get; private set; }

    public bool IsDisposed { get; private set; }

    public int DisableRefusals { get; set; }

    public int PreparedPages { get; private set; }

    public int Trapped => Count(State.Trapped) + Count(State.Asked);

    /// <summary>Has the guest touch a page; the task ends when the vCPU runs on.</summary>
    public Task Touch(uint vcpu, int pfn)
    {
        lock (_gate)
        {
            if (_pages[pfn] == State.Free)
            {
                return Task.CompletedTask;
            }

            TaskCompletionSource waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting[vcpu] = waiting;
            Request(pfn, vcpu, XenEventFlags.VcpuPaused);
            return waiting.Task;
        }
    }

    /// <summary>Has the guest give a page back to the hypervisor.</summary>
    public void Drop(int pfn)
    {
        lock (_gate)
        {
            _pages[pfn] = State.Free;
            Add(new XenPagingEvent { Gfn = (ulong)pfn, PagingFlags = XenPagingFlags.DropPage | XenPagingFlags.EvictFail });
        }
    }

    public void Wait(TimeSpan timeout) => _signal.Wait(timeout);

    public void Wake() => _signal.Release();

    public int Take(Span<XenPagingEvent> events)
    {
        lock (_gate)
        {
            int count = 0;
            while (count < events.Length && _requests.TryDequeue(out XenPagingEvent item))
            {
                events[count++] = item;
            }

            return count;
        }
    }

    public void Answer(ReadOnlySpan<XenPagingEvent> events)
    {
        lock (_gate)
        {
            foreach (XenPagingEvent item in events)
            {
                _unanswered = Math.Max(0, _unanswered - 1);
                bool isPaused = item.EventFlags.HasFlag(XenEventFlags.VcpuPaused) && _waiting.ContainsKey(item.Vcpu);
                if (isPaused)
                {
                    if (!item.PagingFlags.HasFlag(XenPagingFlags.DropPage) && _pages[item.Gfn] == State.Asked)
                    {
                        _pages[item.Gfn] = State.Free;
                    }

                    _waiting.Remove(item.Vcpu, out TaskCompletionSource? waiting);
                    waiting!.SetResult();
                }
            }
        }
    }

    public void Run(XenPagingOperation operation, ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages, Span<int> results)
    {
        Assert.True(pages.IsEmpty);
        lock (_gate)
        {
            for (int i = 0; i < pfns.Length; i++)
            {
                results[i] = operation switch
                {
                    XenPagingOperation.Nominate => Nominate(pfns[i]),
                    XenPagingOperation.Prepare => Prepare(pfns[i]),
                    XenPagingOperation.Ask => Ask(pfns[i]),
                    _ => -XenErrno.NoSystemCall,
                };
            }
        }
    }

    public long CountPagedOut() => 0;

    public void PauseDomain() => PauseCount++;

    public void UnpauseDomain() => PauseCount--;

    public bool TryDisable()
    {
        if (DisableRefusals-- > 0)
        {
            return false;
        }

        return IsDisabled = true;
    }

    public void Dispose() => IsDisposed = true;

    private int Nominate(int pfn)
    {
        if (Busy.Contains(pfn) || _pages[pfn] != State.Free)
        {
            return -XenErrno.Busy;
        }

        _pages[pfn] = State.Trapped;
        return 0;
    }

    private int Prepare(int pfn)
    {
        if (_pages[pfn] != State.Asked)
        {
            return -XenErrno.NoEntry;
        }

        PreparedPages++;
        _pages[pfn] = State.Free;
        return 0;
    }

    private int Ask(int pfn)
    {
        if (_pages[pfn] == State.Free)
        {
            return 0;
        }

        if (_pages[pfn] == State.Trapped && _unanswered < RingPlaces)
        {
            Request(pfn, 0, XenEventFlags.Foreign);
        }

        return -XenErrno.Again;
    }

    private void Request(int pfn, uint vcpu, XenEventFlags flags)
    {
        bool isFirst = _pages[pfn] == State.Trapped;
        _pages[pfn] = State.Asked;
        Add(new XenPagingEvent
        {
            Gfn = (ulong)pfn,
            Vcpu = vcpu,
            EventFlags = flags,
            PageState = isFirst ? XenPageState.Nominated : XenPageState.PagingIn,
        });
    }

    private void Add(XenPagingEvent item)
    {
        _unanswered++;
        _requests.Enqueue(item);
        _signal.Release();
    }

    private int Count(State state)
    {
        lock (_gate)
        {
            return _pages.Count(page => page == state);
        }
    }
}
