using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.History;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Policies;
using PreRecordMigration.Recording;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Pv;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Fuzz;

/// <summary>Right inputs, made by the engine's own writers.</summary>
internal static class Samples
{
    private const string Json =
        """{"c_info":{"type":"pvh","name":"vm","uuid":"ea9b4b2c-0a0f-4f0d-9a1e-7b1c5b0d8f10"},"b_info":{"max_vcpus":1,"max_memkb":131072,"target_memkb":131072,"kernel":"/lab/vmlinux","sched_params":{"weight":256}},"disks":[{"pdev_path":"/tmp/devices.img","vdev":"xvda","format":"raw","readwrite":1}],"nics":[{"bridge":"xenbr0","script":"lab-vif","mac":"00:16:3e:00:00:01"}]}""";

    private static readonly DomainDescription s_description =
        new("vm", DomainKind.Pvh, 1024, [new PageRange(0, 100), new PageRange(200, 300)], 2, new byte[] { 1, 2, 3 });

    private static readonly byte[] s_pvStream = MakePvStream();

    /// <summary>What processes say that they have: nothing, and a receiver with a migration that came in and one that was made here.</summary>
    public static IReadOnlyList<byte[]> BoardWords { get; } =
    [
        .. Texts("""{"Schema":1,"Migrations":[],"Receivers":[],"Omitted":0}"""),
        .. Texts("""
            {"Schema":1,"Migrations":[{"Id":1,"ProcessId":12,"InstanceId":"ea9b4b2c-0a0f-4f0d-9a1e-7b1c5b0d8f10","Name":"web01","Source":"xen1","Destination":"xen2",
            "Method":"PreRecord","Mode":"Rollback","State":"Completed","Phase":"Finish","Holder":"Destination","PagesDone":4096,"PagesTotal":4096,"BytesSent":16777216,
            "BytesPerSecond":4194304,"Remaining":null,"Started":"2026-11-29T10:30:01+01:00","Ended":"2026-11-29T10:30:05+01:00","Elapsed":3.85,"Error":null,
            "BandwidthLimit":1048576,"MaximumDowntime":0.3,"MaximumExposure":5,"Warnings":["'web01' has needed both hosts for longer than the limit of 5 s."],
            "Outcome":{"Id":1,"Name":"web01","Source":"xen1","Destination":"xen2","Method":"PreRecord","Mode":"Rollback","ModeReason":null,
            "Started":"2026-11-29T10:30:01+01:00","Ended":"2026-11-29T10:30:05+01:00","TotalTime":3.85,"Downtime":0.02,"CheckpointPause":0.1,"DiscardedExecution":0.5,
            "OutputsHeldBack":0.7,"ClientsWait":0.9,"Exposure":2.1,"BytesSent":16777216,"BytesPerSecond":4194304,"PagesPushed":4000,"PagesDemanded":96,"CorePages":40,
            "PageTablePages":30,"RecordedPages":512,"BackedUpPages":128,"RemoteFaults":96,"FaultLatency":{"Mean":0.001,"Median":0.001,"P99":0.01,"Maximum":0.02,"Total":0.1},
            "RollbackProof":{"Kind":"Witness","PagesCompared":1024,"AtCheckpoint":"ab","AfterWindow":"ab","ChangedPages":12,"WrittenPages":14},"Problems":"","Phases":[{"Phase":"Prepare","Start":0,"Duration":0.1}],
            "DowntimeParts":[{"Part":"Ask","Duration":0.01},{"Part":"OnTheWay","Duration":0.01}],"Pages":[{"Kind":"Core","Count":40},{"Kind":"Zero","Count":3}]},
            "Failure":{"ErrorId":"DomainBusy","Problem":"Busy","IsStopped":false,"Message":"no","Remedy":"wait"}}],
            "Receivers":[{"HostName":"xen2","Endpoint":"127.0.0.1:7000","Thumbprint":null,"Port":7000,"Incoming":[{"Name":"web01","State":"Finished","RemotePF":false,
            "MissingPages":0,"RemoteFaults":7,"Error":null,"Session":"ea9b4b2c-0a0f-4f0d-9a1e-7b1c5b0d8f10","IsActive":false}],"Rejections":["no"],"ProcessId":12}],"Omitted":0}
            """),
    ];

