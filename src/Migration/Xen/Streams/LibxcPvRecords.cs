namespace PreRecordMigration.Xen.Streams;

/// <summary>X86_PV_INFO: comes before every other record of a PV domain that depends on it.</summary>
/// <param name="GuestWidth">Bytes of the guest's word: 4 or 8.</param>
/// <param name="PageTableLevels">3 or 4.</param>
public sealed record X86PvInfoRecord(byte GuestWidth, byte PageTableLevels) : LibxcRecord
{
    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.X86PvInfo;

    internal override long BodyLength => 8;

    internal static X86PvInfoRecord Read(ref BodyReader body)
    {
        X86PvInfoRecord record = new(body.U8(), body.U8());
        if (record is not ({ GuestWidth: 4, PageTableLevels: 3 } or { GuestWidth: 8, PageTableLevels: 4 }))
        {
            throw body.Malformed(
                $"A guest of width {record.GuestWidth} with {record.PageTableLevels} page-table levels does not exist.");
        }

        body.Reserved(6);
        body.End();
        return record;
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.U8(GuestWidth);
        sink.U8(PageTableLevels);
        sink.Zeros(6);
    }
}

/// <summary>X86_PV_P2M_FRAMES: the frames that hold the guest's physical-to-machine table.</summary>
/// <param name="StartPfn">First page frame number whose entry is in these frames.</param>
/// <param name="EndPfn">Last one, inclusive.</param>
/// <param name="Frames">Page frame numbers of the table's frames, from that of the first entry on.</param>
public sealed record X86PvP2mFramesRecord(uint StartPfn, uint EndPfn, IReadOnlyList<ulong> Frames) : LibxcRecord
{
    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.X86PvP2mFrames;

    internal override long BodyLength => 8 + (8L * Frames.Count);

    /// <summary>How many frames hold the entries of a range.</summary>
    /// <param name="startPfn">First page frame number.</param>
    /// <param name="endPfn">Last page frame number, inclusive, not below the first.</param>
    /// <param name="guestWidth">Bytes of an entry: 4 or 8.</param>
    /// <returns>The number of frames.</returns>
    public static long FrameCount(uint startPfn, uint endPfn, int guestWidth)
    {
        int perFrame = 4096 / guestWidth;
        return ((long)endPfn / perFrame) - ((long)startPfn / perFrame) + 1;
    }

    internal static X86PvP2mFramesRecord Read(ref BodyReader body, int guestWidth)
    {
        uint start = body.U32();
        uint end = body.U32();
        if (start > end)
        {
            throw body.Malformed($"Its first frame number {start} is above its last, {end}.");
        }

        long expected = FrameCount(start, end, guestWidth);
        if (body.Remaining != expected * 8)
        {
            throw body.Malformed($"Frame numbers {start} to {end} need {expected * 8} bytes; it has {body.Remaining}.");
        }

        return new X86PvP2mFramesRecord(start, end, ReadFrames(ref body));
    }

    internal static ulong[] ReadFrames(ref BodyReader body)
    {
        if (body.Remaining % 8 != 0)
        {
            throw body.Malformed($"Its frame numbers take {body.Remaining} bytes, which is not a multiple of 8.");
        }

        ulong[] frames = new ulong[body.Remaining / 8];
        for (int i = 0; i < frames.Length; i++)
        {
            frames[i] = body.U64();
        }

        return frames;
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.U32(StartPfn);
        sink.U32(EndPfn);
        foreach (ulong frame in Frames)
        {
            sink.U64(frame);
        }
    }
}

/// <summary>
/// X86_PV_VCPU_BASIC, _EXTENDED, _XSAVE or _MSRS: a block of a PV vCPU's state in the form of the hypercall of that name.
/// </summary>
/// <param name="Type">Which of the four.</param>
/// <param name="VcpuId">The vCPU.</param>
/// <param name="Context">The block. Empty in streams of Xen 4.6 to 4.8, which then means nothing.</param>
public sealed record X86PvVcpuRecord(LibxcRecordType Type, uint VcpuId, ReadOnlyMemory<byte> Context) : LibxcRecord
{
    /// <inheritdoc/>
    public override LibxcRecordType Type { get; } = IsVcpuType(Type)
        ? Type
        : throw new ArgumentOutOfRangeException(nameof(Type), Type, "Not a record of a PV vCPU.");

    internal override long BodyLength => 8 + (long)Context.Length;

    internal static X86PvVcpuRecord Read(LibxcRecordType type, ref BodyReader body)
    {
        uint id = body.U32();
        body.Reserved(4);
        return new X86PvVcpuRecord(type, id, body.Rest());
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.U32(VcpuId);
        sink.U32(0);
        sink.Bytes(Context.Span);
    }

    private static bool IsVcpuType(LibxcRecordType type) => type is LibxcRecordType.X86PvVcpuBasic
        or LibxcRecordType.X86PvVcpuExtended or LibxcRecordType.X86PvVcpuXsave or LibxcRecordType.X86PvVcpuMsrs;
}

/// <summary>SHARED_INFO: the content of a PV domain's shared info page.</summary>
/// <param name="Data">4096 bytes.</param>
public sealed record SharedInfoRecord(ReadOnlyMemory<byte> Data) : BlobLibxcRecord(Data)
{
    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.SharedInfo;

    internal static SharedInfoRecord Read(ref BodyReader body) => body.Remaining != PageDataRecord.PageLength
        ? throw body.Malformed($"Its length is {body.Remaining} bytes; the shared info page has 4096.")
        : new SharedInfoRecord(body.Rest());
}
