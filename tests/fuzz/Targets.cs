using System.Text;
using PreRecordMigration.Boards;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.History;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Pages;
using PreRecordMigration.Policies;
using PreRecordMigration.Processes;
using PreRecordMigration.Recording;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Texts;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;
using PreRecordMigration.Xen.Admission;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Outputs;
using PreRecordMigration.Xen.Pv;
using PreRecordMigration.Xen.Qmp;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Fuzz;

/// <summary>Every reader of bytes that come from a peer, a guest, its emulator, a file or XenStore.</summary>
internal static class Targets
{
    private const int Pages = 4096;
    private static readonly PageBitmap s_pages = AllPages();
    private static readonly string[] s_jsonWords = ["{", "}", "[", "]", ",", ":", "\"", "null", "true", "\\ud800", "\\u0000", "1e999", "-1", "\"\":", "[[[[[[[["];
    private static readonly string[] s_configurationWords =
    [
        .. s_jsonWords, "\"c_info\":", "\"b_info\":", "\"type\":\"pvh\"", "\"name\":\"vm\"", "\"type.hvm\":{", "\"disks\":[{", "\"nics\":[{", "\"vnc\":{", "\"p9s\":[{",
        "\"pdev_path\":\"/", "\"script\":", "\"bridge\":", "\"cpuid\":[{", "\"sched_params\":{", "\"max_memkb\":", "\"vfbs\":[{", "\"cpumap\":[",
    ];