    /// <summary>A line of the history, with its newline.</summary>
    public static byte[] HistoryLine { get; } = History.HistoryLine.Write(new HistoryEntry
    {
        Time = DateTimeOffset.UnixEpoch.AddYears(50),
        Name = "web01",
        Side = HistorySide.Source,
        Fate = HistoryFate.Moved,
        Source = "xen1",
        Destination = "xen2",
        Method = MigrationMethod.PreRecord,
        Mode = RecordingMode.Observe,
        Hypervisor = "Xen",
        Started = DateTimeOffset.UnixEpoch.AddYears(50),
        TotalTime = 3.85,
        Downtime = 0.02,
        Parts = DowntimeParts.Of(_ => TimeSpan.FromMilliseconds(2)),
        ClientsWait = 0.4,
        Exposure = 2.4,
        BytesSent = 17_000_000,
        RemoteFaults = 42,
        ErrorId = "ConnectionLost",
        Error = "The connection was lost.",
    });

    /// <summary>Control records, one after another.</summary>
    public static IReadOnlyList<byte[]> Records { get; } =
    [
        .. new ControlRecord[]
        {
            new HelloRecord(Protocol.Version, ConnectionRole.Bulk, Guid.Empty, 0),
            new WelcomeRecord(Protocol.Version, 0),
            new PrepareRecord(s_description, PageArrival.AfterRun),
            new CoreStateRecord(2, 1, [new VcpuState(0, 4096, PagingMode.FourLevel)], [new CoreStateSection(CoreStateKind.Tsc, new byte[24])]),
            new CompleteRecord(3, FaultLatency.None, 1),
            new AbortRecord(MigrationErrorId.Cancelled, "no", "none"),
            new SettledRecord("vm", new AbortRecord(MigrationErrorId.DomainExists, "no", "none")),
            new VerdictRecord(new AdmissionVerdict("/p", [new AdmissionRefusal("a", "b", "c")])),
            new ResumeRecord(ResumePosition.Paused, new PageBitmap(4096)),
            new CommitRecord(),
        }.Select(RecordCodec.Encode),
    ];

    public static IReadOnlyList<byte[]> Batches { get; } = [Body(new PageBatch().Copy(RecordType.Pages, [1, 2, 3], new byte[3 * Page.Size])), Body(new PageBatch().Copy(RecordType.Pages, [7], Filled(Page.Size)))];

    public static IReadOnlyList<byte[]> CompressedBatches { get; } =
    [
        Shrunk([1], Filled(Page.Size)), Shrunk([1, 2, 3], [.. Filled(Page.Size), .. new byte[Page.Size], .. Filled(Page.Size)]), Shrunk([9], Counted(Page.Size)),
    ];

    public static IReadOnlyList<byte[]> Rests { get; } = [[1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]];

    public static IReadOnlyList<byte[]> Requests { get; } = [[2, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0]];

    public static IReadOnlyList<byte[]> XlStreams { get; } = [s_pvStream];

    public static IReadOnlyList<byte[]> LibxlStreams { get; } = [From(s_pvStream, XenStreamFormat.Libxl)];

    public static IReadOnlyList<byte[]> LibxcStreams { get; } = [From(s_pvStream, XenStreamFormat.Libxc)];

    public static IReadOnlyList<byte[]> HvmContexts { get; } = [HvmContextOf("pvh-1vcpu.xlsave.br")];

    public static IReadOnlyList<byte[]> XenConfigurations { get; } =
    [
        new XenDomainConfiguration(Json, 4, 17, new byte[24], new byte[16], [], [1, 5]) { DiskBytes = [1L << 30, 0] }.Serialise(),
        new XenDomainConfiguration(Json.Replace("pvh", "pv", StringComparison.Ordinal), 4, 17, default, default, [], []) { P2mPages = [1, 2, 3, 4, 5, 6, 7, 8] }.Serialise(),
    ];

    public static IReadOnlyList<byte[]> XlConfigurations { get; } = [Encoding.UTF8.GetBytes(Json)];

    public static IReadOnlyList<byte[]> EmulatorStates { get; } =
        [new EmulatorState("QEVM0123"u8.ToArray(), Encoding.ASCII.GetBytes("physmap/f0000/size\0 1000\0")).Serialise()];

