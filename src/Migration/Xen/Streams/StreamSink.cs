using System.Buffers.Binary;

namespace PreRecordMigration.Xen.Streams;

/// <summary>
/// Collects small fields in a buffer and passes large blocks through. Counts what was written, so that a record can be
/// checked against its announced length.
/// </summary>
internal sealed class StreamSink(Stream stream)
{
    private const int BufferLength = 32 * 1024;

    private readonly byte[] _buffer = new byte[BufferLength];
    private int _used;

    /// <summary>Bytes taken so far, flushed or not.</summary>
    public long Position { get; private set; }

    public void U8(byte value) => Claim(1)[0] = value;

    public void U16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Claim(2), value);

    public void U32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Claim(4), value);

    public void U64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Claim(8), value);

    public void BigU16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Claim(2), value);

    public void BigU32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Claim(4), value);

    public void BigU64(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Claim(8), value);

    /// <summary>Writes up to 64 zero bytes.</summary>
    public void Zeros(int length) => Claim(length).Clear();

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= BufferLength / 4)
        {
            bytes.CopyTo(Claim(bytes.Length));
            return;
        }

        Spill();
        stream.Write(bytes);
        Position += bytes.Length;
    }

    public void Flush()
    {
        Spill();
        stream.Flush();
    }

    private Span<byte> Claim(int length)
    {
        if (_used + length > BufferLength)
        {
            Spill();
        }

        Span<byte> claimed = _buffer.AsSpan(_used, length);
        _used += length;
        Position += length;
        return claimed;
    }

    private void Spill()
    {
        stream.Write(_buffer, 0, _used);
        _used = 0;
    }
}
