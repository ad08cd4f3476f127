namespace PreRecordMigration.Cmdlets;

/// <summary>A file's stream that says how far it is, and ends at Ctrl+C.</summary>
/// <param name="file">The file.</param>
/// <param name="progress">Told how far it is.</param>
/// <param name="cancellationToken">Ends it.</param>
/// <param name="leaveOpen">Whether the file stays with whoever opened it.</param>
internal sealed class WatchedStream(FileStream file, WorkProgress progress, CancellationToken cancellationToken, bool leaveOpen = false) : Stream
{
    private long _done;

    /// <inheritdoc/>
    public override bool CanRead => file.CanRead;

    /// <inheritdoc/>
    public override bool CanSeek => file.CanSeek;

    /// <inheritdoc/>
    public override bool CanWrite => file.CanWrite;

    /// <inheritdoc/>
    public override long Length => file.Length;

    /// <inheritdoc/>
    public override long Position
    {
        get => file.Position;
        set => file.Position = value;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        cancellationToken.ThrowIfCancellationRequested();
        int read = file.Read(buffer);
        progress.Report(_done += read, file.CanSeek ? file.Length : null);
        return read;
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        cancellationToken.ThrowIfCancellationRequested();
        file.Write(buffer);

        // How long the file will be is not known before it is written.
        progress.Report(_done += buffer.Length, null);
    }

    /// <inheritdoc/>
    public override void Flush() => file.Flush();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

    /// <inheritdoc/>
    public override void SetLength(long value) => file.SetLength(value);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !leaveOpen)
        {
            file.Dispose();
        }

        base.Dispose(disposing);
    }
}
