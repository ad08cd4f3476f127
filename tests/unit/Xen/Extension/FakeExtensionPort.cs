using System.Runtime.InteropServices;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Extension;

/// <summary>
/// The hypervisor's extension in memory, for a guest whose pages are bytes: it refuses what the real one refuses, keeps a
/// reserve, pauses the guest when only that is left, and lets nobody touch a missing page.
/// </summary>
internal sealed partial class FakeExtensionPort(int pageCount) : IExtensionPort
{
    internal const int Reserve = 4;
    private readonly Lock _gate = new();
    private readonly byte[] _memory = new byte[pageCount];
    private readonly List<(int Pfn, byte Content)> _store = [];
    private readonly HashSet<int> _backed = [];
    private readonly HashSet<int> _read = [];
    private readonly HashSet<int> _written = [];
    private readonly HashSet<int> _touched = [];
    private readonly SortedDictionary<int, bool> _harvest = [];
    private readonly HashSet<int> _missing = [];
    private readonly HashSet<int> _inUse = [];
    private readonly SemaphoreSlim _event = new(0);
    private readonly uint[] _records = new uint[4 * pageCount];
    private readonly List<int> _uses = [];
    private bool _isOwned;
    private int _half;
    private int _count;
    private int _slots;
    private int _limit;
    private uint _epoch;
    private XenExtensionFlags _flags;

    internal enum Phase
    {
        Empty,
        Ready,
        Started,
        Stopped,
    }

    internal Phase State { get; private set; }

    internal int[] FixedPages { get; set; } = [];

    /// <summary>Whether the extension refuses the domain.</summary>
    internal bool RefusesDomain { get; init; }

    /// <summary>Whether it is one that does not record who asks and what is used.</summary>
    internal bool IsOld { get; init; }

    /// <summary>The vCPU that touches pages.</summary>
    internal int Vcpu { get; set; }

    /// <summary>Whether letting go fails.</summary>
    internal bool RefusesRelease { get; set; }

    internal bool IsDisposed { get; private set; }

    internal bool IsMapped { get; private set; }

    internal List<int> Sizes { get; } = [];

    internal byte this[int pfn] => _memory[pfn];

    internal bool IsFull => Query().Flags.HasFlag(XenExtensionFlags.Full);

    public void Prepare(int pages, int limit) => Locked([Phase.Empty], () =>
    {
        Assert.InRange(limit, 0, pages);
        Assert.Equal(pageCount, pages);
        _isOwned = true;
        (State, _limit, _slots, _count, _half, _epoch, _flags) = (Phase.Ready, limit, 0, 0, 0, 0, 0);
        _store.Clear();
        _backed.Clear();
        NextEpochStates();
        _missing.Clear();
    });

    public long Adopt()
    {
        lock (_gate)
        {
            if (State == Phase.Empty || _isOwned)
            {
                throw Refuse("prerecord adopt", _isOwned ? XenErrno.Busy : XenErrno.NotThere);
            }

            _isOwned = true;
            return pageCount;
        }
    }

    public void Grow(int slots) => Locked([Phase.Ready, Phase.Started], () =>
    {
        if (slots < _slots || slots > _limit)
        {
            throw Refuse("prerecord grow", XenErrno.Invalid);
        }

        _slots = slots;
        Sizes.Add(slots);
        if (_slots - _store.Count > Reserve)
        {
            _flags &= ~XenExtensionFlags.Full;
        }
    });

    public void Start(XenExtensionFlags flags) => Locked([Phase.Ready], () =>
    {
        if (flags.HasFlag(XenExtensionFlags.Backups) && _slots < 2 * Reserve)
        {
            throw Refuse("prerecord start", XenErrno.NoSpace);
        }

        State = Phase.Started;
        _flags = flags | XenExtensionFlags.Running;
        foreach (int pfn in FixedPages)
        {
            BackUp(pfn);
        }
    });

