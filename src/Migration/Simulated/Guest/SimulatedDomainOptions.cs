using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Simulated.Guest;

/// <summary>What a simulated domain is: its memory after k operations is a function of these options and k alone.</summary>
public sealed record SimulatedDomainOptions
{
    /// <summary>Most memory a simulated domain may have, in bytes.</summary>
    public const long MaximumMemoryBytes = 1L << 36;

    /// <summary>Most memory that a simulated domain may use, in bytes: this process has it.</summary>
    public const long MaximumUsedBytes = 1L << 30;

    /// <summary>Most vCPUs a simulated domain may have.</summary>
    public const int MaximumVcpus = 16;

    /// <summary>Most processes a simulated domain may have: each vCPU's table of them is one page.</summary>
    public const int MaximumProcesses = Page.Size / sizeof(ulong);

    private const int ShownName = 80;

    /// <summary>The domain's name, at most <see cref="ForeignText.LongestName"/> characters that may be shown as they are.</summary>
    public required string Name { get; init; }

    /// <summary>What the guest does.</summary>
    public GuestWorkloadKind Workload { get; init; } = GuestWorkloadKind.HotSet;

    /// <summary>The memory it holds, in bytes; a multiple of the page size.</summary>
    public long MemoryBytes { get; init; } = 64L << 20;

    /// <summary>How much of its memory the guest uses, its tables included; the rest are pages of zeros, scattered between the others, which take no
    /// memory of this process. Null for as much as there is.</summary>
    public long? UsedBytes { get; init; }

    /// <summary>How many vCPUs it has. Each has its own data, so that their interleaving does not matter.</summary>
    public int VcpuCount { get; init; } = 1;

    /// <summary>Decides contents, the physical layout and every random choice of the guest.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>How many operations each vCPU does in a second of the domain's time.</summary>
    public long OperationsPerSecond { get; init; } = 200_000;

    /// <summary>The memory the workload uses most, over all vCPUs and processes; null for a sixteenth of what the guest uses.</summary>
    public long? WorkingSetBytes { get; init; }

    /// <summary>How many of a hundred operations write (the idle workload has its own, lower share).</summary>
    public int WritePercent { get; init; } = 30;

    /// <summary>
    /// Bytes after which the content of each page in use repeats within it: a power of two from 64 on. A page's size, and nothing of it can be
    /// compressed.
    /// </summary>
    public int ContentPeriod { get; init; } = Page.Size;

    /// <summary>How many processes <see cref="GuestWorkloadKind.ManyProcesses"/> has, over all vCPUs.</summary>
    public int ProcessCount { get; init; } = 24;

    /// <summary>Each vCPU sends an output after every so many of its operations.</summary>
    public int OutputInterval { get; init; } = 1000;

    /// <summary>
    /// Whether the guest runs by itself whenever the domain is running. Otherwise it runs only inside
    /// <see cref="Hypervisor.ISourceDomain.RunFor"/>, an exact number of operations. A domain that has come in by migration
    /// runs free unless its host says otherwise (<see cref="SimulatedHostOptions.IncomingRunsFree"/>).
    /// </summary>
    public bool FreeRunning { get; init; }

    /// <summary>
    /// Whether a free guest keeps to <see cref="OperationsPerSecond"/> in real time, sleeping in between; if not, it runs
    /// as fast as it can.
    /// </summary>
    public bool IsPaced { get; init; } = true;

    /// <summary>Each vCPU stops for good, on whatever host, after this many operations in all; null for never.</summary>
    public long? StopAtOperations { get; init; }

    /// <summary>Whether the guest ignores every request to suspend.</summary>
    public bool RefusesSuspend { get; init; }

    /// <summary>Whether what the domain sends out can be held back.</summary>
    public bool HasIsolableOutputs { get; init; } = true;

    /// <summary>
    /// For <see cref="GuestWorkloadKind.Replay"/>: the recorded accesses, which the guest repeats for ever, one an
    /// operation. A page frame number stands for the page of that index in the guest's data.
    /// </summary>
    public Recording.AccessTrajectory? Replay { get; init; }

