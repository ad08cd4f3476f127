using System.Buffers.Binary;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Xen.Domains;

/// <summary>
/// Takes a record apart that a peer sent. Nothing in it is believed: every length is checked against what is there and
/// against a limit before anything is allocated.
/// </summary>
internal ref struct XenRecordReader
{
    private readonly ReadOnlyMemory<byte> _content;
    private readonly string _what;
    private int _position;

    internal XenRecordReader(ReadOnlyMemory<byte> content, string what)
    {
        _content = content;
        _what = what;
    }

    internal uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)).Span);

    internal ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)).Span);

    /// <summary>Reads a block that stands behind its length.</summary>
    internal ReadOnlyMemory<byte> Block(int most, string name)
    {
        uint length = U32();
        return length <= (uint)most
            ? Take((int)length)
            : throw Malformed($"the {name} has {length} bytes, more than {most}");
    }

    /// <summary>Reads a count of elements of a fixed length, all of which must be there.</summary>
    internal int Count(int most, int elementLength, string name)
    {
        uint count = U32();
        return count <= (uint)most && count <= (uint)((_content.Length - _position) / elementLength)
            ? (int)count
            : throw Malformed($"it announces {count} {name}, more than {most} or than there are");
    }

    /// <summary>Refuses a record in which anything follows.</summary>
    internal readonly void End()
    {
        if (_position != _content.Length)
        {
            throw Malformed($"{_content.Length - _position} bytes follow its end");
        }
    }

    internal readonly MigrationException Malformed(string problem, Exception? cause = null) => new(
        MigrationErrorId.ProtocolViolation,
        $"The peer's Xen {_what} is malformed near byte {_position}: {problem}.",
        "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.",
        innerException: cause);

    private ReadOnlyMemory<byte> Take(int length)
    {
        if (length > _content.Length - _position)
        {
            throw Malformed($"{length} bytes are expected, {_content.Length - _position} are left");
        }

        ReadOnlyMemory<byte> taken = _content.Slice(_position, length);
        _position += length;
        return taken;
    }
}
