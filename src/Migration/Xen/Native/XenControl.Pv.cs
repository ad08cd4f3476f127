using System.Runtime.InteropServices;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Native;

/// <summary>The parts of a PV vCPU's state.</summary>
internal enum XenPvVcpuPart : uint
{
    /// <summary>struct vcpu_guest_context.</summary>
    Basic = 0,

    /// <summary>struct xen_domctl_ext_vcpucontext.</summary>
    Extended = 1,

    /// <summary>struct xen_domctl_vcpuextstate's buffer.</summary>
    Xsave = 2,

    /// <summary>struct xen_domctl_vcpu_msrs' list.</summary>
    Msrs = 3,
}

internal sealed partial class XenControl
{
    /// <summary>The content of a domain's shared information page.</summary>
    internal byte[] GetSharedInfo(int domid)
    {
        byte[] page = new byte[Page.Size];
        Check(SharedInfo(_handle, (uint)domid, page), domid);
        return page;
    }

    /// <summary>Bytes of a PV guest's word: 4 or 8.</summary>
    internal int GetAddressSize(int domid)
    {
        Check(PvAddressSize(_handle, (uint)domid, out uint bytes), domid);
        return (int)bytes;
    }

    /// <summary>A part of a PV vCPU's state; empty where the vCPU has none.</summary>
    internal byte[] GetPvVcpu(int domid, int vcpu, XenPvVcpuPart part)
    {
        byte[] buffer = [];
        while (true)
        {
            Check(PvVcpuGet(_handle, (uint)domid, (uint)vcpu, part, buffer, (uint)buffer.Length, out uint needed), domid);
            if (needed <= buffer.Length)
            {
                Array.Resize(ref buffer, (int)needed);
                return buffer;
            }

            buffer = new byte[needed];
        }
    }

    /// <summary>Copies frames, all of which must be there: by machine frame of a PV domain.</summary>
    internal void ReadFrames(int domid, ReadOnlySpan<ulong> frames, Span<byte> pages, string subject)
    {
        Span<int> errors = stackalloc int[frames.Length];
        ReadPages(domid, frames, pages, errors);
        for (int i = 0; i < errors.Length; i++)
        {
            if (errors[i] != 0)
            {
                throw new XenException("xenforeignmemory_map", -errors[i], $"{subject}, machine frame 0x{frames[i]:x}", "");
            }
        }
    }

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_shared_info")]
    private static partial int SharedInfo(XenControlHandle handle, uint domid, [Out] byte[] buffer);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_pv_address_size")]
    private static partial int PvAddressSize(XenControlHandle handle, uint domid, out uint bytes);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_pv_vcpu_get")]
    private static partial int PvVcpuGet(
        XenControlHandle handle, uint domid, uint vcpu, XenPvVcpuPart part, [Out] byte[] buffer, uint size, out uint needed);
}