    /// <summary>Checks that the options make sense together.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>, naming the option.</exception>
    public void Validate()
    {
        Check(!string.IsNullOrWhiteSpace(Name), nameof(Name), "is empty", "Give the domain a name.");
        Check(ForeignText.IsName(Name), nameof(Name), $"is '{ForeignText.Show(Name, ShownName)}'", "Give a shorter name, without control characters.");
        Check(Enum.IsDefined(Workload), nameof(Workload), $"is {Workload}", $"Use one of {string.Join(", ", Enum.GetNames<GuestWorkloadKind>())}.");
        Check(
            MemoryBytes is > 0 and <= MaximumMemoryBytes && MemoryBytes % Page.Size == 0,
            "Memory", $"is {MemoryBytes} bytes", $"Give a multiple of {Page.Size} bytes, at most {MaximumMemoryBytes >> 20} MB, such as 64MB: a number without a unit is one of bytes.");
        Check(
            UsedBytes is null or > 0 && (UsedBytes ?? MemoryBytes) <= MaximumUsedBytes,
            "UsedMemory", $"is {UsedBytes ?? MemoryBytes} bytes", $"Give a part of the memory, at most {MaximumUsedBytes >> 20} MB, such as 64MB.");
        Check(VcpuCount is >= 1 and <= MaximumVcpus, nameof(VcpuCount), $"is {VcpuCount}", $"Give 1 to {MaximumVcpus} vCPUs.");
        Check(OperationsPerSecond is > 0 and <= 1_000_000_000, nameof(OperationsPerSecond), $"is {OperationsPerSecond}", "Give 1 to 1,000,000,000 operations a second.");
        Check(WorkingSetBytes is null or > 0, "WorkingSet", $"is {WorkingSetBytes} bytes", "Give a size above zero.");
        Check(WritePercent is >= 0 and <= 100, nameof(WritePercent), $"is {WritePercent}", "Give 0 to 100.");
        Check(
            ContentPeriod is >= PageContent.ShortestPeriod and <= Page.Size && int.IsPow2(ContentPeriod),
            nameof(ContentPeriod), $"is {ContentPeriod} bytes", $"Give a power of two from {PageContent.ShortestPeriod} to {Page.Size}.");
        Check(ProcessCount is >= 1 and <= MaximumProcesses, nameof(ProcessCount), $"is {ProcessCount}", $"Give 1 to {MaximumProcesses} processes.");
        Check(OutputInterval > 0, nameof(OutputInterval), $"is {OutputInterval}", "Give a number of operations above zero.");
        Check(StopAtOperations is null or >= 0, nameof(StopAtOperations), $"is {StopAtOperations}", "Give zero or more operations.");
        Check(
            (Workload == GuestWorkloadKind.Replay) == (Replay is { Count: > 0 }),
            nameof(Replay), $"does not go with the workload {Workload}", "Give a trajectory with records for the workload Replay, and for no other.");
        GuestLayout layout = new(this);
        Check(
            layout.DataPagesPerProcess >= GuestLayout.MinimumDataPages,
            "Memory", $"({MemoryBytes} bytes) is too little for {VcpuCount} vCPUs with {layout.ProcessesPerVcpu} processes each", "Give more memory.");
    }

    private static void Check(bool isValid, string option, string problem, string remedy)
    {
        if (!isValid)
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption, $"The option {option} {problem}.", remedy, option);
        }
    }
}

/// <summary>What a simulated guest does. Numbers travel on the wire.</summary>
public enum GuestWorkloadKind
{
    /// <summary>Next to nothing: a timer tick that touches a handful of pages.</summary>
    Idle = 1,

    /// <summary>Walks its working set from end to end, again and again.</summary>
    Sequential = 2,

    /// <summary>Random accesses, nearly all within a small set of page clusters.</summary>
    HotSet = 3,

    /// <summary>Many processes with an address space and a small working set each, switched every few hundred operations.</summary>
    ManyProcesses = 4,

    /// <summary>Repeats a recorded trajectory.</summary>
    Replay = 5,

    /// <summary>Walks its working set with a stride, pass after pass.</summary>
    Strided = 6,

    /// <summary>Random accesses over all of its memory.</summary>
    UniformRandom = 7,

    /// <summary>Random accesses over all of its memory, few pages very often and many seldom.</summary>
    ZipfHotSet = 8,

    /// <summary>One part of its memory after another, in turns walked and at random.</summary>
    PhaseChanging = 9,
}
