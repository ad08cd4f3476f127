using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace PreRecordMigration.Xen.Native;

/// <summary>A domain as the hypervisor sees it. Memory is counted in pages.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XenDomainInfo
{
    internal uint DomId;
    internal XenDomainFlags Flags;
    internal uint ShutdownReason;
    internal uint OnlineVcpus;
    internal uint MaxVcpuId;
    internal uint AddressBits;
    internal ulong TotalPages;
    internal ulong MaxPages;
    internal ulong OutstandingPages;
    internal ulong SharedPages;
    internal ulong PagedPages;
    internal ulong CpuTimeNanoseconds;
    internal XenUuid Uuid;

    /// <summary>Whether the guest suspended itself on request.</summary>
    internal readonly bool IsSuspended => Flags.HasFlag(XenDomainFlags.Shutdown) && ShutdownReason == ReasonSuspend;

    /// <summary>SHUTDOWN_suspend.</summary>
    internal const uint ReasonSuspend = 2;
}

/// <summary>A domain's UUID, as Xen keeps it.</summary>
[InlineArray(16)]
internal struct XenUuid
{
    private byte _first;
}

/// <summary>XEN_DOMINF_*.</summary>
[Flags]
internal enum XenDomainFlags : uint
{
    Dying = 1 << 0,
    Hvm = 1 << 1,
    Shutdown = 1 << 2,
    Paused = 1 << 3,
    Blocked = 1 << 4,
    Running = 1 << 5,
    Debugged = 1 << 6,
    XenStore = 1 << 7,
    Hap = 1 << 8,
}

internal sealed partial class XenControl
{
    private const int ListBatch = 64;

    /// <inheritdoc/>
    public IReadOnlyList<XenDomainInfo> ListDomains()
    {
        List<XenDomainInfo> found = [];
        XenDomainInfo[] batch = new XenDomainInfo[ListBatch];
        uint first = 0;
        while (true)
        {
            XenLibrary.Check(DomainList(_handle, first, batch, (uint)batch.Length, out uint count), Host);
            found.AddRange(batch.AsSpan(0, (int)count));
            if (count < batch.Length)
            {
                return found;
            }

            first = batch[count - 1].DomId + 1;
        }
    }

    /// <inheritdoc/>
    public XenDomainInfo GetDomain(int domid)
    {
        Check(DomainGet(_handle, (uint)domid, out XenDomainInfo info), domid);
        return info;
    }

    /// <inheritdoc/>
    public void Pause(int domid) => Check(DomainPause(_handle, (uint)domid), domid);

    /// <inheritdoc/>
    public void Unpause(int domid) => Check(DomainUnpause(_handle, (uint)domid), domid);

    /// <inheritdoc/>
    public void Resume(int domid) => Check(DomainResume(_handle, (uint)domid, 1), domid);

    /// <inheritdoc/>
    public void SetMaximumMemory(int domid, long kibibytes) =>
        Check(DomainSetMaxMemory(_handle, (uint)domid, (ulong)kibibytes), domid);

    /// <inheritdoc/>
    public void Destroy(int domid) => Check(DomainDestroy(_handle, (uint)domid), domid);

    /// <inheritdoc/>
    public void Rename(int domid, string name) => Check(DomainRename(_handle, (uint)domid, name), domid);

    /// <inheritdoc/>
    public string GetConfigurationJson(int domid)
    {
        byte[] buffer = new byte[64 * 1024];
        while (true)
        {
            Check(DomainConfigJson(_handle, (uint)domid, buffer, (ulong)buffer.Length, out ulong needed), domid);
            if (needed <= (ulong)buffer.Length)
            {
                return Encoding.UTF8.GetString(buffer, 0, (int)needed);
            }

            buffer = new byte[needed];
        }
    }

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_domain_list")]
    private static partial int DomainList(
        XenControlHandle handle, uint first, [Out] XenDomainInfo[] domains, uint capacity, out uint count);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_domain_get")]
    private static partial int DomainGet(XenControlHandle handle, uint domid, out XenDomainInfo info);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_domain_pause")]
    private static partial int DomainPause(XenControlHandle handle, uint domid);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_domain_unpause")]
    private static partial int DomainUnpause(XenControlHandle handle, uint domid);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_domain_resume")]
    private static partial int DomainResume(XenControlHandle handle, uint domid, uint fast);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_domain_set_max_memory")]
    private static partial int DomainSetMaxMemory(XenControlHandle handle, uint domid, ulong kibibytes);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_domain_destroy")]
    private static partial int DomainDestroy(XenControlHandle handle, uint domid);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_domain_rename", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int DomainRename(XenControlHandle handle, uint domid, string name);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_domain_config_json")]
    private static partial int DomainConfigJson(
        XenControlHandle handle, uint domid, [Out] byte[] buffer, ulong size, out ulong needed);
}
