using System.Runtime.InteropServices;

namespace PreRecordMigration.Xen.Native;

/// <summary>A request of the paging ring; sent back, it is the answer.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XenPagingEvent
{
    internal ulong Gfn;
    internal uint Vcpu;
    internal XenEventFlags EventFlags;
    internal XenPageState PageState;
    internal XenPagingFlags PagingFlags;
}

/// <summary>VM_EVENT_FLAG_*.</summary>
[Flags]
internal enum XenEventFlags : uint
{
    /// <summary>The vCPU waits for the answer.</summary>
    VcpuPaused = 1,

    /// <summary>A backend touched the page, not the guest.</summary>
    Foreign = 2,
}

/// <summary>The p2m type of a page when it was touched.</summary>
internal enum XenPageState : uint
{
    /// <summary>Nominated: its content is in place.</summary>
    Nominated = 9,

    /// <summary>Taken away.</summary>
    PagedOut = 10,

    /// <summary>Asked for before: a duplicate, to be answered too.</summary>
    PagingIn = 11,
}

/// <summary>MEM_PAGING_*.</summary>
[Flags]
internal enum XenPagingFlags : uint
{
    /// <summary>In a request: the guest gave the page up. In an answer: only wake the vCPU.</summary>
    DropPage = 1,

    /// <summary>The page was still in place.</summary>
    EvictFail = 2,
}

/// <summary>The paging ring of a domain. Belongs to one thread at a time.</summary>
internal sealed partial class XenPagingRing : IDisposable
{
    private readonly int _domid;
    private readonly RingHandle _handle;

    /// <summary>Switches paging on for the domain and takes its ring; a hypervisor that gives rings over lets it have that of a process which
    /// has ended, with nobody's request in it.</summary>
    /// <exception cref="XenException">EBUSY: a ring is active, and its process lives or the hypervisor gives none over; EOPNOTSUPP, ENODEV, EMLINK, EXDEV: see the remedy.</exception>
    internal XenPagingRing(XenControl control, int domid)
    {
        _domid = domid;
        XenLibrary.Check(Open(control.Handle, (uint)domid, out _handle), $"Domain {domid}");
    }

    /// <summary>Waits for requests.</summary>
    /// <param name="wakeup">Ends the wait early.</param>
    /// <param name="timeout">How long to wait at most.</param>
    internal XenWaitResult Wait(XenWakeup? wakeup, TimeSpan timeout)
    {
        XenLibrary.Check(
            WaitCore(_handle, wakeup?.Descriptor ?? -1, XenWakeup.Milliseconds(timeout), out XenWaitResult result),
            $"Domain {_domid}");
        return result;
    }

    /// <summary>Takes the requests that are there.</summary>
    /// <returns>How many were written.</returns>
    internal int Take(Span<XenPagingEvent> events)
    {
        XenLibrary.Check(TakeCore(_handle, events, (uint)events.Length, out uint count), $"Domain {_domid}");
        return (int)count;
    }

    /// <summary>Answers requests and wakes the vCPUs that waited.</summary>
    internal void Answer(ReadOnlySpan<XenPagingEvent> events) =>
        XenLibrary.Check(AnswerCore(_handle, events, (uint)events.Length), $"Domain {_domid}");

    /// <summary>Switches paging off and lets the ring go.</summary>
    /// <returns>False if vCPUs wait for room in the ring: take and answer requests, then call again.</returns>
    internal bool TryClose()
    {
        int result = Close(_handle, 1);
        if (result == -XenErrno.Busy)
        {
            return false;
        }

        _handle.SetHandleAsInvalid();
        XenLibrary.Check(result, $"Domain {_domid}");
        return true;
    }

    /// <summary>Lets the ring go as it stands: paging stays on and requests stay unanswered. <see cref="TryClose"/> is the
    /// orderly end.</summary>
    public void Dispose() => _handle.Dispose();

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_ring_open")]
    private static partial int Open(XenControlHandle control, uint domid, out RingHandle ring);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_ring_wait")]
    private static partial int WaitCore(RingHandle ring, int wakeup, int timeoutMilliseconds, out XenWaitResult result);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_ring_take")]
    private static partial int TakeCore(RingHandle ring, Span<XenPagingEvent> events, uint capacity, out uint count);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_ring_answer")]
    private static partial int AnswerCore(RingHandle ring, ReadOnlySpan<XenPagingEvent> events, uint count);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_ring_close")]
    private static partial int Close(RingHandle ring, uint disable);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_ring_close")]
    private static partial int Abandon(nint ring, uint disable);

    /// <summary>Switches paging off for a domain whose ring nobody here owns.</summary>
    internal static bool TryDisable(XenControl control, int domid)
    {
        int result = Disable(control.Handle, (uint)domid);
        if (result == -XenErrno.Busy)
        {
            return false;
        }

        XenLibrary.Check(result, $"Domain {domid}");
        return true;
    }

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_paging_disable")]
    private static partial int Disable(XenControlHandle control, uint domid);

    private sealed class RingHandle : NativeHandle
    {
        protected override bool ReleaseHandle() => Abandon(handle, 0) == 0;
    }
}
