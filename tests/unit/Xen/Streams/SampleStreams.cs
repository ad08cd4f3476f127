using System.Buffers;
using System.Buffers.Binary;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Streams;

/// <summary>Builds small streams and contexts for the tests.</summary>
internal static class SampleStreams
{
    public const string Configuration = """
        {
            "c_info": {
                "type": "pvh",
                "name": "guest",
                "uuid": "ea9b4b2c-0a0f-4f0d-9a1e-7b1c5b0d8f10",
                "run_hotplug_scripts": "True"
            },
            "b_info": {
                "max_vcpus": 2,
                "max_memkb": 131072,
                "rtc_timeoffset": 0.00,
                "cmdline": "console=hvc0 name=\u00e9 \/init"
            }
        }

        """;

    public static byte[] Page(int seed)
    {
        byte[] page = new byte[4096];
        new Random(seed).NextBytes(page);
        return page;
    }

    public static XenStreamPage[] Pages() =>
    [
        new(0x10, XenPageType.Normal, Page(1)),
        new(0x11, XenPageType.Invalid, default),
        new(0xfeff9, XenPageType.Normal, Page(2)),
        new(0xfefff, XenPageType.AllocateOnly, default),
        new(0xfeffc, XenPageType.Broken, default),
        new((1L << 52) - 1, XenPageType.Normal, Page(3)),
    ];

    public static HvmParameter[] Parameters() => [new(1, 0xfeffc), new(17, 0xfefff), new(27, 0xfeff9)];

