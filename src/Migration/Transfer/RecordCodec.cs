using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Transfer;

/// <summary>Writes and reads control records (docs/protocol.md). Header included on writing, body only on reading.</summary>
public static partial class RecordCodec
{
    /// <summary>Encodes a record with its header.</summary>
    /// <exception cref="MigrationException">The record does not fit the protocol's limits.</exception>
    public static byte[] Encode(ControlRecord record)
    {
        ArrayBufferWriter<byte> writer = new(256);
        WriteHeader(writer.GetSpan(Protocol.HeaderSize), TypeOf(record), 0);
        writer.Advance(Protocol.HeaderSize);
        WriteBody(writer, record);
        byte[] bytes = writer.WrittenSpan.ToArray();
        int length = bytes.Length - Protocol.HeaderSize;
        if (length > Protocol.MaximumLength)
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"A {TypeOf(record)} record would have {length} bytes, more than {Protocol.MaximumLength}.",
                "Memory too fragmented, or a configuration too large, for this version of the protocol.");
        }

        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), length);
        return bytes;
    }

    /// <summary>Decodes a control record's body that nothing came ahead of.</summary>
    /// <param name="type">From the header.</param>
    /// <param name="body">The body, as long as the header says.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>.</exception>
    public static ControlRecord Decode(RecordType type, ReadOnlySpan<byte> body) => Decode(type, body, null);

    /// <summary>Decodes a control record's body.</summary>
    /// <param name="type">From the header.</param>
    /// <param name="body">The body, as long as the header says.</param>
    /// <param name="ahead">What came ahead of it; null for nothing.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>.</exception>
    internal static ControlRecord Decode(RecordType type, ReadOnlySpan<byte> body, ControlReader? ahead)
    {
        WireReader reader = new(type, body);
        ControlRecord record = type switch
        {
            RecordType.Hello => ReadHello(ref reader),
            RecordType.Welcome => ReadWelcome(ref reader),
            RecordType.Prepare => ReadPrepare(ref reader, ahead),
            RecordType.Prepared => new PreparedRecord(),
            RecordType.CoreState => ReadCoreState(ref reader),
            RecordType.Restored => new RestoredRecord(),
            RecordType.Commit => new CommitRecord(),
            RecordType.Running => new RunningRecord(),
            RecordType.HandoverTimes => new HandoverTimesRecord(ReadTime(ref reader), ReadTime(ref reader), ReadTime(ref reader)),
            RecordType.Observations => ReadObservations(ref reader),
            RecordType.PushComplete => new PushCompleteRecord(),
            RecordType.Complete => ReadComplete(ref reader),
            RecordType.Released => new ReleasedRecord(),
            RecordType.Abort => ReadAbort(ref reader),
            RecordType.Settled => ReadSettled(ref reader),
            RecordType.Verdict => ReadVerdict(ref reader),
            RecordType.Resume => ReadResume(ref reader, ahead),
            RecordType.Resumed => new ResumedRecord(),
            _ => throw ProtocolErrors.Violation($"A record of type {(ushort)type} came where a control record must be."),
        };
        reader.ExpectEnd();
        return record;
    }

    /// <summary>Writes a record's header.</summary>
    public static void WriteHeader(Span<byte> header, RecordType type, int length)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)type);
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], type is RecordType.HandoverTimes or RecordType.Observations or RecordType.UsedPages ? Protocol.OptionalFlag : (ushort)0);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], length);
    }

    private static RecordType TypeOf(ControlRecord record) => record switch
    {
        HelloRecord => RecordType.Hello,
        WelcomeRecord => RecordType.Welcome,
        PrepareRecord => RecordType.Prepare,
        PreparedRecord => RecordType.Prepared,
        CoreStateRecord => RecordType.CoreState,
        RestoredRecord => RecordType.Restored,
        CommitRecord => RecordType.Commit,
        RunningRecord => RecordType.Running,
        HandoverTimesRecord => RecordType.HandoverTimes,
        ObservationsRecord => RecordType.Observations,
        PushCompleteRecord => RecordType.PushComplete,
        CompleteRecord => RecordType.Complete,
        ReleasedRecord => RecordType.Released,
        SettledRecord => RecordType.Settled,
        VerdictRecord => RecordType.Verdict,
        AbortRecord => RecordType.Abort,
        ResumeRecord => RecordType.Resume,
        ResumedRecord => RecordType.Resumed,
        _ => throw new ArgumentOutOfRangeException(nameof(record), record, null),
    };

    private static void WriteBody(ArrayBufferWriter<byte> writer, ControlRecord record)
    {
        switch (record)
        {
            case HelloRecord hello:
                Put(writer, Protocol.Magic);
                Put(writer, hello.Version);
                Put(writer, (ushort)hello.Role);
                writer.Write(hello.Session.ToByteArray());
                Put(writer, hello.Capabilities);
                break;
            case WelcomeRecord welcome:
                Put(writer, Protocol.Magic);
                Put(writer, welcome.Version);
                Put(writer, (ushort)0);
                Put(writer, welcome.Capabilities);
                break;
            case PrepareRecord prepare:
                WritePrepare(writer, prepare);
                break;
            case CoreStateRecord core:
                WriteCoreState(writer, core);
                break;
            case HandoverTimesRecord times:
                Put(writer, (ulong)times.Restore.Ticks);
                Put(writer, (ulong)times.Toolstack.Ticks);
                Put(writer, (ulong)times.Resume.Ticks);
                break;
            case ObservationsRecord observations:
                WriteObservations(writer, observations);
                break;
            case CompleteRecord complete:
                Put(writer, (ulong)complete.RemoteFaults);
                Put(writer, (ulong)complete.Latency.Mean.Ticks);
                Put(writer, (ulong)complete.Latency.Median.Ticks);
                Put(writer, (ulong)complete.Latency.P99.Ticks);
                Put(writer, (ulong)complete.Latency.Maximum.Ticks);
                Put(writer, (ulong)complete.Latency.Total.Ticks);
                Put(writer, (ulong)complete.DuplicatePages);
                break;
            case ResumeRecord resume:
                writer.Write([(byte)resume.Position]);
                Put(writer, (uint)resume.Missing.PageCount);
                int told = ToldAhead(resume.Missing.PageCount, Protocol.PagesInPart);
                byte[] rest = new byte[PageBitmap.ByteCount(resume.Missing.PageCount - told)];
                resume.Missing.CopyBytes(told, rest);
                writer.Write(rest);
                break;
            case AbortRecord abort:
                WriteAbort(writer, abort);
                break;
            case VerdictRecord verdict:
                WriteVerdict(writer, verdict.Verdict);
                break;
            case SettledRecord settled:
                PutString(writer, settled.Name);
                writer.Write([settled.Problem is null ? (byte)0 : (byte)1]);
                if (settled.Problem is not null)
                {
                    WriteAbort(writer, settled.Problem);
                }

                break;
        }
    }

    private static void WriteAbort(ArrayBufferWriter<byte> writer, AbortRecord abort)
    {
        Put(writer, (ushort)abort.ErrorId);
        PutString(writer, abort.Message);
        PutString(writer, abort.Remedy);
    }

    private static void WritePrepare(ArrayBufferWriter<byte> writer, PrepareRecord prepare)
    {
        DomainDescription description = prepare.Description;
        writer.Write([(byte)prepare.Arrival, (byte)description.Kind]);
        Put(writer, (ushort)description.VcpuCount);
        Put(writer, (uint)description.PageCount);
        PutString(writer, description.Name);
        int told = ToldAhead(description.Populated.Count, Protocol.RangesInPart);
        Put(writer, (uint)(description.Populated.Count - told));
        foreach (PageRange range in description.Populated.Skip(told))
        {
            Put(writer, (uint)range.First);
            Put(writer, (uint)range.Count);
        }

        Put(writer, (uint)description.Configuration.Length);
        writer.Write(description.Configuration.Span);
    }

    private static void WriteCoreState(ArrayBufferWriter<byte> writer, CoreStateRecord core)
    {
        Put(writer, (uint)core.PageCount);
        Put(writer, (uint)core.PageTablePageCount);
        Put(writer, (ushort)core.Vcpus.Count);
        foreach (VcpuState vcpu in core.Vcpus)
        {
            Put(writer, (ushort)vcpu.Index);
            Put(writer, (ushort)vcpu.Paging);
            Put(writer, vcpu.Cr3);
        }

        Put(writer, (ushort)core.Sections.Count);
        foreach (CoreStateSection section in core.Sections)
        {
            Put(writer, (ushort)section.Kind);
            Put(writer, (uint)section.Content.Length);
            writer.Write(section.Content.Span);
        }
    }

    private static HelloRecord ReadHello(ref WireReader reader)
    {
        ExpectMagic(ref reader);
        ushort version = reader.ReadUInt16();
        ConnectionRole role = (ConnectionRole)reader.ReadUInt16();
        if (!Enum.IsDefined(role))
        {
            throw reader.Violation($"the unknown role {(ushort)role}");
        }

        return new HelloRecord(version, role, reader.ReadGuid(), reader.ReadUInt64());
    }

    private static WelcomeRecord ReadWelcome(ref WireReader reader)
    {
        ExpectMagic(ref reader);
        ushort version = reader.ReadUInt16();
        reader.ReadUInt16();
        return new WelcomeRecord(version, reader.ReadUInt64());
    }

    private static PrepareRecord ReadPrepare(ref WireReader reader, ControlReader? ahead)
    {
        PageArrival arrival = (PageArrival)reader.ReadByte();
        if (!Enum.IsDefined(arrival))
        {
            throw reader.Violation($"memory that arrives in the unknown way {(byte)arrival}");
        }

        DomainKind kind = (DomainKind)reader.ReadByte();
        if (!Enum.IsDefined(kind))
        {
            throw reader.Violation($"the unknown domain kind {(byte)kind}");
        }

        int vcpus = reader.ReadUInt16();
        int pageCount = reader.ReadCount(int.MaxValue);
        string name = reader.ReadName();
        List<PageRange> ranges = ahead?.TakeRanges() ?? [];
        int count = reader.ReadCount(Protocol.RangesInPart);
        if (count == 0 && ranges.Count > 0)
        {
            throw reader.Violation("no range of pages after those that came ahead");
        }

        ReadRanges(ref reader, count, ranges.Count == 0 ? 0 : ranges[^1].End, pageCount, ranges);
        return new PrepareRecord(
            new DomainDescription(name, kind, pageCount, ranges, vcpus, reader.ReadBytes()), arrival);
    }

    private static CoreStateRecord ReadCoreState(ref WireReader reader)
    {
        int pages = reader.ReadCount(int.MaxValue);
        int tables = reader.ReadCount(pages);
        VcpuState[] vcpus = new VcpuState[reader.ReadUInt16()];
        for (int i = 0; i < vcpus.Length; i++)
        {
            int index = reader.ReadUInt16();
            PagingMode paging = (PagingMode)reader.ReadUInt16();
            vcpus[i] = new VcpuState(index, reader.ReadUInt64(), paging);
            if (!Enum.IsDefined(paging))
            {
                throw reader.Violation($"the unknown paging mode {(int)paging}");
            }
        }

        CoreStateSection[] sections = new CoreStateSection[reader.ReadUInt16()];
        for (int i = 0; i < sections.Length; i++)
        {
            sections[i] = new CoreStateSection((CoreStateKind)reader.ReadUInt16(), reader.ReadBytes());
        }

        return new CoreStateRecord(pages, tables, vcpus, sections);
    }

    private static CompleteRecord ReadComplete(ref WireReader reader)
    {
        long faults = ReadNumber(ref reader);
        FaultLatency latency = new(
            ReadTime(ref reader), ReadTime(ref reader), ReadTime(ref reader), ReadTime(ref reader), ReadTime(ref reader));
        return new CompleteRecord(faults, latency, ReadNumber(ref reader));
    }

    private static AbortRecord ReadAbort(ref WireReader reader)
    {
        MigrationErrorId id = (MigrationErrorId)reader.ReadUInt16();
        return new AbortRecord(
            Enum.IsDefined(id) ? id : MigrationErrorId.AbortedByPeer, reader.ReadText(), reader.ReadText());
    }

    private static SettledRecord ReadSettled(ref WireReader reader)
    {
        string name = reader.ReadName();
        byte hasProblem = reader.ReadByte();
        return hasProblem switch
        {
            0 => new SettledRecord(name, null),
            1 => new SettledRecord(name, ReadAbort(ref reader)),
            _ => throw reader.Violation($"{hasProblem} where 0 or 1 must be"),
        };
    }

    private static ResumeRecord ReadResume(ref WireReader reader, ControlReader? ahead)
    {
        ResumePosition position = (ResumePosition)reader.ReadByte();
        int pageCount = reader.ReadCount(int.MaxValue);
        int told = ToldAhead(pageCount, Protocol.PagesInPart);
        if (!Enum.IsDefined(position) || told != (ahead?.PagesTold ?? 0))
        {
            throw reader.Violation($"the unknown position {(byte)position}, or {pageCount} pages of which {ahead?.PagesTold ?? 0} came ahead");
        }

        ReadOnlySpan<byte> bits = reader.Take(PageBitmap.ByteCount(pageCount - told));
        PageBitmap missing = ahead?.TakeMissing(ref reader, position, pageCount) ?? new PageBitmap(pageCount);
        if (!missing.OrBytes(told, bits))
        {
            throw reader.Violation($"pages beyond {pageCount}");
        }

        return new ResumeRecord(position, missing);
    }

    private static void ExpectMagic(ref WireReader reader)
    {
        uint magic = reader.ReadUInt32();
        if (magic != Protocol.Magic)
        {
            throw reader.Violation($"the wrong magic number 0x{magic:X8}");
        }
    }

    private static TimeSpan ReadTime(ref WireReader reader) => TimeSpan.FromTicks(ReadNumber(ref reader));

    private static long ReadNumber(ref WireReader reader)
    {
        ulong value = reader.ReadUInt64();
        return value <= long.MaxValue ? (long)value : throw reader.Violation($"the number {value}");
    }

    private static void Put(ArrayBufferWriter<byte> writer, ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(writer.GetSpan(sizeof(ushort)), value);
        writer.Advance(sizeof(ushort));
    }

    private static void Put(ArrayBufferWriter<byte> writer, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(writer.GetSpan(sizeof(uint)), value);
        writer.Advance(sizeof(uint));
    }

    private static void Put(ArrayBufferWriter<byte> writer, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(writer.GetSpan(sizeof(ulong)), value);
        writer.Advance(sizeof(ulong));
    }

    private static void PutString(ArrayBufferWriter<byte> writer, string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        Put(writer, (uint)bytes.Length);
        writer.Write(bytes);
    }
}
