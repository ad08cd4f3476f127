namespace PreRecordMigration.Transports;

/// <summary>
/// Passes everything on, and keeps the first bytes that came and went: when a handshake fails, they tell what the peer speaks instead of
/// TLS.
/// </summary>
/// <param name="inner">The stream; closed with this one.</param>
internal sealed class FirstBytesStream(Stream inner) : Stream
{
    private const int Kept = 8;
    private readonly byte[] _received = new byte[Kept];
    private readonly byte[] _sent = new byte[Kept];
    private int _receivedCount;
    private int _sentCount;

    /// <summary>The first bytes that came, up to eight.</summary>
    public ReadOnlySpan<byte> FirstReceived => _received.AsSpan(0, _receivedCount);

    /// <summary>The first bytes that went, up to eight.</summary>
    public ReadOnlySpan<byte> FirstSent => _sent.AsSpan(0, _sentCount);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override bool CanTimeout => inner.CanTimeout;

    public override int ReadTimeout
    {
        get => inner.ReadTimeout;
        set => inner.ReadTimeout = value;
    }

    public override int WriteTimeout
    {
        get => inner.WriteTimeout;
        set => inner.WriteTimeout = value;
    }

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        int read = inner.Read(buffer);
        Keep(buffer[..read], _received, ref _receivedCount);
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Keep(buffer, _sent, ref _sentCount);
        inner.Write(buffer);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => inner.Flush();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private static void Keep(ReadOnlySpan<byte> passing, byte[] kept, ref int count)
    {
        if (count < Kept)
        {
            ReadOnlySpan<byte> taken = passing[..Math.Min(passing.Length, Kept - count)];
            taken.CopyTo(kept.AsSpan(count));
            count += taken.Length;
        }
    }
}
