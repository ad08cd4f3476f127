using System.Text;

namespace PreRecordMigration.Xen.Streams;

/// <summary>Which device emulator a record of a libxl stream belongs to.</summary>
public enum EmulatorKind : uint
{
    /// <summary>Unknown, in converted legacy streams.</summary>
    Unknown = 0,

    /// <summary>QEMU traditional.</summary>
    QemuTraditional = 1,

    /// <summary>QEMU upstream.</summary>
    QemuUpstream = 2,
}

/// <summary>A libxl record without content.</summary>
public abstract record EmptyLibxlRecord : LibxlRecord
{
    private protected EmptyLibxlRecord()
    {
    }

    internal override long BodyLength => 0;

    internal override void WriteBody(StreamSink sink)
    {
    }
}

/// <summary>END of the libxl stream: nothing follows.</summary>
public sealed record LibxlEndRecord : EmptyLibxlRecord
{
    /// <inheritdoc/>
    public override LibxlRecordType Type => LibxlRecordType.End;
}

/// <summary>LIBXC_CONTEXT: a libxc image follows, from its image header on.</summary>
public sealed record LibxcContextRecord : EmptyLibxlRecord
{
    /// <inheritdoc/>
    public override LibxlRecordType Type => LibxlRecordType.LibxcContext;
}

/// <summary>CHECKPOINT_END: the libxc image goes on with the records of the next checkpoint.</summary>
public sealed record CheckpointEndRecord : EmptyLibxlRecord
{
    /// <inheritdoc/>
    public override LibxlRecordType Type => LibxlRecordType.CheckpointEnd;
}

/// <summary>CHECKPOINT_STATE: a control word of COLO.</summary>
/// <param name="ControlId">0 to 3, see libxl-migration-stream.pandoc.</param>
public sealed record CheckpointStateRecord(uint ControlId) : LibxlRecord
{
    /// <inheritdoc/>
    public override LibxlRecordType Type => LibxlRecordType.CheckpointState;

    /// <summary>4, or 8 where the saver counted the padding into the length.</summary>
    internal int Length { get; init; } = 8;

    internal override long BodyLength => Length;

    internal static CheckpointStateRecord Read(ref BodyReader body)
    {
        int length = body.Remaining;
        uint id = body.U32();
        if (body.Remaining != 0)
        {
            body.Reserved(4);
        }

        body.End();
        return new CheckpointStateRecord(id) { Length = length };
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.U32(ControlId);
        sink.Zeros(Length - 4);
    }
}

/// <summary>EMULATOR_XENSTORE_DATA: keys and values for the emulator's place in xenstore.</summary>
/// <param name="Emulator">The emulator.</param>
/// <param name="Index">Which emulator of the domain; Xen writes 0.</param>
/// <param name="Data">Packed pairs of zero-terminated texts: key, value, key, value.</param>
public sealed record EmulatorXenstoreDataRecord(EmulatorKind Emulator, uint Index, ReadOnlyMemory<byte> Data) : LibxlRecord
{
    /// <inheritdoc/>
    public override LibxlRecordType Type => LibxlRecordType.EmulatorXenstoreData;

    internal override long BodyLength => 8 + Data.Length;

    /// <summary>The pairs in <see cref="Data"/>, in order.</summary>
    /// <returns>Keys, relative to the emulator's place in xenstore, with values.</returns>
    public IReadOnlyList<KeyValuePair<string, string>> Pairs()
    {
        List<KeyValuePair<string, string>> pairs = [];
        ReadOnlySpan<byte> rest = Data.Span;
        while (!rest.IsEmpty)
        {
            string key = Next(ref rest);
            pairs.Add(new(key, Next(ref rest)));
        }

        return pairs;
    }

    internal static EmulatorXenstoreDataRecord Read(ref BodyReader body)
    {
        EmulatorKind emulator = EmulatorContextRecord.ReadKind(ref body);
        uint index = body.U32();
        ReadOnlyMemory<byte> data = body.Rest();
        if (!data.IsEmpty && (data.Span[^1] != 0 || data.Span.Count((byte)0) % 2 != 0))
        {
            throw body.Malformed("Its data are not pairs of zero-terminated texts.");
        }

        return new EmulatorXenstoreDataRecord(emulator, index, data);
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.U32((uint)Emulator);
        sink.U32(Index);
        sink.Bytes(Data.Span);
    }

    private static string Next(ref ReadOnlySpan<byte> rest)
    {
        int end = rest.IndexOf((byte)0);
        string text = Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
        rest = end < 0 ? default : rest[(end + 1)..];
        return text;
    }
}

/// <summary>EMULATOR_CONTEXT: the emulator's own state, opaque.</summary>
/// <param name="Emulator">The emulator.</param>
/// <param name="Index">Which emulator of the domain; Xen writes 0.</param>
/// <param name="Context">The state.</param>
public sealed record EmulatorContextRecord(EmulatorKind Emulator, uint Index, ReadOnlyMemory<byte> Context) : LibxlRecord
{
    /// <inheritdoc/>
    public override LibxlRecordType Type => LibxlRecordType.EmulatorContext;

    internal override long BodyLength => 8 + (long)Context.Length;

    internal static EmulatorContextRecord Read(ref BodyReader body)
    {
        EmulatorKind emulator = ReadKind(ref body);
        return new EmulatorContextRecord(emulator, body.U32(), body.Rest());
    }

    internal static EmulatorKind ReadKind(ref BodyReader body)
    {
        uint kind = body.U32();
        return kind <= (uint)EmulatorKind.QemuUpstream
            ? (EmulatorKind)kind
            : throw body.Refused($"Its emulator id 0x{kind:x} is unknown.", "Use a newer version of this module.");
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.U32((uint)Emulator);
        sink.U32(Index);
        sink.Bytes(Context.Span);
    }
}