    private static readonly AdmissionPolicy s_policy = AdmissionPolicyReader.Read("/policy.json", Samples.Resource("lab-policy.json"));

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Target> All { get; } =
    [
        new("control-records", ["RecordCodec.Decode"], ReadRecords, IsEngine)
        {
            // A core state's vCPUs and sections are counted in 16 bits, and a record has its counts whole before it is understood.
            Allocation = 8 << 20,
            Seeds = Samples.Records,
        },
        new("connection", [], ReadConnection, IsEngine) { Seeds = Samples.Records, AllocationPerByte = 256 },
        new("page-batch", [], ReadBatch, IsEngine) { Seeds = Samples.Batches, Allocation = 64 << 10 },
        new("compressed-batch", [], ReadCompressedBatch, IsEngine) { Seeds = Samples.CompressedBatches, Allocation = 64 << 10 },
        new("rest-pages", ["RestPages.Decode"], ReadRest, IsEngine) { Seeds = Samples.Rests },
        new("page-request", [], ReadRequest, IsEngine) { Seeds = Samples.Requests },
        new("xl-stream", StreamReaders, input => ReadStream(input, XenStreamFormat.Xl), IsStream) { Seeds = Samples.XlStreams, Longest = 64 << 10 },
        new("libxl-stream", StreamReaders, input => ReadStream(input, XenStreamFormat.Libxl), IsStream) { Seeds = Samples.LibxlStreams, Longest = 64 << 10 },
        new("libxc-stream", StreamReaders, input => ReadStream(input, XenStreamFormat.Libxc), IsStream) { Seeds = Samples.LibxcStreams, Longest = 64 << 10 },
        new("hvm-context", ["HvmContext.Parse", "HvmVcpu.Read"], input => HvmContext.Parse(input), IsStream) { Seeds = Samples.HvmContexts, AllocationPerByte = 128 },
        new("xen-configuration", ["XenDomainConfiguration.Parse"], input => XenDomainConfiguration.Parse(input, Pages), IsEngine)
        {
            Seeds = Samples.XenConfigurations,
            Words = s_configurationWords,
        },
        new("xl-configuration", ["Arrival.Of"], ReadXlConfiguration, IsEngine)
        {
            Seeds = Samples.XlConfigurations,
            Words = s_configurationWords,
            Allocation = 4 << 20,
            AllocationPerByte = 1024,
        },
        new("xen-core-state", ["XenCoreSections.Parse", "XenTsc.Parse"], input => XenCoreSections.Parse(Samples.Sections(input)), IsEngine) { Seeds = Samples.XenCoreStates },
        new("pv-core-state", ["PvCoreSections.Parse"], input => PvCoreSections.Parse(Samples.Core(input)), IsEngine) { Seeds = Samples.PvCoreStates, Longest = 32 << 10 },
        new("emulator-state", ["EmulatorState.Parse"], input => EmulatorState.Parse(input), IsEngine) { Seeds = Samples.EmulatorStates },
        new("qmp", [], ReadQmp, IsEngine)
        {
            Seeds = [.. Samples.Texts("{\"QMP\":{}}\n{\"return\":{}}\n{\"event\":\"STOP\"}\n{\"error\":{\"desc\":\"no\"}}\n"), .. Samples.Texts(QmpDisks)],
            Words = [.. s_jsonWords, "\n", "\"error\":{\"desc\":", "\"return\":", "\"QMP\":", "\"node-name\":", "\"inserted\":", "\"image\":"],
        },
        new("trajectory", ["TrajectoryReader.Read", "PreRecordDocument.Read"], input => PreRecordDocument.Read("a.prerecord", TrajectoryReader.Read(new MemoryStream(input))), IsEngine) { Seeds = Samples.Trajectories, Allocation = 64 << 20 },
        new("trajectory-header", ["TrajectoryHeader.Decode", "VariableLength.TryRead"], input => TrajectoryHeader.Decode(input, 0), IsEngine)
        {
            // A header may claim the largest guest's pages, with a bit each.
            Seeds = Samples.TrajectoryHeaders,
            Allocation = (TrajectoryFormat.MaximumPages / 8) + (64 << 10),
        },
        new("trajectory-block", ["TrajectoryBlock.TryDecode"], ReadBlock, IsEngine) { Seeds = Samples.TrajectoryBlocks, Allocation = 8 << 20 },
        new("trajectory-csv", ["TrajectoryCsv.Read", "TrajectoryCsv.Parse"], input => TrajectoryCsv.Read(new MemoryStream(input), TimeSpan.FromMilliseconds(50), null), IsEngine)
        {
            Seeds = [.. Samples.Texts("epoch,pfn,write\n0,1,0\n0,7,1\n3,2147483646,1\n")],
            Words = ["\n", ",", "\r\n", "0,0,0\n", "4294967296"],
        },
        new("policy", ["AdmissionPolicyReader.Read"], input => AdmissionPolicyReader.Read("/policy.json", input), IsEngine)
        {
            Seeds = [Samples.Resource("lab-policy.json")],
            Words = [.. s_jsonWords, "//", "/*", "\"kinds\":", "\"disks\":[{\"paths\":[\"/", "\"maximumMemory\":", "\"16GiB\"", "**", "?", "\"features\":["],

            // Each path becomes a regular expression; the file is the administrator's own.
            Allocation = 16 << 20,
            AllocationPerByte = 64 << 10,
        },
        new("history", ["HistoryLine.TryRead"], ReadHistory, IsEngine)
        {
            Seeds = [Samples.HistoryLine, [.. Samples.HistoryLine[..40], (byte)'\n', .. Samples.HistoryLine]],
            Words = [.. s_jsonWords, "\n", "\"Schema\":1", "\"Time\":\"2026-11-29T10:30:01Z\"", "\"Name\":\"web01\"", "\"Side\":\"Source\"", "\"Fate\":\"Moved\""],

            // A line is read into a buffer that the longest one has room in.
            Allocation = 1 << 20,
            AllocationPerByte = 256,
        },
        new("boards", ["BoardWord.Read", "BoardFolder.TryParse"], ReadBoard, error => error is FormatException)
        {
            Seeds = Samples.BoardWords,
            Words = [.. s_jsonWords, "\"Schema\":1", "\"Migrations\":[{", "\"Receivers\":[{", "\"Omitted\":0", "\"State\":\"Running\"", "\"Incoming\":[{", "\"Outcome\":{"],

            // What JSON itself takes for each value is many times its text; a line has an end.
            Allocation = 1 << 20,
            AllocationPerByte = 512,
        },
        new("simulated-domain", ["DomainConfiguration.Read", "VcpuContext.TryRead"], ReadSimulated, IsEngine) { Seeds = Samples.SimulatedConfigurations, AllocationPerByte = 128 },
        new("loopback", ["LoopbackKey.Parse", "LoopbackPeer.UserOf"], ReadLoopback, IsEngine) { Seeds = Samples.LoopbackTexts, AllocationPerByte = 256 },
        new("ssh-answer", ["SshReceiver.Parse"], input => SshReceiver.Parse(Encoding.ASCII.GetString(input), "root@xen2"), IsEngine)
        {
            Seeds =
            [
                .. Samples.Texts($"Welcome\nstarting\nlistens 7000 {new string('a', 64)}\n"), .. Samples.Texts("starting\nlacks pwsh\n"), .. Samples.Texts("starting\nwaiting\nhangs 4711\n"),
                .. Samples.Texts("failed\nXen does not answer.\nremedy Run it in dom0.\n"),
            ],
            Longest = 8192,
            AllocationPerByte = 256,
        },
        new("loopback-answer", [], ReadAnswer, error => IsEngine(error)) { Seeds = [new byte[98], [1], [2], [3]] },
        new("store-notes", ["OwnerProcess.TryParse", "PeerName.Read", "Departure.Read", "RouteNote.Read", "SourceMarker.OriginOf", "Leave.Read", "SuspendRequest.OriginOf", "ArrivalNames.Parse", "IncomingMarker.Parse"], ReadNotes, IsEngine) { Seeds = [.. Samples.Texts("Leaving 12:345 ea9b4b2c-0a0f-4f0d-9a1e-7b1c5b0d8f10 123 xen2:7000"), .. Samples.Texts("Started 12:345 ea9b4b2c0a0f4f0d9a1e7b1c5b0d8f10 01234567 web01\txen2:7000\t65536"), .. Samples.Texts("xen2:7000 0123456789abcdef0123456789abcdef AB01 PreRecord Rollback via:Loopback;127.0.0.1;7000 ran")], AllocationPerByte = 256 },
        new("arrival-journals", ["ArrivalJournal.Read"], input => Methods.ArrivalJournal.Read(input), IsEngine) { Seeds = Samples.ArrivalJournals, Longest = 32 << 10 },
        new("addresses", ["HostAddress.Parse", "HostAddress.TryParse"], input => HostAddress.TryParse(Encoding.UTF8.GetString(input), out _, out int? _, out _), IsEngine)
        {
            Seeds = [.. Samples.Texts("[fe80::1%eth0]:7000"), .. Samples.Texts("xen2.example.org:7000")],
            Longest = 1024,
            AllocationPerByte = 1024,
        },
        new("address-spaces", ["AddressSpaceReader.Read"], ReadAddressSpaces, IsEngine)
        {
            // Three buffers of tables, and the axis of a guest of 256 pages; whatever the tables hold.
            Seeds = Samples.AddressSpaces,
            Allocation = 4 << 20,
            Longest = 48 << 10,
        },
        new("pv-page-tables", ["PvMemoryMap.Read"], ReadMemoryMap, IsEngine) { Seeds = Samples.GuestTables, Longest = 32 << 10 },
    ];