    public (long First, long Count) BeginEpoch()
    {
        (long, long) ended = default;
        Locked([Phase.Started], () =>
        {
            foreach ((int pfn, bool write) in _harvest)
            {
                Note(pfn, write);
            }

            _harvest.Clear();
            ended = (_half * 2 * pageCount, _count);
            _half ^= 1;
            _count = 0;
            _epoch++;
            NextEpochStates();
        });
        return ended;
    }

    public XenExtensionState Query()
    {
        XenExtensionState state = default;
        Locked([Phase.Ready, Phase.Started, Phase.Stopped], () => state = new XenExtensionState
        {
            First = (ulong)(_half * 2 * pageCount),
            Count = (ulong)_count,
            Used = (ulong)_store.Count,
            Slots = (ulong)_slots,
            Missing = (ulong)_missing.Count,
            Uses = (ulong)_uses.Count,
            Flags = _flags,
            Epoch = _epoch,
        });
        return state;
    }

    public void Stop() => Locked([Phase.Started], () =>
    {
        if (_missing.Count > 0)
        {
            throw Refuse("prerecord stop", XenErrno.Busy);
        }

        State = Phase.Stopped;
        _flags &= XenExtensionFlags.Lost | XenExtensionFlags.Uses;
    });

    public void Release() => Locked([Phase.Ready, Phase.Stopped], () =>
    {
        if (RefusesRelease)
        {
            throw Refuse("prerecord release", XenErrno.Busy);
        }

        State = Phase.Empty;
        IsMapped = false;
    });

    public void DeclareMissing(PageBitmap missing) => Locked([Phase.Ready], () => _missing.UnionWith(missing.Pfns()));

    public void Serve() => Locked([Phase.Ready], () =>
    {
        State = Phase.Started;
        _flags = XenExtensionFlags.Accesses | XenExtensionFlags.Serving | (IsOld ? 0 : XenExtensionFlags.Uses);
    });

    public int Resolve(ReadOnlySpan<ulong> frames, ReadOnlySpan<byte> pages)
    {
        for (int i = 0; i < frames.Length; i++)
        {
            // A frame's number is its page's plus a thousand, so that one is not taken for the other.
            int pfn = (int)frames[i] - 1000;
            lock (_gate)
            {
                if (_inUse.Contains(pfn))
                {
                    return i;
                }

                if (_missing.Remove(pfn))
                {
                    _memory[pfn] = pages[i * Page.Size];
                }
            }
        }

        return frames.Length;
    }

    public void ReadRecords(long first, Span<uint> records)
    {
        lock (_gate)
        {
            IsMapped = true;
            _records.AsSpan((int)first, records.Length).CopyTo(records);
        }
    }

    public void ReadVcpus(long first, Span<int> vcpus) => MemoryMarshal.Cast<uint, int>(_records.AsSpan(pageCount + (int)first, vcpus.Length)).CopyTo(vcpus);

    public void ReadUses(long first, Span<uint> pfns)
    {
        for (int i = 0; i < pfns.Length; i++)
        {
            pfns[i] = (uint)_uses[(int)first + i];
        }
    }

    public int ReadSlot(int slot, Span<byte> content)
    {
        lock (_gate)
        {
            IsMapped = true;
            content.Fill(_store[slot].Content);
            return _store[slot].Pfn;
        }
    }

    public void Wait(TimeSpan timeout) => _event.Wait(timeout);

    public void Wake() => _event.Release();

    public void Unmap() => IsMapped = false;

    public void Dispose()
    {
        IsDisposed = true;
        IsMapped = false;
        _isOwned = false;
    }

    /// <summary>The same domain's extension, as the next tool opens it.</summary>
    internal FakeExtensionPort OfNextTool()
    {
        IsDisposed = false;
        return this;
    }

    private static XenException Refuse(string call, int errno) => new(call, errno, "Domain 1", "");

    private void Locked(Phase[] phases, Action action)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            if (RefusesDomain)
            {
                throw Refuse("prerecord operation", XenErrno.NotSupported);
            }

            if (!phases.Contains(State))
            {
                throw Refuse("prerecord operation", State == Phase.Empty ? XenErrno.NotThere : XenErrno.Busy);
            }

            action();
        }
    }
}
