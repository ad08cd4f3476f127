using System.Runtime.InteropServices;

namespace PreRecordMigration.Xen.Native;

/// <summary>Time-stamp counter parameters of a domain.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XenTscInfo
{
    internal ulong ElapsedNanoseconds;
    internal uint Mode;
    internal uint Khz;
    internal uint Incarnation;
    internal uint Reserved;
}

/// <summary>Registers of one vCPU.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XenVcpuRegisters
{
    internal ulong Rip;
    internal ulong Rsp;
    internal ulong Rflags;
    internal ulong Cr0;
    internal ulong Cr2;
    internal ulong Cr3;
    internal ulong Cr4;
    internal uint Cs;
    internal uint Online;
}

/// <summary>What CPUID and MSRs tell a domain of its processors, as the migration stream carries it.</summary>
/// <param name="Leaves">CPUID leaves, 24 bytes each.</param>
/// <param name="Msrs">MSR entries, 16 bytes each.</param>
internal sealed record XenCpuPolicy(byte[] Leaves, byte[] Msrs)
{
    internal const int LeafSize = 24;
    internal const int MsrSize = 16;
}

internal sealed partial class XenControl
{
    /// <summary>Reads a policy into arrays that are large enough for any; the counts come in as theirs and go out as the policy's.</summary>
    private delegate int PolicyReader(byte[] leaves, ref uint leafCount, byte[] msrs, ref uint msrCount);

    /// <summary>The HVM context: vCPUs and the virtual platform. The domain must not run.</summary>
    internal byte[] GetHvmContext(int domid)
    {
        Check(HvmContextGet(_handle, (uint)domid, null, 0, out uint needed), domid);
        while (true)
        {
            byte[] buffer = new byte[needed];
            Check(HvmContextGet(_handle, (uint)domid, buffer, (uint)buffer.Length, out needed), domid);
            if (needed <= buffer.Length)
            {
                Array.Resize(ref buffer, (int)needed);
                return buffer;
            }
        }
    }

    /// <summary>Restores an HVM context. The domain must not run.</summary>
    internal void SetHvmContext(int domid, byte[] context) =>
        Check(HvmContextSet(_handle, (uint)domid, context, (uint)context.Length), domid);

    /// <summary>Reads an HVM parameter.</summary>
    internal ulong GetHvmParameter(int domid, uint index)
    {
        Check(HvmParamGet(_handle, (uint)domid, index, out ulong value), domid);
        return value;
    }

    /// <summary>Sets an HVM parameter.</summary>
    internal void SetHvmParameter(int domid, uint index, ulong value) =>
        Check(HvmParamSet(_handle, (uint)domid, index, value), domid);

    /// <summary>Reads the time-stamp counter's parameters.</summary>
    internal XenTscInfo GetTsc(int domid)
    {
        Check(TscGet(_handle, (uint)domid, out XenTscInfo info), domid);
        return info;
    }

    /// <summary>Sets the time-stamp counter's parameters.</summary>
    internal void SetTsc(int domid, in XenTscInfo info) => Check(TscSet(_handle, (uint)domid, info), domid);

    /// <summary>Reads the domain's CPU policy.</summary>
    internal XenCpuPolicy GetCpuPolicy(int domid) => ReadCpuPolicy(
        Domain(domid),
        (byte[] leaves, ref uint leafCount, byte[] msrs, ref uint msrCount) =>
            CpuPolicyGet(_handle, (uint)domid, leaves, ref leafCount, msrs, ref msrCount));

    /// <summary>Reads the most that the hypervisor offers to domains of a kind: a domain that has no more than this can run here.</summary>
    /// <param name="isParavirtualised">Whether they are PV domains; else they are PVH or HVM.</param>
    internal XenCpuPolicy GetLargestCpuPolicy(bool isParavirtualised) => ReadCpuPolicy(
        Host,
        (byte[] leaves, ref uint leafCount, byte[] msrs, ref uint msrCount) =>
            CpuPolicyMost(_handle, isParavirtualised ? 0u : 1u, leaves, ref leafCount, msrs, ref msrCount));

    private XenCpuPolicy ReadCpuPolicy(string subject, PolicyReader read)
    {
        XenLibrary.Check(CpuPolicySize(_handle, out uint leaves, out uint msrs), subject);
        byte[] leafBytes = new byte[leaves * XenCpuPolicy.LeafSize];
        byte[] msrBytes = new byte[msrs * XenCpuPolicy.MsrSize];
        XenLibrary.Check(read(leafBytes, ref leaves, msrBytes, ref msrs), subject);
        Array.Resize(ref leafBytes, (int)leaves * XenCpuPolicy.LeafSize);
        Array.Resize(ref msrBytes, (int)msrs * XenCpuPolicy.MsrSize);
        return new XenCpuPolicy(leafBytes, msrBytes);
    }

    /// <summary>Reads a vCPU's registers; in a running domain they may have changed when this returns.</summary>
    internal XenVcpuRegisters GetVcpuRegisters(int domid, int vcpu)
    {
        Check(VcpuRegisters(_handle, (uint)domid, (uint)vcpu, out XenVcpuRegisters registers), domid);
        return registers;
    }

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_hvm_context_get")]
    private static partial int HvmContextGet(
        XenControlHandle handle, uint domid, [Out] byte[]? buffer, uint size, out uint needed);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_hvm_context_set")]
    private static partial int HvmContextSet(XenControlHandle handle, uint domid, byte[] buffer, uint size);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_hvm_param_get")]
    private static partial int HvmParamGet(XenControlHandle handle, uint domid, uint index, out ulong value);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_hvm_param_set")]
    private static partial int HvmParamSet(XenControlHandle handle, uint domid, uint index, ulong value);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_tsc_get")]
    private static partial int TscGet(XenControlHandle handle, uint domid, out XenTscInfo info);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_tsc_set")]
    private static partial int TscSet(XenControlHandle handle, uint domid, in XenTscInfo info);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_cpu_policy_size")]
    private static partial int CpuPolicySize(XenControlHandle handle, out uint leaves, out uint msrs);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_cpu_policy_get")]
    private static partial int CpuPolicyGet(
        XenControlHandle handle, uint domid, [Out] byte[] leaves, ref uint leafCount, [Out] byte[] msrs, ref uint msrCount);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_cpu_policy_most")]
    private static partial int CpuPolicyMost(
        XenControlHandle handle, uint hvm, [Out] byte[] leaves, ref uint leafCount, [Out] byte[] msrs, ref uint msrCount);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_vcpu_registers")]
    private static partial int VcpuRegisters(XenControlHandle handle, uint domid, uint vcpu, out XenVcpuRegisters registers);
}
