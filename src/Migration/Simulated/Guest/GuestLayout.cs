using PreRecordMigration.Pages;

namespace PreRecordMigration.Simulated.Guest;

/// <summary>Where things are in a simulated guest, as far as the options alone decide it.</summary>
/// <remarks>
/// Each process has its own tables with its data and, apart from it, a table of how often each data page was written
/// (the generations). The kernel half of every address space is the same: pages that are only read, and for each vCPU a task page
/// (the CR3 of each of its processes) and a shared-info page that the hypervisor writes.
/// </remarks>
internal sealed class GuestLayout
{
    /// <summary>Fewest data pages a process can work with.</summary>
    public const int MinimumDataPages = 64;

    /// <summary>Pages of the kernel that are only read.</summary>
    public const int KernelPages = 32;

    /// <summary>Page frames that do not exist, in the middle, as below 4 GiB on a real machine.</summary>
    public const int HolePages = 16;

    /// <summary>Operations between two writes of the hypervisor to a vCPU's shared-info page.</summary>
    public const int TickInterval = 64;

    // The bases are not aligned to a table's reach, so that every region straddles tables.
    public const ulong DataBase = 0x0000_5612_3456_7000;
    public const ulong GenerationBase = 0x0000_7F00_0012_3000;
    public const ulong KernelBase = 0xFFFF_8000_001F_5000;
    public const ulong VcpuBase = 0xFFFF_C000_001F_F000;

    public const int GenerationsPerPage = Page.Size / sizeof(ulong);
    private const int TablesPerProcess = 12;
    private const int KernelTables = 16;

    public GuestLayout(SimulatedDomainOptions options)
    {
        MemoryPages = (int)Math.Min(options.MemoryBytes / Page.Size, int.MaxValue - HolePages);
        VcpuCount = options.VcpuCount;
        ContentPeriod = options.ContentPeriod;
        ProcessesPerVcpu = options.Workload == GuestWorkloadKind.ManyProcesses
            ? Math.Max(1, options.ProcessCount / Math.Max(1, VcpuCount))
            : 1;
        long processes = Math.Max(1L, (long)VcpuCount * ProcessesPerVcpu);

        // A tenth stays free (zero pages, as in a real guest); tables and generations take about a 256th of the data.
        long reserved = (processes * TablesPerProcess) + KernelTables + KernelPages + (2L * VcpuCount);
        long used = Math.Min(MemoryPages, (options.UsedBytes ?? options.MemoryBytes) / Page.Size);
        DataPagesPerProcess = (int)Math.Max(0, ((used * 9 / 10) - reserved) * 127 / 128 / processes);
        long workingSet = options.WorkingSetBytes ?? (used * Page.Size / 16);
        WorkingSetPages = (int)Math.Clamp(workingSet / Page.Size / processes, 8, Math.Max(8, DataPagesPerProcess));
    }

    public int MemoryPages { get; }

    public int PageCount => MemoryPages + HolePages;

    public int VcpuCount { get; }

    /// <summary>Bytes after which the content of a page repeats.</summary>
    public int ContentPeriod { get; }

    public int ProcessesPerVcpu { get; }

    public int DataPagesPerProcess { get; }

    public int GenerationPagesPerProcess => (DataPagesPerProcess + GenerationsPerPage - 1) / GenerationsPerPage;

    /// <summary>Pages of a process that the workload uses most.</summary>
    public int WorkingSetPages { get; }

    /// <summary>The page frames that exist: all but the hole.</summary>
    public PageRange[] Populated => [new(0, MemoryPages / 2), new((MemoryPages / 2) + HolePages, MemoryPages - (MemoryPages / 2))];

    public static ulong TaskPage(int vcpu) => VcpuBase + ((ulong)vcpu * 2 * Page.Size);

    public static ulong SharedInfoPage(int vcpu) => TaskPage(vcpu) + Page.Size;

    /// <summary>The number of a process over all vCPUs.</summary>
    public int ProcessId(int vcpu, int process) => (vcpu * ProcessesPerVcpu) + process;
}
