namespace PreRecordMigration.Xen.Streams;

/// <summary>
/// Writes a Xen migration stream one record at a time, with lengths and padding, and refuses a record that would make the
/// stream illegal. Small fields are buffered: call <see cref="Flush"/> before somebody waits for what was written.
/// </summary>
/// <remarks>After an <see cref="IOException"/> the stream is cut at an unknown place and the writer is of no use.</remarks>
public sealed class XenStreamWriter
{
    private readonly StreamSink _sink;
    private readonly StreamGrammar _grammar;

    /// <summary>Writes to a stream, which the caller owns.</summary>
    /// <param name="stream">A writable stream; it need not seek.</param>
    /// <param name="format">The outermost format.</param>
    /// <exception cref="ArgumentException">The stream cannot be written.</exception>
    public XenStreamWriter(Stream stream, XenStreamFormat format = XenStreamFormat.Xl)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanWrite)
        {
            throw new ArgumentException("The stream cannot be written.", nameof(stream));
        }

        _sink = new StreamSink(stream);
        _grammar = new StreamGrammar(format);
    }

    /// <summary>Bytes written so far, buffered ones included.</summary>
    public long Position => _sink.Position;

    /// <summary>Whether the END of the outermost format was written.</summary>
    public bool IsComplete => _grammar.Next == StreamExpectation.Nothing;

    /// <summary>Writes a header or a record.</summary>
    /// <param name="record">The record.</param>
    /// <exception cref="XenStreamException">It may not come here, or is longer than Xen reads. Nothing was written.</exception>
    /// <exception cref="IOException">The underlying stream failed.</exception>
    public void Write(XenStreamRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        _grammar.Check(record, Position);
        long length = record.BodyLength;
        if (length > XenStreamLimits.XenRecordMaximum)
        {
            throw new XenStreamException(
                record.Name,
                Position,
                $"Its length of {length} bytes is over the {XenStreamLimits.XenRecordMaximum} that Xen reads.",
                "Split it into several records.");
        }

        uint? type = record switch
        {
            LibxcRecord libxc => (uint)libxc.Type,
            LibxlRecord libxl => (uint)libxl.Type,
            _ => null,
        };
        if (type is { } recordType)
        {
            _sink.U32(recordType);
            _sink.U32((uint)length);
        }

        long start = _sink.Position;
        record.WriteBody(_sink);
        if (_sink.Position - start != length)
        {
            throw new InvalidOperationException(
                $"{record.Name} announced {length} bytes and wrote {_sink.Position - start}: its content changed meanwhile.");
        }

        if (type is not null)
        {
            _sink.Zeros((int)(-length & 7));
        }

        _grammar.Apply(record);
    }

    /// <summary>Hands everything to the underlying stream and flushes that.</summary>
    public void Flush() => _sink.Flush();
}
