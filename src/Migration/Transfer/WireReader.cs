using System.Buffers.Binary;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Transfer;

/// <summary>Reads the fields of one record's body; every length is checked before it is believed.</summary>
/// <param name="type">The record's type, for messages.</param>
/// <param name="body">Its body.</param>
internal ref struct WireReader(RecordType type, ReadOnlySpan<byte> body)
{
    private static readonly UTF8Encoding s_strictUtf8 = new(false, true);
    private readonly ReadOnlySpan<byte> _body = body;
    private int _offset;

    public byte ReadByte() => Take(1)[0];

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public Guid ReadGuid() => new(Take(16));

    /// <summary>Reads a count or pfn that the engine keeps as a non-negative <see cref="int"/>.</summary>
    public int ReadCount(int maximum)
    {
        uint value = ReadUInt32();
        return value <= (uint)maximum ? (int)value : throw Violation($"a count of {value}, more than {maximum}");
    }

    /// <summary>Reads a text of the peer's for people, made fit to be shown.</summary>
    public string ReadText() => ForeignText.Show(ReadString());

    /// <summary>Reads a name; a text that cannot be shown as it is is refused.</summary>
    public string ReadName() => ReadString() is { } name && ForeignText.IsName(name)
        ? name
        : throw Violation("a name that is empty, too long, or has control characters");

    private string ReadString()
    {
        ReadOnlySpan<byte> bytes = Take(ReadCount(Protocol.MaximumString));
        try
        {
            return s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Violation("a string that is not UTF-8");
        }
    }

    public byte[] ReadBytes() => Take(ReadCount(Protocol.MaximumLength)).ToArray();

    public readonly void ExpectEnd()
    {
        if (_offset != _body.Length)
        {
            throw Violation($"{_body.Length - _offset} bytes too many");
        }
    }

    public readonly MigrationException Violation(string what) => ProtocolErrors.Violation(
        $"A {type} record of {_body.Length} bytes holds {what} (at byte {_offset}).");

    /// <summary>Takes what is left.</summary>
    public ReadOnlySpan<byte> TakeRest() => Take(_body.Length - _offset);

    public ReadOnlySpan<byte> Take(int length)
    {
        if (length > _body.Length - _offset)
        {
            throw Violation($"{_body.Length - _offset} bytes where {length} must follow");
        }

        ReadOnlySpan<byte> taken = _body.Slice(_offset, length);
        _offset += length;
        return taken;
    }
}