    public static IReadOnlyList<byte[]> XenCoreStates { get; } =
        [Join(new XenCoreSections(new byte[16], new XenTsc(0, 1, 2, 3), EmulatorState.Parse(EmulatorStates[0])).ToSections())];

    public static IReadOnlyList<byte[]> PvCoreStates { get; } =
    [
        Join(new PvCoreSections(
            [XenPageType.L4TablePinned, XenPageType.L1Table], new XenTsc(1, 2, 3, 4), new byte[Page.Size],
            [new PvVcpuState(0, new byte[PvVcpuContext.Length], new byte[128], new byte[64], new byte[32])]).ToSections()),
    ];

    public static IReadOnlyList<byte[]> Trajectories { get; } = [TrajectoryFile()];

    public static IReadOnlyList<byte[]> TrajectoryHeaders { get; } = [TrajectoryFile()[TrajectoryFormat.PreambleSize..]];

    public static IReadOnlyList<byte[]> TrajectoryBlocks { get; } = [[3, 0, 0, 1, 0, 0, 0, 2, 4, 6]];

    public static IReadOnlyList<byte[]> SimulatedConfigurations { get; } =
        [DomainConfiguration.Write(Guid.Empty, new SimulatedDomainOptions { Name = "vm", MemoryBytes = 4 << 20 })];

    public static IReadOnlyList<byte[]> LoopbackTexts { get; } =
    [
        .. Texts(new string('a', 64)),
        .. Texts("   1: 0100007F:B2C1 0100007F:1B58 01 00000000:00000000 00:00000000 00000000  1000        0 7 1\n"),
    ];

    /// <summary>What is kept of a domain that comes in.</summary>
    public static IReadOnlyList<byte[]> ArrivalJournals { get; } =
        [new ArrivalJournal(Guid.Empty, "AB01", "xen1:7000", new PrepareRecord(s_description, PageArrival.AfterRun)).ToBytes()];

    /// <summary>One page that is its own page table at every level.</summary>
    public static IReadOnlyList<byte[]> GuestTables { get; } = [[.. Enumerable.Range(0, Page.Size).Select(i => (byte)(i % 8 == 0 ? 1 : 0))]];

    /// <summary>A page that is its own table at every level, and a guest of two processes: roots, a table of each level, and the kernel's.</summary>
    public static IReadOnlyList<byte[]> AddressSpaces { get; } = [GuestTables[0], MakeAddressSpaces()];

    /// <summary>A key that is always the same.</summary>
    public static LoopbackKey Key { get; } = LoopbackKey.Parse(new string('a', 64), "/run/key");

    private static byte[] MakeAddressSpaces()
    {
        byte[] memory = new byte[10 * Page.Size];
        Set(0, 0, 2, 7);
        Set(1, 0, 5, 7);
        Set(0, 256, 8, 3);
        Set(1, 256, 8, 3);
        Set(2, 0, 3, 7);
        Set(3, 0, 4, 7);
        Set(3, 1, 0, 0x87);
        Set(4, 17, 100, 0x67);
        Set(4, 18, 33, 7);
        Set(5, 1, 6, 7);
        Set(6, 2, 7, 7);
        Set(7, 3, 101, 0x27);
        Set(8, 0, 9, 3);
        Set(9, 0, 0, 0x83);
        return memory;

        void Set(int table, int index, ulong frame, ulong flags) => BinaryPrimitives.WriteUInt64LittleEndian(
            memory.AsSpan((table * Page.Size) + (index * sizeof(ulong))), (frame << Page.Shift) | flags);
    }

    /// <summary>A file beside the program, decompressed where it is.</summary>
    public static byte[] Resource(string name)
    {
        using Stream stream = typeof(Samples).Assembly.GetManifestResourceStream(name)!;
        using MemoryStream bytes = new();
        using Stream content = name.EndsWith(".br", StringComparison.Ordinal) ? new BrotliStream(stream, CompressionMode.Decompress) : stream;
        content.CopyTo(bytes);
        return bytes.ToArray();
    }

    public static byte[][] Texts(string text) => [Encoding.UTF8.GetBytes(text)];