    public static byte[] HvmContext(int vcpus = 2)
    {
        ArrayBufferWriter<byte> writer = new();
        byte[] header = new byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0x54381286);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(16), 0x000306c3);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(20), 2_400_000);
        Entry(writer, 1, 0, header);
        for (int i = 0; i < vcpus; i++)
        {
            Entry(writer, 2, (ushort)i, Cpu(i));
        }

        Entry(writer, 19, 0, new byte[8]);
        Entry(writer, 0, 0, []);
        return writer.WrittenSpan.ToArray();
    }

    public static byte[] Cpu(int id)
    {
        byte[] cpu = new byte[1032];
        BinaryPrimitives.WriteUInt64LittleEndian(cpu.AsSpan(512), 0xa0UL + (ulong)id);
        BinaryPrimitives.WriteUInt64LittleEndian(cpu.AsSpan(568), 0xffff_c900_0000_0000);
        BinaryPrimitives.WriteUInt64LittleEndian(cpu.AsSpan(640), 0xffff_ffff_8100_0000);
        BinaryPrimitives.WriteUInt64LittleEndian(cpu.AsSpan(648), 0x246);
        BinaryPrimitives.WriteUInt64LittleEndian(cpu.AsSpan(656), 0x8005_0033);
        BinaryPrimitives.WriteUInt64LittleEndian(cpu.AsSpan(664), 0x7f00_0000_1000);
        BinaryPrimitives.WriteUInt64LittleEndian(cpu.AsSpan(672), 0x8000_0000_0123_4018 + ((ulong)id << 12));
        BinaryPrimitives.WriteUInt64LittleEndian(cpu.AsSpan(680), 0x6f0);
        BinaryPrimitives.WriteUInt64LittleEndian(cpu.AsSpan(992), 0xd01);
        BinaryPrimitives.WriteUInt64LittleEndian(cpu.AsSpan(1008), 123_456);
        BinaryPrimitives.WriteUInt32LittleEndian(cpu.AsSpan(1024), 1);
        return cpu;
    }

    public static void Entry(ArrayBufferWriter<byte> writer, ushort type, ushort instance, ReadOnlySpan<byte> body)
    {
        Span<byte> descriptor = writer.GetSpan(8);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor, type);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[2..], instance);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[4..], (uint)body.Length);
        writer.Advance(8);
        writer.Write(body);
    }

    /// <summary>A synthesised PVH domain, as <c>xl restore</c> gets it.</summary>
    public static byte[] Pvh()
    {
        MemoryStream stream = new();
        SynthesisedRestore restore = new(
            stream,
            new SynthesisedRestoreSettings(Configuration, 4, 17) { CpuidPolicy = new byte[48], MsrPolicy = new byte[16] });
        restore.Prepare(Pages(), Parameters());
        restore.Complete(new X86TscInfoRecord(2, 2_400_000, 77, 1), HvmContext());
        return stream.ToArray();
    }

    /// <summary>Records of every kind that an HVM domain in an xl file can have, a checkpoint included.</summary>
    public static IReadOnlyList<XenStreamRecord> HvmRecords() =>
    [
        XlHeader.ForConfiguration(Configuration),
        new LibxlHeader(),
        new LibxcContextRecord(),
        new LibxcImageHeader(),
        new LibxcDomainHeader(XenGuestKind.X86Hvm, 4, 17),
        new X86CpuidPolicyRecord(new byte[24]),
        new X86MsrPolicyRecord(new byte[32]),
        new StaticDataEndRecord(),
        new PageDataRecord(Pages()),
        new X86TscInfoRecord(0, 1, 2, 3),
        new HvmContextRecord(HvmContext()),
        new HvmParamsRecord(Parameters()),
        new CheckpointRecord(),
        new EmulatorXenstoreDataRecord(EmulatorKind.QemuUpstream, 0, "physmap/0\0value\0k\0v\0"u8.ToArray()),
        new EmulatorContextRecord(EmulatorKind.QemuUpstream, 0, Page(9).AsMemory(0, 333)),
        new CheckpointStateRecord(1),
        new CheckpointEndRecord(),
        new PageDataRecord([new(0x10, XenPageType.Normal, Page(4))]),
        new VerifyRecord(),
        new CheckpointDirtyPfnListRecord([1, 2, 3]),
        new LibxcEndRecord(),
        new LibxlEndRecord(),
    ];

    /// <summary>Records of every kind that a PV domain in a libxc image can have.</summary>
    public static IReadOnlyList<XenStreamRecord> PvRecords() =>
    [
        new LibxcImageHeader(),
        new LibxcDomainHeader(XenGuestKind.X86Pv, 4, 17),
        new X86PvInfoRecord(8, 4),
        new X86CpuidPolicyRecord(new byte[24]),
        new StaticDataEndRecord(),
        new X86PvP2mFramesRecord(0, 1023, [7, 8]),
        new PageDataRecord([new(5, XenPageType.L4TablePinned, Page(5)), new(6, XenPageType.L1Table, Page(6))]),
        new X86TscInfoRecord(0, 1, 2, 3),
        new SharedInfoRecord(Page(7)),
        new X86PvVcpuRecord(LibxcRecordType.X86PvVcpuBasic, 0, Page(8).AsMemory(0, 101)),
        new X86PvVcpuRecord(LibxcRecordType.X86PvVcpuExtended, 0, Page(8).AsMemory(0, 128)),
        new X86PvVcpuRecord(LibxcRecordType.X86PvVcpuXsave, 0, default),
        new X86PvVcpuRecord(LibxcRecordType.X86PvVcpuMsrs, 0, new byte[16]),
        new LibxcEndRecord(),
    ];

    public static byte[] Write(IEnumerable<XenStreamRecord> records, XenStreamFormat format)
    {
        MemoryStream stream = new();
        XenStreamWriter writer = new(stream, format);
        foreach (XenStreamRecord record in records)
        {
            writer.Write(record);
        }

        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Reads a stream and writes what was read.</summary>
    public static byte[] Rewrite(byte[] bytes, XenStreamFormat format)
    {
        MemoryStream stream = new();
        XenStreamReader reader = new(new ReadOnlySequence<byte>(bytes), format);
        XenStreamWriter writer = new(stream, format);
        foreach (XenStreamRecord record in reader.ReadAll())
        {
            writer.Write(record);
        }

        writer.Flush();
        return stream.ToArray();
    }
}
