using System.Buffers.Binary;

namespace PreRecordMigration.Xen.Streams;

/// <summary>
/// Reads the fields of one record's body, in order. Every read past the end and every reserved field that is not zero is
/// an error that names the record.
/// </summary>
/// <remarks>
/// Reserved fields are refused like <c>verify-stream-v2</c> does: what a newer Xen puts there would be lost silently, and
/// a stream that was accepted can be written again without a byte of difference.
/// </remarks>
internal ref struct BodyReader
{
    private const string MalformedRemedy =
        "The file is damaged or was not written by Xen; save the domain again, and check it with verify-stream-v2.";

    private readonly ReadOnlyMemory<byte> _body;
    private readonly string _record;
    private readonly long _offset;
    private int _position;

    public BodyReader(ReadOnlyMemory<byte> body, string record, long offset)
    {
        _body = body;
        _record = record;
        _offset = offset;
    }

    public readonly int Remaining => _body.Length - _position;

    public byte U8() => Take(1)[0];

    public ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public ushort BigU16() => BinaryPrimitives.ReadUInt16BigEndian(Take(2));

    public uint BigU32() => BinaryPrimitives.ReadUInt32BigEndian(Take(4));

    public ulong BigU64() => BinaryPrimitives.ReadUInt64BigEndian(Take(8));

    /// <summary>Reads reserved bytes, which must be zero.</summary>
    public void Reserved(int length)
    {
        if (Take(length).ContainsAnyExcept((byte)0))
        {
            throw Malformed("A reserved field is not zero.");
        }
    }

    /// <summary>The rest of the body, as part of the body's memory.</summary>
    public ReadOnlyMemory<byte> Rest() => Memory(Remaining);

    /// <summary>The next <paramref name="length"/> bytes, as part of the body's memory.</summary>
    public ReadOnlyMemory<byte> Memory(int length)
    {
        Require(length);
        ReadOnlyMemory<byte> memory = _body.Slice(_position, length);
        _position += length;
        return memory;
    }

    /// <summary>Refuses a body that has not been read to its end.</summary>
    public readonly void End()
    {
        if (Remaining != 0)
        {
            throw Malformed($"{Remaining} bytes are left after its last field; its length is {_body.Length}.");
        }
    }

    /// <summary>An error about this record.</summary>
    public readonly XenStreamException Malformed(string problem) => new(_record, _offset, problem, MalformedRemedy);

    /// <summary>An error about this record with a remedy of its own.</summary>
    public readonly XenStreamException Refused(string problem, string remedy) => new(_record, _offset, problem, remedy);

    private ReadOnlySpan<byte> Take(int length)
    {
        Require(length);
        ReadOnlySpan<byte> span = _body.Span.Slice(_position, length);
        _position += length;
        return span;
    }

    private readonly void Require(int length)
    {
        if (length > Remaining)
        {
            throw Malformed(
                $"Its length of {_body.Length} bytes is too short: byte {_position} should be followed by {length} more.");
        }
    }
}
