using System.Buffers;
using System.Buffers.Binary;

namespace PreRecordMigration.Xen.Streams;

/// <summary>
/// Reads a Xen migration stream one record at a time: a file of <c>xl save</c>, a libxl stream or a libxc image. Works in
/// constant memory and treats the stream as hostile.
/// </summary>
/// <remarks>
/// It consumes exactly the stream, up to and including the last END record, and never a byte beyond it. Unknown optional
/// records (type bit 31) are skipped, unknown mandatory ones refused. What it accepts,
/// <see cref="XenStreamWriter"/> writes again without a byte of difference, skipped records apart.
/// </remarks>
public sealed class XenStreamReader
{
    private const int RecordHeaderLength = 8;
    private const int FirstBlock = 64 * 1024;
    private const uint OptionalBit = 0x8000_0000;

    private const string TruncatedRemedy =
        "The file was cut short, or the connection broke: save or send the domain again.";

    private readonly Stream _stream;
    private readonly XenStreamLimits _limits;
    private readonly StreamGrammar _grammar;
    private byte[] _pageBuffer = [];
    private bool _failed;

    /// <summary>Reads from a stream, which the caller owns.</summary>
    /// <param name="stream">A readable stream; it need not seek.</param>
    /// <param name="format">The outermost format.</param>
    /// <param name="limits">Limits on record lengths, or null for the defaults.</param>
    /// <exception cref="ArgumentException">The stream cannot be read.</exception>
    public XenStreamReader(Stream stream, XenStreamFormat format = XenStreamFormat.Xl, XenStreamLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanRead)
        {
            throw new ArgumentException("The stream cannot be read.", nameof(stream));
        }

