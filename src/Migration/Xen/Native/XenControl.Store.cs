using System.Runtime.InteropServices;
using System.Text;

namespace PreRecordMigration.Xen.Native;

internal sealed partial class XenControl
{
    /// <inheritdoc/>
    public string? ReadStore(string path)
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

    /// <inheritdoc/>
    public void WriteStore(string path, string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        XenLibrary.Check(StoreWrite(_handle, path, bytes, (uint)bytes.Length), path);
    }

    /// <inheritdoc/>
    public void RemoveStore(string path)
    {
        int result = StoreRemove(_handle, path);
        if (result != -XenErrno.NoEntry)
        {
            XenLibrary.Check(result, path);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> ListStore(string path)
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

    /// <inheritdoc/>
    public bool TrySwapStore(string path, string? expected, string? value)
    {
        byte[]? held = expected is null ? null : Encoding.UTF8.GetBytes(expected);
        byte[]? wanted = value is null ? null : Encoding.UTF8.GetBytes(value);
        XenLibrary.Check(
            StoreSwap(_handle, path, held, (uint)(held?.Length ?? 0), wanted, (uint)(wanted?.Length ?? 0), out uint swapped), path);
        return swapped != 0;
    }

    /// <inheritdoc/>
    public IStoreWatch WatchStore(params IReadOnlyList<string> paths) => new StoreWatch(this, paths);

    /// <inheritdoc/>
    public void ResumeStore(int domid) => Check(StoreResumeDomain(_handle, (uint)domid), domid);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_read", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreRead(
        XenControlHandle handle, string path, [Out] byte[] buffer, uint size, out uint needed);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_write", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreWrite(XenControlHandle handle, string path, byte[] value, uint size);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_swap", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreSwap(
        XenControlHandle handle, string path, byte[]? expected, uint expectedSize, byte[]? value, uint size, out uint swapped);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_remove", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreRemove(XenControlHandle handle, string path);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_list", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreList(
        XenControlHandle handle, string path, [Out] byte[] buffer, uint size, out uint needed);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_resume_domain")]
    private static partial int StoreResumeDomain(XenControlHandle handle, uint domid);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_watch", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreWatchCore(XenControlHandle handle, string path, string token);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_unwatch", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StoreUnwatch(XenControlHandle handle, string path, string token);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xs_wait_watch")]
    private static partial int StoreWaitWatch(
        XenControlHandle handle, int wakeup, int timeoutMilliseconds, out XenWaitResult result);

    private sealed class StoreWatch : IStoreWatch
    {
        private const string Token = "prerecord";
        private readonly XenControl _control;
        private readonly List<string> _watched = [];
        private readonly XenWakeup _wakeup = new();

        internal StoreWatch(XenControl control, IReadOnlyList<string> paths)
        {
            _control = control;
            try
            {
                foreach (string path in paths)
                {
                    XenLibrary.Check(StoreWatchCore(control._handle, path, Token), path);
                    _watched.Add(path);
                }
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public bool Wait(TimeSpan timeout)
        {
            XenLibrary.Check(
                StoreWaitWatch(_control._handle, _wakeup.Descriptor, XenWakeup.Milliseconds(timeout), out XenWaitResult result),
                string.Join(", ", _watched));
            return result.HasFlag(XenWaitResult.Event);
        }

        public void Wake() => _wakeup.Signal();

        public void Dispose()
        {
            try
            {
                while (_watched.Count > 0)
                {
                    string path = _watched[^1];
                    _watched.RemoveAt(_watched.Count - 1);
                    XenLibrary.Check(StoreUnwatch(_control._handle, path, Token), path);
                }
            }
            finally
            {
                if (_watched.Count > 0)
                {
                    Dispose();
                }
                else
                {
                    _wakeup.Dispose();
                }
            }
        }
    }
}
