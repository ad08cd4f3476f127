using System.Buffers.Binary;

namespace PreRecordMigration.Xen.Streams;

/// <summary>How a vCPU translates addresses, by CR0, CR4 and EFER.</summary>
public enum HvmPaging
{
    /// <summary>Paging is off: there are no page tables.</summary>
    Off,

    /// <summary>Two levels of 32-bit entries.</summary>
    TwoLevels,

    /// <summary>PAE: three levels of 64-bit entries.</summary>
    Pae,

    /// <summary>Long mode with four levels.</summary>
    FourLevels,

    /// <summary>Long mode with five levels (CR4.LA57).</summary>
    FiveLevels,
}

/// <summary>
/// Registers of one vCPU out of <c>struct hvm_hw_cpu</c> (Xen's public/arch-x86/hvm/save.h), from which the guest's page
/// tables are found.
/// </summary>
/// <param name="Id">The vCPU.</param>
/// <param name="Rax">RAX.</param>
/// <param name="Rsp">RSP.</param>
/// <param name="Rip">RIP.</param>
/// <param name="Rflags">RFLAGS.</param>
/// <param name="Cr0">CR0.</param>
/// <param name="Cr2">CR2.</param>
/// <param name="Cr3">CR3, with whatever bits beside the address the guest put there.</param>
/// <param name="Cr4">CR4.</param>
/// <param name="Efer">The EFER MSR.</param>
/// <param name="Tsc">What RDTSC would have returned.</param>
/// <param name="Flags">XEN_X86_* flags: bit 0 is "FPU initialised". 0 in the layout of Xen before 4.7.</param>
public readonly record struct HvmVcpu(
    int Id,
    ulong Rax,
    ulong Rsp,
    ulong Rip,
    ulong Rflags,
    ulong Cr0,
    ulong Cr2,
    ulong Cr3,
    ulong Cr4,
    ulong Efer,
    ulong Tsc,
    uint Flags)
{
    /// <summary>Bytes of <c>struct hvm_hw_cpu</c>.</summary>
    public const int StructLength = 1032;

    /// <summary>Bytes of the same before Xen 4.7, without TSC_AUX and flags.</summary>
    public const int OldStructLength = 1016;

    private const ulong Cr0Paging = 1UL << 31;
    private const ulong Cr4Pae = 1UL << 5;
    private const ulong Cr4La57 = 1UL << 12;
    private const ulong EferLongModeActive = 1UL << 10;

    /// <summary>How the vCPU translates addresses.</summary>
    public HvmPaging Paging => (Cr0 & Cr0Paging) == 0 ? HvmPaging.Off
        : (Cr4 & Cr4Pae) == 0 ? HvmPaging.TwoLevels
        : (Efer & EferLongModeActive) == 0 ? HvmPaging.Pae
        : (Cr4 & Cr4La57) == 0 ? HvmPaging.FourLevels : HvmPaging.FiveLevels;

    /// <summary>Frame number of the top page table: bits 12 to 51 of CR3.</summary>
    public long PageTableFrame => (long)((Cr3 & 0x000f_ffff_ffff_f000) >> 12);

    internal static HvmVcpu Read(int id, ReadOnlySpan<byte> cpu)
    {
        // Offsets as the C compiler gives them; behind EFER the old layout lacks the 8 bytes of TSC_AUX.
        bool old = cpu.Length == OldStructLength;
        return new HvmVcpu(
            id,
            Rax: U64(cpu, 512),
            Rsp: U64(cpu, 568),
            Rip: U64(cpu, 640),
            Rflags: U64(cpu, 648),
            Cr0: U64(cpu, 656),
            Cr2: U64(cpu, 664),
            Cr3: U64(cpu, 672),
            Cr4: U64(cpu, 680),
            Efer: U64(cpu, 992),
            Tsc: U64(cpu, old ? 1000 : 1008),
            Flags: old ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(cpu[1024..]));
    }

    private static ulong U64(ReadOnlySpan<byte> cpu, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(cpu[offset..]);
}