        _stream = stream;
        _limits = limits ?? XenStreamLimits.Default;
        _grammar = new StreamGrammar(format);
    }

    /// <summary>Reads from memory.</summary>
    /// <param name="sequence">The whole stream.</param>
    /// <param name="format">The outermost format.</param>
    /// <param name="limits">Limits on record lengths, or null for the defaults.</param>
    public XenStreamReader(
        ReadOnlySequence<byte> sequence, XenStreamFormat format = XenStreamFormat.Xl, XenStreamLimits? limits = null)
        : this(new SequenceStream(sequence), format, limits)
    {
    }

    /// <summary>Bytes read so far.</summary>
    public long Position { get; private set; }

    /// <summary>Offset in bytes at which the last record that was returned begins.</summary>
    public long RecordOffset { get; private set; }

    /// <summary>Optional records of unknown type that were skipped.</summary>
    public int SkippedRecords { get; private set; }

    /// <summary>Reads the next header or record.</summary>
    /// <returns>The record, or null after the END of the outermost format. See <see cref="PageDataRecord"/> for how long
    /// its memory is valid; all other records own theirs.</returns>
    /// <exception cref="XenStreamException">The stream is malformed, truncated or over a limit.</exception>
    /// <exception cref="IOException">The underlying stream failed.</exception>
    /// <exception cref="InvalidOperationException">An earlier read failed.</exception>
    public XenStreamRecord? Read()
    {
        if (_failed)
        {
            throw new InvalidOperationException("An earlier read of this stream failed; nothing can be read after that.");
        }

        _failed = true; // until this read has succeeded
        XenStreamRecord? record = ReadNext();
        if (record is not null)
        {
            _grammar.Apply(record);
        }

        _failed = false;
        return record;
    }

    /// <summary>Reads all that is left.</summary>
    /// <returns>The records, lazily; each PAGE_DATA record is valid until the next is taken.</returns>
    public IEnumerable<XenStreamRecord> ReadAll()
    {
        while (Read() is { } record)
        {
            yield return record;
        }
    }

    private XenStreamRecord? ReadNext()
    {
        RecordOffset = Position;
        switch (_grammar.Next)
        {
            case StreamExpectation.XlHeader:
                return ReadXlHeader();
            case StreamExpectation.LibxlHeader:
                BodyReader libxl = ReadHeader(LibxlHeader.Length, "libxl header");
                return LibxlHeader.Read(ref libxl);
            case StreamExpectation.LibxcImageHeader:
                BodyReader image = ReadHeader(LibxcImageHeader.Length, "libxc image header");
                return LibxcImageHeader.Read(ref image);
            case StreamExpectation.LibxcDomainHeader:
                BodyReader domain = ReadHeader(LibxcDomainHeader.Length, "libxc domain header");
                return LibxcDomainHeader.Read(ref domain);
            case StreamExpectation.LibxlRecord:
                return ReadLibxl();
            case StreamExpectation.LibxcRecord:
                return ReadLibxc();
            default:
                return null;
        }
    }

    private XlHeader ReadXlHeader()
    {
        const string name = "xl header";
        BodyReader body = ReadHeader(XlHeader.FixedLength, name);
        (uint mandatory, uint optional, uint length) = XlHeader.ReadFixed(ref body);
        RequireLimit(length, _limits.Other, name);
        BodyReader data = new(ReadBlock((int)length, name, reuse: false), name, RecordOffset);
        return XlHeader.Read(mandatory, optional, ref data);
    }

    private LibxlRecord ReadLibxl()
    {
        (uint rawType, uint length) = ReadRecordHeader("libxl record header", LibxlRecordTable.IsKnown);
        LibxlRecordType type = (LibxlRecordType)rawType;
        _grammar.Check(type, RecordOffset);
        string name = LibxlRecordTable.Name(type);
        BodyReader body = ReadBody(length, LibxlRecordTable.Limit(type, _limits), name, reuse: false);
        return LibxlRecordTable.Read(type, ref body);
    }

    private LibxcRecord ReadLibxc()
    {
        (uint rawType, uint length) = ReadRecordHeader("libxc record header", LibxcRecordTable.IsKnown);
        LibxcRecordType type = (LibxcRecordType)rawType;
        _grammar.Check(type, RecordOffset);
        string name = LibxcRecordTable.Name(type);
        int limit = LibxcRecordTable.Limit(type, _limits);
        BodyReader body = ReadBody(length, limit, name, reuse: type == LibxcRecordType.PageData);
        return LibxcRecordTable.Read(type, ref body, _grammar.GuestWidth);
    }

    /// <summary>Reads record headers until one has a known type.</summary>
    private (uint Type, uint Length) ReadRecordHeader(string name, Func<uint, bool> isKnown)
    {
        Span<byte> header = stackalloc byte[RecordHeaderLength];
        while (true)
        {
            RecordOffset = Position;
            Fill(header, name, 0, RecordHeaderLength);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(header);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
            if (isKnown(type))
            {
                return (type, length);
            }

            if ((type & OptionalBit) == 0)
            {
                throw new XenStreamException(
                    name,
                    RecordOffset,
                    $"The mandatory record type 0x{type:x8} is unknown.",
                    "If verify-stream-v2 accepts the file, use a newer version of this module; otherwise save the domain again.");
            }

            Skip(length, $"optional record 0x{type:x8}");
        }
    }

    private void Skip(uint length, string name)
    {
        RequireLimit(length, XenStreamLimits.XenRecordMaximum, name);
        Span<byte> buffer = stackalloc byte[4096];
        long left = length;
        while (left > 0)
        {
            int part = (int)Math.Min(left, buffer.Length);
            Fill(buffer[..part], name, length - left, length);
            left -= part;
        }

        ReadPadding(length, name);
        SkippedRecords++;
    }

    private BodyReader ReadHeader(int length, string name) =>
        new(ReadBlock(length, name, reuse: false), name, RecordOffset);

    private BodyReader ReadBody(uint length, int limit, string name, bool reuse)
    {
        RequireLimit(length, limit, name);
        ReadOnlyMemory<byte> body = ReadBlock((int)length, name, reuse);
        ReadPadding(length, name);
        return new BodyReader(body, name, RecordOffset);
    }

    private void ReadPadding(uint length, string name)
    {
        Span<byte> padding = stackalloc byte[(int)(-length & 7)];
        Fill(padding, name, length, length + padding.Length);
        if (padding.ContainsAnyExcept((byte)0))
        {
            throw new XenStreamException(
                name,
                RecordOffset,
                "The padding after its body is not zero.",
                "The file is damaged or was not written by Xen; save the domain again.");
        }
    }

    private void RequireLimit(uint length, int limit, string name)
    {
        if (length > limit)
        {
            throw new XenStreamException(
                name,
                RecordOffset,
                $"Its length of {length} bytes is over the limit of {limit}.",
                "The file is damaged, or the limit is too small for this domain: check with verify-stream-v2, raise the limit.");
        }
    }

    /// <summary>Reads a block. Its memory grows with what has arrived, not with what was announced.</summary>
    private ReadOnlyMemory<byte> ReadBlock(int length, string name, bool reuse)
    {
        byte[] block = reuse ? _pageBuffer : [];
        int used = 0;
        while (used < length)
        {
            if (used == block.Length)
            {
                Array.Resize(ref block, Math.Min(length, Math.Max(FirstBlock, used * 2)));
            }

            int part = Math.Min(length, block.Length) - used;
            Fill(block.AsSpan(used, part), name, used, length);
            used += part;
        }

        if (reuse)
        {
            _pageBuffer = block;
        }

        return block.AsMemory(0, length);
    }

    private void Fill(Span<byte> buffer, string name, long done, long whole)
    {
        int got = _stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        Position += got;
        if (got != buffer.Length)
        {
            throw new XenStreamException(
                name, RecordOffset, $"The stream ends after {done + got} of its {whole} bytes.", TruncatedRemedy);
        }
    }
}
