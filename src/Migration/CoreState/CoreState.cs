using PreRecordMigration.Pages;

namespace PreRecordMigration.CoreStates;

/// <summary>
/// Everything the destination needs before the domain may run there: vCPU contexts, device and hypervisor parameters,
/// the p2m, page-table pages, and the pages that can never be missing.
/// </summary>
/// <param name="Vcpus">The vCPUs, by index.</param>
/// <param name="Sections">The hypervisor's own sections, in the order in which the destination restores them.</param>
/// <param name="Pages">The pages to place before the domain runs, page tables first.</param>
/// <param name="PageTablePageCount">How many of the first pages are page tables.</param>
public sealed record CoreState(
    IReadOnlyList<VcpuState> Vcpus,
    IReadOnlyList<CoreStateSection> Sections,
    PageSet Pages,
    int PageTablePageCount)
{
    /// <summary>The size of sections and pages, in bytes.</summary>
    public long Bytes => Sections.Sum(section => (long)section.Content.Length) + ((long)Pages.Count * Page.Size);
}

/// <summary>What the engine needs of a vCPU to find the guest's page tables.</summary>
/// <param name="Index">The vCPU.</param>
/// <param name="Cr3">Control register 3: the root of its page tables, in guest-physical bytes, flags included.</param>
/// <param name="Paging">How it translates addresses.</param>
public sealed record VcpuState(int Index, ulong Cr3, PagingMode Paging);

/// <summary>How a vCPU translates addresses.</summary>
public enum PagingMode
{
    /// <summary>Not at all, or in a way whose tables are not walked (the vCPU is offline, or in 32-bit mode).</summary>
    None = 0,

    /// <summary>Four-level tables (long mode).</summary>
    FourLevel = 4,

    /// <summary>Five-level tables (long mode with LA57).</summary>
    FiveLevel = 5,
}

/// <summary>One opaque part of the core state.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Content">Bytes that the hypervisor's two halves agree on.</param>
public sealed record CoreStateSection(CoreStateKind Kind, ReadOnlyMemory<byte> Content);

/// <summary>The parts of a core state. Numbers travel on the wire: never reuse or renumber.</summary>
public enum CoreStateKind
{
    /// <summary>vCPU contexts (with the virtual platform's devices where the hypervisor keeps them together).</summary>
    VcpuContexts = 1,

    /// <summary>Time-stamp counter parameters.</summary>
    Tsc = 2,

    /// <summary>Hypervisor parameters of the domain.</summary>
    HypervisorParameters = 3,

    /// <summary>State of emulated devices.</summary>
    Devices = 4,

    /// <summary>The p2m, where it is the guest's own structure.</summary>
    P2m = 5,
}
