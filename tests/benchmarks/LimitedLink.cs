using System.Diagnostics;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Benchmarks;

/// <summary>A channel whose sends go no faster than a link, behind a buffer that takes them at once while it has room, as a kernel's does.</summary>
/// <param name="inner">What is behind it.</param>
/// <param name="bytesPerSecond">The link's rate.</param>
internal sealed class LimitedLink(PeerChannel inner, double bytesPerSecond) : PeerChannel
{
    private readonly LimitedStream _stream = new(inner.Stream, bytesPerSecond);

    /// <inheritdoc/>
    public override Stream Stream => _stream;

    /// <inheritdoc/>
    public override void EndSending() => inner.EndSending();

    /// <summary>Waits until all has gone over the link.</summary>
    public void Drain() => _stream.Wait(0);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => inner.Dispose();

    private sealed class LimitedStream(Stream inner, double bytesPerSecond) : Stream
    {
        private const int Buffer = 4 << 20;
        private long _free = Stopwatch.GetTimestamp();

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            inner.Write(buffer);
            _free = Math.Max(_free, Stopwatch.GetTimestamp()) + (long)(buffer.Length / bytesPerSecond * Stopwatch.Frequency);
            Wait(Buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            await inner.WriteAsync(buffer, cancellationToken);

        public override int Read(Span<byte> buffer) => inner.Read(buffer);

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override void Flush() => inner.Flush();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        /// <summary>Waits until no more than so many bytes are still to go.</summary>
        public void Wait(int bytes)
        {
            double seconds = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _free).TotalSeconds - (bytes / bytesPerSecond);
            if (seconds > 0.001)
            {
                Thread.Sleep(TimeSpan.FromSeconds(seconds));
            }
        }
    }
}
