namespace PreRecordMigration.Tests.Transfer;

/// <summary>
/// A stream to a peer that the test plays: it says what it is told to say, and takes what is sent, or stops taking it, as the
/// far end of a way that stalls does. Nothing ends a blocked call but more bytes, or closing the stream.
/// </summary>
internal sealed class PeerStream : Stream
{
    private readonly object _gate = new();
    private readonly Queue<byte> _said = new();
    private readonly List<byte> _taken = [];
    private TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _takesNothing;
    private bool _takesNext;
    private bool _isClosed;
    private int _readers;
    private int _writers;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>What has been sent so far.</summary>
    public byte[] Taken
    {
        get
        {
            lock (_gate)
            {
                return [.. _taken];
            }
        }
    }

    /// <summary>Whether it has been closed at this end.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_gate)
            {
                return _isClosed;
            }
        }
    }

    /// <summary>Has the peer say something.</summary>
    public void Say(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            foreach (byte said in bytes)
            {
                _said.Enqueue(said);
            }

            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Has the peer take nothing more, or take everything again.</summary>
    public void Stall(bool takesNothing = true)
    {
        lock (_gate)
        {
            _takesNothing = takesNothing;
            if (!takesNothing)
            {
                _open.TrySetResult();
                _open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Has a stalled peer take what is being sent now, and nothing after it.</summary>
    public void TakeNext()
    {
        lock (_gate)
        {
            _takesNext = true;
            Monitor.PulseAll(_gate);
            while (_takesNext)
            {
                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Waits until somebody waits for bytes, and all that were said have been read.</summary>
    public void WaitForReader() => WaitUntil(() => _readers > 0 && _said.Count == 0);

    /// <summary>Waits until somebody waits to send.</summary>
    public void WaitForWriter() => WaitUntil(() => _writers > 0);


    public override int Read(Span<byte> buffer)
    {
        lock (_gate)
        {
            _readers++;
            Monitor.PulseAll(_gate);
            while (_said.Count == 0)
            {
                ObjectDisposedException.ThrowIf(_isClosed, this);
                Monitor.Wait(_gate);
            }

            _readers--;
            int read = 0;
            while (read < buffer.Length && _said.TryDequeue(out byte said))
            {
                buffer[read++] = said;
            }

            return read;
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        lock (_gate)
        {
            _writers++;
            Monitor.PulseAll(_gate);
            while (_takesNothing && !_takesNext)
            {
                ObjectDisposedException.ThrowIf(_isClosed, this);
                Monitor.Wait(_gate);
            }

            _takesNext = false;
            _writers--;
            _taken.AddRange(buffer);
            Monitor.PulseAll(_gate);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Task open;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_isClosed, this);
                if (!_takesNothing)
                {
                    _taken.AddRange(buffer.Span);
                    Monitor.PulseAll(_gate);
                    return;
                }

                open = _open.Task;
            }

            await open.ConfigureAwait(false);
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        lock (_gate)
        {
            _isClosed = true;
            _open.TrySetResult();
            Monitor.PulseAll(_gate);
        }

        base.Dispose(disposing);
    }

    private void WaitUntil(Func<bool> isSo)
    {
        lock (_gate)
        {
            while (!isSo())
            {
                Assert.False(_isClosed, "The connection was closed meanwhile.");
                Monitor.Wait(_gate);
            }
        }
    }
}
