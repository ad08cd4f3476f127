using System.Diagnostics;

namespace PreRecordMigration.Transports;

/// <summary>A channel over standard input and output of a process. Ending it ends the process, and waits for that.</summary>
internal sealed class ProcessChannel : PeerChannel
{
    private const int MaximumComplaint = 500;
    private static readonly TimeSpan s_last = TimeSpan.FromSeconds(1);
    private readonly Process _process;
    private readonly Task<string> _complaint;
    private int _isDisposed;

    /// <summary>Takes a started process over, whose three streams are redirected.</summary>
    public ProcessChannel(Process process, string address)
    {
        _process = process;
        _complaint = process.StandardError.ReadToEndAsync();
        Stream = new ProcessStream(this, address);
    }

    /// <inheritdoc/>
    public override Stream Stream { get; }

    /// <inheritdoc/>
    public override void EndSending() => _process.StandardInput.Close();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing || Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        Kill();
        _process.WaitForExit();
        _process.StandardOutput.Dispose();
        try
        {
            _process.StandardInput.Dispose();
        }
        catch (IOException)
        {
            // What was still to be sent has nobody to go to.
        }
    }

    private void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }

    /// <summary>What the process says about its end, for a message; it is the only one who knows.</summary>
    private string Complaint() => _complaint.Wait(s_last) && _complaint.Result.Trim() is { Length: > 0 } text
        ? string.Concat(text[..Math.Min(text.Length, MaximumComplaint)].Select(c => char.IsControl(c) ? ' ' : c))
        : "it ended without a word";

    private sealed class ProcessStream(ProcessChannel channel, string address) : Stream
    {
        private readonly Stream _input = channel._process.StandardInput.BaseStream;
        private readonly Stream _output = channel._process.StandardOutput.BaseStream;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override bool CanTimeout => true;

        public override int ReadTimeout { get; set; } = Timeout.Infinite;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            // A pipe has no time limit of its own: a process that says nothing for too long is ended.
            using Timer? limit = ReadTimeout > 0 ? new Timer(_ => channel.Kill(), null, ReadTimeout, Timeout.Infinite) : null;
            int read = _output.Read(buffer);
            return read > 0 || channel._isDisposed != 0 || !channel._process.WaitForExit(s_last) || channel._process.ExitCode == 0
                ? read
                : throw new IOException($"{address}: {channel.Complaint()}");
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            try
            {
                _input.Write(buffer);
                _input.Flush();
            }
            catch (IOException e)
            {
                throw new IOException($"{address}: {channel.Complaint()}", e);
            }
        }

        public override void Flush() => _input.Flush();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
