using System.Runtime.InteropServices;
using System.Text;

namespace PreRecordMigration.Xen.Native;

internal sealed partial class XenControl
{
    /// <summary>Reads a node of XenStore as text; null where there is none.</summary>
    internal string? ReadStore(string path)
    {
        byte[] buffer = new byte[4096];
        while (true)
        {
            int result = StoreRead(_handle, path, buffer, (uint)buffer.Length, out uint needed);
            if (result == -XenErrno.NoEntry)
            {
                return null;
            }

            XenLibrary.Check(result, path);
            if (needed <= buffer.Length)
            {
                return Encoding.UTF8.GetString(buffer, 0, (int)needed);
            }

            buffer = new byte[needed];
        }
    }

    /// <summary>Writes a node of XenStore, made where it is not there.</summary>
    internal void WriteStore(string path, string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        XenLibrary.Check(StoreWrite(_handle, path, bytes, (uint)bytes.Length), path);
    }

    /// <summary>Removes a node of XenStore and what is below it; nothing happens where it is not there.</summary>
    internal void RemoveStore(string path)
    {
        int result = StoreRemove(_handle, path);
        if (result != -XenErrno.NoEntry)
        {
            XenLibrary.Check(result, path);
        }
    }

    /// <summary>The names of a node's children; empty where the node is not there.</summary>
    internal string[] ListStore(string path)
    {
        byte[] buffer = new byte[4096];
        while (true)
        {
            int result = StoreList(_handle, path, buffer, (uint)buffer.Length, out uint needed);
            if (result == -XenErrno.NoEntry)
            {
                return [];
            }

            XenLibrary.Check(result, path);
            if (needed <= buffer.Length)
            {
                return Encoding.UTF8.GetString(buffer, 0, (int)needed).Split('\0', StringSplitOptions.RemoveEmptyEntries);
            }

            buffer = new byte[needed];
        }
    }

    /// <summary>Tells XenStore that a suspended domain runs on here.</summary>
    internal void ResumeStore(int domid) => Check(StoreResumeDomain(_handle, (uint)domid), domid);

    /// <summary>Has changes of a node wake <see cref="WaitStore"/>.</summary>
    internal void WatchStore(string path, string token) => XenLibrary.Check(StoreWatch(_handle, path, token), path);

    /// <summary>Ends that.</summary>
    internal void UnwatchStore(string path, string token) => XenLibrary.Check(StoreUnwatch(_handle, path, token), path);

    /// <summary>Waits until a watched node changes, the wake-up is signalled or the time is over.</summary>
    internal XenWaitResult WaitStore(XenWakeup? wakeup, TimeSpan timeout)
    {
        XenLibrary.Check(
            StoreWaitWatch(_handle, wakeup?.Descriptor ?? -1, XenWakeup.Milliseconds(timeout), out XenWaitResult result), "XenStore");
        return result;
    }

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_read", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreRead(
        XenControlHandle handle, string path, [Out] byte[] buffer, uint size, out uint needed);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_write", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreWrite(XenControlHandle handle, string path, byte[] value, uint size);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_remove", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreRemove(XenControlHandle handle, string path);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_list", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreList(
        XenControlHandle handle, string path, [Out] byte[] buffer, uint size, out uint needed);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_resume_domain")]
    private static partial int StoreResumeDomain(XenControlHandle handle, uint domid);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_watch", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreWatch(XenControlHandle handle, string path, string token);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_unwatch", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreUnwatch(XenControlHandle handle, string path, string token);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_wait_watch")]
    private static partial int StoreWaitWatch(
        XenControlHandle handle, int wakeup, int timeoutMilliseconds, out XenWaitResult result);
}
