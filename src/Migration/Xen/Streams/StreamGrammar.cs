namespace PreRecordMigration.Xen.Streams;

/// <summary>What may come next in a stream.</summary>
internal enum StreamExpectation
{
    XlHeader,
    LibxlHeader,
    LibxlRecord,
    LibxcImageHeader,
    LibxcDomainHeader,
    LibxcRecord,
    Nothing,
}

/// <summary>
/// The order of headers and records, one and the same for reading and writing: which of the nested formats is open, and
/// which records are legal there. A check comes before a record's body is read or written, then the record is applied.
/// </summary>
internal sealed class StreamGrammar(XenStreamFormat format)
{
    private const string OrderRemedy =
        "The stream is damaged or its writer is wrong; save the domain again, and check it with verify-stream-v2.";

    private readonly XenStreamFormat _format = format;
    private int _version;
    private XenGuestKind _kind;
    private bool _pvInfoSeen;
    private bool _staticDataEnded;
    private bool _libxcSeen;
    private bool _inCheckpoint;

    public StreamExpectation Next { get; private set; } = format switch
    {
        XenStreamFormat.Xl => StreamExpectation.XlHeader,
        XenStreamFormat.Libxl => StreamExpectation.LibxlHeader,
        XenStreamFormat.Libxc => StreamExpectation.LibxcImageHeader,
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "Not a stream format."),
    };

    /// <summary>Bytes of a PV guest's word; 8 until X86_PV_INFO says otherwise.</summary>
    public int GuestWidth { get; private set; } = 8;

    /// <summary>Whether the record may come here.</summary>
    /// <exception cref="XenStreamException">It may not.</exception>
    public void Check(XenStreamRecord record, long offset)
    {
        StreamExpectation needed = record switch
        {
            XlHeader => StreamExpectation.XlHeader,
            LibxlHeader => StreamExpectation.LibxlHeader,
            LibxlRecord => StreamExpectation.LibxlRecord,
            LibxcImageHeader => StreamExpectation.LibxcImageHeader,
            LibxcDomainHeader => StreamExpectation.LibxcDomainHeader,
            _ => StreamExpectation.LibxcRecord,
        };
        if (needed != Next)
        {
            throw Illegal(record.Name, offset, $"It cannot come here: the next part must be of kind {Next}.");
        }

        if (record is LibxlRecord libxl)
        {
            Check(libxl.Type, offset);
        }
        else if (record is LibxcRecord libxc)
        {
            Check(libxc.Type, offset);
        }
    }

    /// <summary>Whether a libxl record of this type may come here.</summary>
    public void Check(LibxlRecordType type, long offset)
    {
        string? problem = type switch
        {
            LibxlRecordType.LibxcContext when _libxcSeen => "There was a libxc image already.",
            LibxlRecordType.End when !_libxcSeen => "The stream ends without a libxc image.",
            LibxlRecordType.End when _inCheckpoint => "The stream ends inside a checkpoint.",
            LibxlRecordType.CheckpointEnd when !_inCheckpoint => "No checkpoint is open.",
            LibxlRecordType.EmulatorContext or LibxlRecordType.EmulatorXenstoreData
                when _libxcSeen && _kind == XenGuestKind.X86Pv => "A PV domain has no emulator to restore.",
            _ => null,
        };
        if (problem is not null)
        {
            throw Illegal(LibxlRecordTable.Name(type), offset, problem);
        }
    }

    /// <summary>Whether a libxc record of this type may come here.</summary>
    public void Check(LibxcRecordType type, long offset)
    {
        string? problem = KindProblem(type) ?? VersionProblem(type) ?? OrderProblem(type);
        if (problem is not null)
        {
            throw Illegal(LibxcRecordTable.Name(type), offset, problem);
        }
    }

    /// <summary>Moves on by a record that was checked.</summary>
    public void Apply(XenStreamRecord record)
    {
        switch (record)
        {
            case XlHeader:
                Next = StreamExpectation.LibxlHeader;
                break;
            case LibxlHeader or CheckpointStateRecord or EmulatorContextRecord or EmulatorXenstoreDataRecord:
                Next = StreamExpectation.LibxlRecord;
                break;
            case LibxcContextRecord:
                _libxcSeen = true;
                Next = StreamExpectation.LibxcImageHeader;
                break;
            case CheckpointEndRecord:
                _inCheckpoint = false;
                Next = StreamExpectation.LibxcRecord;
                break;
            case LibxlEndRecord:
                Next = StreamExpectation.Nothing;
                break;
            case LibxcImageHeader header:
                _version = header.Version;
                _staticDataEnded = header.Version < 3; // version 2 has no such mark: nothing to wait for
                Next = StreamExpectation.LibxcDomainHeader;
                break;
            case LibxcDomainHeader header:
                _kind = header.Kind;
                Next = StreamExpectation.LibxcRecord;
                break;
            case LibxcRecord libxc:
                Apply(libxc);
                break;
            default:
                throw new InvalidOperationException($"{record.Name} has no place in the order of a stream.");
        }
    }

    private static XenStreamException Illegal(string record, long offset, string problem) =>
        new(record, offset, problem, OrderRemedy);

    private void Apply(LibxcRecord record)
    {
        switch (record)
        {
            case X86PvInfoRecord info:
                _pvInfoSeen = true;
                GuestWidth = info.GuestWidth;
                break;
            case StaticDataEndRecord:
                _staticDataEnded = true;
                break;
            case CheckpointRecord when _format != XenStreamFormat.Libxc:
                _inCheckpoint = true;
                Next = StreamExpectation.LibxlRecord;
                break;
            case LibxcEndRecord:
                Next = _format == XenStreamFormat.Libxc ? StreamExpectation.Nothing : StreamExpectation.LibxlRecord;
                break;
            default:
                break;
        }
    }

    private string? KindProblem(LibxcRecordType type)
    {
        bool pvOnly = type is LibxcRecordType.X86PvInfo or LibxcRecordType.X86PvP2mFrames or LibxcRecordType.SharedInfo
            or LibxcRecordType.X86PvVcpuBasic or LibxcRecordType.X86PvVcpuExtended or LibxcRecordType.X86PvVcpuXsave
            or LibxcRecordType.X86PvVcpuMsrs;
        bool hvmOnly = type is LibxcRecordType.HvmContext or LibxcRecordType.HvmParams;
        return (pvOnly && _kind != XenGuestKind.X86Pv) || (hvmOnly && _kind != XenGuestKind.X86Hvm)
            ? $"It does not belong in the image of an {(_kind == XenGuestKind.X86Pv ? "x86 PV" : "x86 HVM")} domain."
            : null;
    }

    private string? VersionProblem(LibxcRecordType type) =>
        _version < 3
        && type is (LibxcRecordType.StaticDataEnd or LibxcRecordType.X86CpuidPolicy or LibxcRecordType.X86MsrPolicy)
            ? "An image of version 2 has no such record."
            : null;

    private string? OrderProblem(LibxcRecordType type)
    {
        switch (type)
        {
            case LibxcRecordType.PageData or LibxcRecordType.X86PvP2mFrames when !_staticDataEnded:
                return "STATIC_DATA_END has to come before it.";
            case LibxcRecordType.StaticDataEnd when _staticDataEnded:
                return "There was one already.";
            case LibxcRecordType.X86PvInfo when _pvInfoSeen:
                return "There was one already.";
            case LibxcRecordType.X86PvP2mFrames or LibxcRecordType.StaticDataEnd
                when _kind == XenGuestKind.X86Pv && !_pvInfoSeen:
                return "X86_PV_INFO has to come before it.";
            default:
                return null;
        }
    }
}