    /// <summary>What QEMU says of a disk that has an overlay, which goes back.</summary>
    private const string QmpDisks = """
        {"QMP":{}}
        {"return":{}}
        {"return":{}}
        {"return":[{"node-name":"xvda-raw","file":"/srv/web.img","ro":true,"image":{"virtual-size":512}},{"node-name":"prerecord-51712","ro":false}]}
        {"return":[{"inserted":{"node-name":"prerecord-51712"}},{"device":"cd"}]}
        {"return":[{"id":"prerecord-51712","status":"ready","total-progress":4096,"current-progress":4096}]}

        """;

    private static string[] StreamReaders =>
    [
        "LibxlRecordTable.Read", "LibxcRecordTable.Read", "X86PvInfoRecord.Read", "X86PvP2mFramesRecord.Read", "X86PvVcpuRecord.Read", "SharedInfoRecord.Read",
        "CheckpointStateRecord.Read", "EmulatorXenstoreDataRecord.Read", "EmulatorContextRecord.Read", "LibxcImageHeader.Read", "LibxcDomainHeader.Read",
        "PageDataRecord.Read", "LibxlHeader.Read", "XlHeader.Read", "X86TscInfoRecord.Read", "HvmParamsRecord.Read", "HvmContextRecord.Read",
        "X86CpuidPolicyRecord.Read", "X86MsrPolicyRecord.Read", "CheckpointDirtyPfnListRecord.Read",
    ];

    private static bool IsEngine(Exception error) => error is MigrationException;

    private static bool IsStream(Exception error) => error is XenStreamException;

    private static void ReadHistory(byte[] input)
    {
        using MemoryStream stream = new(input);
        HistoryFile.ReadLines(stream, line =>
        {
            if (line is { } bytes && HistoryLine.TryRead(bytes, out HistoryEntry? entry) && !ForeignText.IsPlain(entry.ToString()))
            {
                throw new InvalidOperationException("What was read may not be shown.");
            }
        });
    }

