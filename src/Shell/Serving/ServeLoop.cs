using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Threading.Channels;
using PreRecordMigration.Shell.Hosting;

namespace PreRecordMigration.Shell.Serving;

/// <summary>
/// Serves commands from JSON lines. One thread reads, so that a cancellation is seen while a command runs; the
/// caller's thread runs the commands in the order they came.
/// </summary>
internal sealed class ServeLoop(TextReader input, TextWriter output, IServedShell shell)
{
    private readonly Lock _gate = new();
    private readonly HashSet<long> _waiting = [];
    private long? _running;

    /// <summary>Runs until the input ends and every command has been answered, or until the shell is shut down.</summary>
    public void Run()
    {
        var requests = Channel.CreateUnbounded<ServeRequest>();
        var reader = new Thread(() => Read(requests.Writer)) { IsBackground = true, Name = "serve reader" };
        reader.Start();
        Send(new ServeReady(true, Environment.ProcessId), ServeJson.Default.ServeReady);
        while (Next(requests.Reader) is { } request)
        {
            Send(Answer(request, request.Id!.Value), ServeJson.Default.ServeResponse);
        }
    }

    private ServeRequest? Next(ChannelReader<ServeRequest> requests)
    {
        try
        {
            return requests.ReadAsync(shell.ShuttingDown).AsTask().GetAwaiter().GetResult();
        }
        catch (Exception error) when (error is ChannelClosedException or OperationCanceledException)
        {
            // The input has ended and all of it is answered, or the shell is being shut down.
            return null;
        }
    }

    private ServeResponse Answer(ServeRequest request, long id)
    {
        lock (_gate)
        {
            if (!_waiting.Remove(id))
            {
                return new ServeResponse(id, ExitCodes.Interrupted, "", "") { Cancelled = true };
            }

            _running = id;
        }

        var stdout = new StringWriter();
        var stderr = new StringWriter();
        int exitCode;
        try
        {
            exitCode = shell.Run(request, new ShellTerminal(stdout, stderr, shell.Width));
        }
        finally
        {
            lock (_gate)
            {
                _running = null;
                shell.ForgetStop();
            }
        }

        return new ServeResponse(id, exitCode, stdout.ToString(), stderr.ToString())
        {
            Cancelled = exitCode == ExitCodes.Interrupted ? true : null,
        };
    }

    private void Read(ChannelWriter<ServeRequest> requests)
    {
        while (input.ReadLine() is { } line)
        {
            if (line.Length == 0)
            {
                continue;
            }

            try
            {
                Accept(ServeRequest.Parse(line), requests);
            }
            catch (FormatException error)
            {
                Send(new ServeError(null, error.Message), ServeJson.Default.ServeError);
            }
        }

        requests.Complete();
    }

    private void Accept(ServeRequest request, ChannelWriter<ServeRequest> requests)
    {
        lock (_gate)
        {
            if (request.Cancel is { } cancelled)
            {
                if (_running == cancelled)
                {
                    shell.Stop();
                }
                else if (!_waiting.Remove(cancelled))
                {
                    Send(new ServeError(cancelled, "No command with this id runs or waits."), ServeJson.Default.ServeError);
                }
            }
            else if (_running == request.Id || !_waiting.Add(request.Id!.Value))
            {
                Send(new ServeError(request.Id, "A command with this id already runs or waits."), ServeJson.Default.ServeError);
            }
            else
            {
                // An unbounded channel takes it unless it is completed, and only this thread completes it.
                _ = requests.TryWrite(request);
            }
        }
    }

    private void Send<T>(T message, JsonTypeInfo<T> type)
    {
        var line = JsonSerializer.Serialize(message, type);
        lock (output)
        {
            output.Write(line + "\n");
            output.Flush();
        }
    }
}

/// <summary>What the loop needs of a shell.</summary>
internal interface IServedShell
{
    /// <summary>Columns that output is formatted to.</summary>
    int Width { get; }

    /// <summary>Cancelled when no further command is to be started.</summary>
    CancellationToken ShuttingDown { get; }

    /// <summary>Runs a command with its text going to a terminal; returns when it has ended.</summary>
    /// <returns>The exit code; 130 when stopped.</returns>
    int Run(ServeRequest request, ShellTerminal terminal);

    /// <summary>Stops what runs. Returns at once.</summary>
    void Stop();

    /// <summary>Forgets a stop that came when the command had just ended, so that it does not hit the next one.</summary>
    void ForgetStop();
}
