using System.Runtime.InteropServices;
using System.Text;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Xen.Native;

/// <summary>What a host says of itself. Memory is counted in pages.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XenHostInfo
{
    internal uint Major;
    internal uint Minor;
    internal uint Cpus;
    internal uint MaxCpuId;
    internal XenHostCapabilities Capabilities;
    internal uint CpuKhz;
    internal ulong TotalPages;
    internal ulong FreePages;
    internal ulong ScrubPages;
    internal ulong OutstandingPages;
}

/// <summary>XEN_SYSCTL_PHYSCAP_*.</summary>
[Flags]
internal enum XenHostCapabilities : uint
{
    Hvm = 1,
    PV = 2,
    DirectIO = 4,
    Hap = 8,
    Shadow = 16,
}

/// <summary>The texts of the hypervisor.</summary>
internal enum XenText : uint
{
    ExtraVersion = 0,
    Capabilities = 1,
    Changeset = 2,
    CommandLine = 3,
    CompiledBy = 4,
    CompileDomain = 5,
    CompileDate = 6,
}

/// <summary>What the hypervisor says to the extension's hypercall.</summary>
internal enum XenExtensionAnswer : uint
{
    /// <summary>It does not know the call.</summary>
    None = 0,

    /// <summary>It has the extension in another version.</summary>
    OtherVersion = 1,

    /// <summary>It has the extension that this module knows.</summary>
    Present = 2,
}

internal sealed partial class XenControl
{
    /// <summary>Version, processors and memory of the host.</summary>
    internal XenHostInfo GetHostInfo()
    {
        XenLibrary.Check(HostInfo(_handle, out XenHostInfo info), Host);
        return info;
    }

    /// <summary>One of the hypervisor's texts.</summary>
    internal string GetText(XenText which)
    {
        Span<byte> buffer = stackalloc byte[2048];
        XenLibrary.Check(XenString(_handle, which, ref MemoryMarshal.GetReference(buffer), (uint)buffer.Length), Host);
        return ForeignText.Show(Encoding.UTF8.GetString(buffer[..buffer.IndexOf((byte)0)]));
    }

    /// <summary>Whether the hypervisor was built with MEM_PAGING. Touches no domain.</summary>
    internal bool SupportsPaging()
    {
        XenLibrary.Check(ProbePaging(_handle, out uint supported), Host);
        return supported != 0;
    }

    /// <summary>Whether the hypervisor has this project's extension for shadow page tables. Touches no domain.</summary>
    internal XenExtensionAnswer ProbeExtension()
    {
        XenLibrary.Check(ProbeExtension(_handle, out XenExtensionAnswer answer), Host);
        return answer;
    }

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_host_info")]
    private static partial int HostInfo(XenControlHandle handle, out XenHostInfo info);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_xen_string")]
    private static partial int XenString(XenControlHandle handle, XenText which, ref byte buffer, uint size);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_probe")]
    private static partial int ProbeExtension(XenControlHandle handle, out XenExtensionAnswer answer);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_probe_paging")]
    private static partial int ProbePaging(XenControlHandle handle, out uint supported);
}