    private static void ReadBoard(byte[] input)
    {
        _ = BoardFolder.TryParse(Encoding.UTF8.GetString(input), out _);
        BoardWord word = BoardWord.Read(input);
        foreach (object? shown in word.Migrations.SelectMany(one => new object?[] { one, one.GetResult(), one.GetFailure()?.Message })
            .Concat(word.Receivers.SelectMany(one => new object?[] { one.HostName, one.Endpoint, one.Thumbprint, one.Incoming, one.Rejections })))
        {
            if (!ForeignText.IsPlain(shown?.ToString()))
            {
                throw new InvalidOperationException("What was read may not be shown.");
            }
        }
    }

    /// <summary>Reads records one after another, as both sides read them.</summary>
    private static void ReadRecords(byte[] input)
    {
        foreach (ControlReader? reader in new[] { null, ControlReader.AtSource(Pages), ControlReader.AtDestination(new MemoryBudget(8 << 20).Share(null)) })
        {
            try
            {
                foreach ((RecordType type, byte[] body) in Samples.Split(input))
                {
                    _ = reader is null ? RecordCodec.Decode(type, body) : reader.Read(type, body);
                }
            }
            catch (MigrationException)
            {
                // The other readers are still to read it.
            }
        }
    }

    private static void ReadConnection(byte[] input)
    {
        using Connection connection = new(new OneWayStream(input)) { Memory = new MemoryBudget(1 << 20).Share(null) };
        while (true)
        {
            connection.Receive(out _);
        }
    }

    private static readonly PageBatch s_batch = new();
    private static readonly MemoryWithEnd s_body = new();
    private static readonly MemoryWithEnd s_expanded = new();

    private static void ReadBatch(byte[] input) => s_batch.Decode(RecordType.Pages, input, s_pages, out _, out _);

    /// <summary>Reads a batch, and its block into no more room than its pages take. Both end where memory does: what reads or writes beyond ends this
    /// process.</summary>
    private static void ReadCompressedBatch(byte[] input)
    {
        Span<byte> body = s_body.OfLength(input.Length);
        input.CopyTo(body);
        _ = Lz4.TryDecompress(body[Math.Min(12, body.Length)..], s_expanded.OfLength(Page.Size));
        s_batch.Decode(RecordType.CompressedPages, body, s_pages, out _, out _);
    }

    private static void ReadRest(byte[] input) => RestPages.Decode(input, s_pages, new PageBitmap(s_pages.PageCount));

    private static void ReadRequest(byte[] input)
    {
        using Connection connection = new(new OneWayStream([]));
        using DemandGate gate = new();
        using FaultServer server = new(connection, null!, new SentPageTable(s_pages), gate, _ => { });
        server.Take(RecordType.PageRequest, input, CancellationToken.None);
    }

    private static void ReadStream(byte[] input, XenStreamFormat format)
    {
        foreach (XenStreamRecord record in new XenStreamReader(new MemoryStream(input), format).ReadAll())
        {
            if (record is PageDataRecord pages)
            {
                foreach (XenStreamPage page in pages.Pages())
                {
                    _ = page.Content.Length;
                }
            }

            _ = (record as EmulatorXenstoreDataRecord)?.Pairs();
        }
    }

    private static void ReadXlConfiguration(byte[] input)
    {
        string json = Encoding.UTF8.GetString(input);
        DomainDescription description = new("vm", DomainKind.Pvh, 0, [], 1, default);
        string built = XlAdmission.Build(s_policy, description, json, long.MaxValue, out IReadOnlyList<AdmissionRefusal> refusals, out _);
        if (refusals.Count == 0)
        {
            // Only the configuration that was built goes on.
            _ = XlConfiguration.ForRestore(built, "vm--incoming");
            _ = Arrival.Of("vm", built);
            XenDomainConfiguration configuration = new(built, 4, 17, default, default, [], []) { DiskBytes = [1 << 20, 0, input.Length] };
            _ = new DeviceNeeds(configuration, static _ => false, new AnyDevices(input)).FindMissing();
        }
    }