    /// <summary>Splits an input into records by their headers; a length that is too long ends it.</summary>
    public static IEnumerable<(RecordType Type, byte[] Body)> Split(byte[] input)
    {
        for (int at = 0; at + Protocol.HeaderSize <= input.Length;)
        {
            RecordType type = (RecordType)BinaryPrimitives.ReadUInt16LittleEndian(input.AsSpan(at));
            int length = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(input.AsSpan(at + 4)), (uint)(input.Length - at - Protocol.HeaderSize));
            yield return (type, input[(at + Protocol.HeaderSize)..(at + Protocol.HeaderSize + length)]);
            at += Protocol.HeaderSize + length;
        }
    }

    /// <summary>Splits an input into sections: a kind and a length of 16 bits stand before each.</summary>
    public static IReadOnlyList<CoreStateSection> Sections(byte[] input)
    {
        List<CoreStateSection> sections = [];
        for (int at = 0; at + 3 <= input.Length;)
        {
            int length = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(input.AsSpan(at + 1)), input.Length - at - 3);
            sections.Add(new CoreStateSection((CoreStateKind)input[at], input.AsMemory(at + 3, length)));
            at += 3 + length;
        }

        return sections;
    }

    /// <summary>A core state with an input's sections.</summary>
    public static CoreState Core(byte[] input) => new(
        [new VcpuState(0, 5 << 12, PagingMode.FourLevel)], Sections(input), new PageSet([5, 6, 3], new byte[3 * Page.Size]), 2);

    private static byte[] Join(IReadOnlyList<CoreStateSection> sections)
    {
        List<byte> bytes = [];
        foreach (CoreStateSection section in sections)
        {
            bytes.Add((byte)section.Kind);
            bytes.AddRange(BitConverter.GetBytes((ushort)section.Content.Length));
            bytes.AddRange(section.Content.ToArray());
        }

        return [.. bytes];
    }

    private static byte[] Body(ReadOnlyMemory<byte> record) => record.Span[Protocol.HeaderSize..].ToArray();

    private static byte[] Shrunk(int[] pfns, byte[] pages)
    {
        PageBatch batch = new();
        batch.Copy(RecordType.Pages, pfns, pages);
        return batch.TryShrink(out ReadOnlyMemory<byte> record) ? Body(record) : throw new InvalidOperationException("The sample does not shrink.");
    }

    private static byte[] Counted(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i % 97 == 0 ? i / 97 : i % 97))];

    private static byte[] Filled(int length)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(0x5A);
        return bytes;
    }

    private static byte[] MakePvStream()
    {
        MemoryStream stream = new();
        SynthesisedPvRestore restore = new(stream, new SynthesisedRestoreSettings(Json.Replace("pvh", "pv", StringComparison.Ordinal), 4, 17));
        restore.Prepare(64, [3], Enumerable.Range(0, 64));
        restore.WritePages([new(5, XenPageType.L4TablePinned, new byte[Page.Size]), new(3, XenPageType.Normal, Filled(Page.Size))]);
        restore.Complete(
            new X86TscInfoRecord(1, 2, 3, 4), new byte[Page.Size], [new SynthesisedPvVcpu(0, new byte[PvVcpuContext.Length], new byte[128], new byte[64], new byte[32])]);
        return stream.ToArray();
    }

    /// <summary>The part of a stream that is of an inner format.</summary>
    private static byte[] From(byte[] stream, XenStreamFormat format)
    {
        XenStreamReader reader = new(new MemoryStream(stream));
        int start = 0;
        foreach (XenStreamRecord record in reader.ReadAll())
        {
            if (format == XenStreamFormat.Libxl ? record is LibxlHeader : record is LibxcImageHeader)
            {
                start = (int)reader.RecordOffset;
                break;
            }
        }

        return stream[start..];
    }

    private static byte[] HvmContextOf(string sample) => new XenStreamReader(new MemoryStream(Resource(sample))).ReadAll()
        .OfType<HvmContextRecord>().First().Data.ToArray();

    private static byte[] TrajectoryFile()
    {
        PageBitmap populated = new(64);
        populated.SetAll();
        MemoryStream stream = new();
        AccessTrajectory trajectory = new(
            [new AccessRecord(0, 0, 7, AccessKind.Read), new AccessRecord(1, 0, 9, AccessKind.Write), new AccessRecord(2, 1, 7, AccessKind.Write)],
            64, TimeSpan.FromMilliseconds(50), 2, true);
        TrajectoryWriter.Write(stream, new TrajectoryDocument(trajectory, populated, new Dictionary<string, string> { ["name"] = "vm" }));
        return stream.ToArray();
    }
}
