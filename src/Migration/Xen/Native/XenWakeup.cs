using System.Runtime.InteropServices;

namespace PreRecordMigration.Xen.Native;

/// <summary>Why a wait ended; 0 when its time was over.</summary>
[Flags]
internal enum XenWaitResult : uint
{
    Timeout = 0,
    Event = 1,
    Wakeup = 2,
}

/// <summary>An eventfd with which any thread ends another's wait on a ring or on XenStore.</summary>
internal sealed partial class XenWakeup : IDisposable
{
    private readonly WakeupHandle _handle;

    internal XenWakeup()
    {
        XenLibrary.Require();
        XenLibrary.Check(Open(out int descriptor), "Wake-up");
        _handle = new WakeupHandle(descriptor);
    }

    /// <summary>The file descriptor to poll.</summary>
    internal int Descriptor => _handle.Descriptor;

    /// <summary>Ends the wait that runs, or the next one. Nothing happens after disposal.</summary>
    internal void Signal()
    {
        bool added = false;
        try
        {
            _handle.DangerousAddRef(ref added);
            XenLibrary.Check(SignalCore(_handle.Descriptor), "Wake-up");
        }
        catch (ObjectDisposedException)
        {
            // The waiter is gone, so nobody needs to be woken.
        }
        finally
        {
            if (added)
            {
                _handle.DangerousRelease();
            }
        }
    }

    /// <summary>Forgets earlier signals.</summary>
    internal void Clear() => XenLibrary.Check(ClearCore(_handle.Descriptor), "Wake-up");

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    /// <summary>A time for poll: −1 waits without end.</summary>
    internal static int Milliseconds(TimeSpan timeout) =>
        timeout == Timeout.InfiniteTimeSpan ? -1 : (int)Math.Clamp(Math.Ceiling(timeout.TotalMilliseconds), 0, int.MaxValue);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_wakeup_open")]
    private static partial int Open(out int descriptor);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_wakeup_signal")]
    private static partial int SignalCore(int descriptor);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_wakeup_clear")]
    private static partial int ClearCore(int descriptor);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_wakeup_close")]
    private static partial int CloseCore(int descriptor);

    private sealed class WakeupHandle : SafeHandle
    {
        internal WakeupHandle(int descriptor)
            : base(-1, ownsHandle: true) => SetHandle(descriptor);

        public override bool IsInvalid => handle == -1;

        internal int Descriptor => (int)handle;

        protected override bool ReleaseHandle() => CloseCore((int)handle) == 0;
    }
}