    private static void ReadQmp(byte[] input)
    {
        using QmpConnection connection = QmpConnection.Over(new OneWayStream(input), "vm");
        ImageName image = new(5, "0", 51712, "xvda-raw", "/srv/web.img");
        while (true)
        {
            connection.Execute("stop");
            _ = QemuImages.StateOf(connection, image);
            _ = QemuImages.MergeOf(connection, image);
        }
    }

    private static void ReadBlock(byte[] input)
    {
        AccessRecord[] records = new AccessRecord[input.Length > 0 ? input[0] : 0];
        byte[] decoded = new byte[input.Length > 1 ? input[1] * 3 : 0];
        TrajectoryBlock.TryDecode(input.AsSpan(Math.Min(2, input.Length)), decoded, records);

        // The same block after its decompression.
        AccessRecord[] plain = new AccessRecord[records.Length];
        byte[] compressed = new byte[input.Length + 64];
        if (System.IO.Compression.BrotliEncoder.TryCompress(input.AsSpan(Math.Min(1, input.Length)), compressed, out int length, 1, 10))
        {
            TrajectoryBlock.TryDecode(compressed.AsSpan(0, length), new byte[Math.Max(0, input.Length - 1)], plain);
        }
    }

    private static void ReadSimulated(byte[] input)
    {
        (_, SimulatedDomainOptions options) = DomainConfiguration.Read(input, "vm");
        GuestLayout layout = new(options);
        VcpuContext.TryRead(input.AsSpan(0, VcpuContext.Size), layout, out _);
    }

    private static void ReadLoopback(byte[] input)
    {
        string text = Encoding.ASCII.GetString(input);
        System.Net.IPEndPoint here = new(System.Net.IPAddress.Loopback, 0x1B58);
        LoopbackPeer.UserOf(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0xB2C1), here, text.Split('\n'));
        LoopbackKey.Parse(text, "/run/key");
    }

    private static void ReadAnswer(byte[] input) =>
        LoopbackProof.Connect(new StreamChannel(new OneWayStream(input)), Samples.Key, "127.0.0.1:7000", CancellationToken.None);

    private static void ReadNotes(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        SourceMarker.OriginOf(text);
        SuspendRequest.OriginOf(text);
        ArrivalNames.Parse(text);
        IncomingMarker.Parse(7, text);
        _ = OwnerProcess.TryParse(text, out _);
        PeerName.Of(text);
        Departure.Read(text);
        RouteNote.Read(text);
    }

    /// <summary>Reads a guest's address spaces, from memory that is the input, repeated. Every page is looked at for a root; each has one place.</summary>
    private static void ReadAddressSpaces(byte[] input)
    {
        PageBitmap populated = new(256);
        populated.SetRange(0, 250);
        CoreState core = new([new VcpuState(0, 0, PagingMode.FourLevel)], [], PageSet.Empty, 0);
        AddressSpaces spaces = AddressSpaceReader.Read(core, new RepeatedMemory(input, populated.PageCount), populated, s_candidates);
        if (spaces.Places.Count != populated.Count)
        {
            throw new InvalidOperationException("A page would stay behind.");
        }

        for (int pfn = 0; pfn < populated.PageCount; pfn++)
        {
            if (spaces.Axis.PfnAt(spaces.Axis.PositionOf(pfn)) != pfn || (spaces.UseOf(pfn) != PageUse.None && !populated[pfn]))
            {
                throw new InvalidOperationException($"Page {pfn} is not where it stands.");
            }
        }
    }

    private static readonly int[] s_candidates = [.. Enumerable.Range(0, 256)];

    /// <summary>Reads a guest's page tables. The guest's memory is the input, repeated.</summary>
    private static void ReadMemoryMap(byte[] input)
    {
        PvMemoryMap map = PvMemoryMap.Read(Read, 0, 0xFFFF_8000_0000_0000, Pages, "vm");
        _ = map.FindPages();
        map.TryFind(1, out _);

        void Read(ReadOnlySpan<ulong> frames, Span<byte> pages)
        {
            for (int i = 0; i < frames.Length; i++)
            {
                Span<byte> page = Page.At(pages, i);
                page.Clear();
                int at = (int)(frames[i] * Page.Size % (ulong)Math.Max(1, input.Length));
                input.AsSpan(at, Math.Min(Page.Size, input.Length - at)).CopyTo(page);
            }
        }
    }

    private static PageBitmap AllPages()
    {
        PageBitmap pages = new(Pages);
        pages.SetAll();
        return pages;
    }
}
