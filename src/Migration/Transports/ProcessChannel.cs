using System.ComponentModel;
using System.Diagnostics;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Transports;

/// <summary>A channel over standard input and output of a process. Ending the channel ends the process, and waits a short time for
/// that.</summary>
internal sealed class ProcessChannel : PeerChannel
{
    private const int MaximumComplaint = 500;
    private static readonly TimeSpan s_last = TimeSpan.FromSeconds(1);

    /// <summary>How long a killed process is waited for: it may hang in the kernel, on a file system that is gone.</summary>
    private static readonly TimeSpan s_end = TimeSpan.FromSeconds(3);

    private readonly Process _process;
    private readonly Task<string> _complaint;
    private int _isDisposed;

    /// <summary>Takes a started process over, whose three streams are redirected.</summary>
    public ProcessChannel(Process process, string address)
    {
        _process = process;
        _complaint = ReadComplaintAsync(process.StandardError);
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

        Kill(_process);
        _process.WaitForExit(s_end);
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

    /// <summary>Ends a process with its children, such as an ssh's proxy command, as far as that is possible. Never throws.</summary>
    internal static void Kill(Process process)
    {
        foreach (bool withChildren in (bool[])[true, false])
        {
            try
            {
                process.Kill(withChildren);
                return;
            }
            catch (Exception e) when (e is AggregateException or Win32Exception or NotSupportedException)
            {
                // There is a child of another user, or one that cannot be looked at: only the process itself can be ended.
            }
            catch (InvalidOperationException)
            {
                // The process has ended by itself.
                return;
            }
        }
    }

    private static async Task<string> ReadComplaintAsync(StreamReader error)
    {
        using (error)
        {
            return await error.ReadToEndAsync().ConfigureAwait(false);
        }
    }

    /// <summary>What the process printed about its end, for a message: nobody else knows the reason.</summary>
    private string Complaint() => _complaint.Wait(s_last) && ForeignText.ShowLines(_complaint.Result, MaximumComplaint) is { Length: > 0 } text
        ? text
        : "it ended without a word";

    private sealed class ProcessStream(ProcessChannel channel, string address) : Stream
    {
        private readonly Stream _input = channel._process.StandardInput.BaseStream;
        private readonly Stream _output = channel._process.StandardOutput.BaseStream;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
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

        /// <summary>Writes on another thread: a pipe that is full blocks its writer, and an asynchronous call must not block its
        /// caller.</summary>
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            new(Task.Run(() => Write(buffer.Span), cancellationToken));

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush() => _input.Flush();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
