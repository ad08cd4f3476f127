using PreRecordMigration.Shell.Hosting;
using PreRecordMigration.Shell.Pester;
using PreRecordMigration.Shell.Pester.Running;

namespace PreRecordMigration.Shell.Serving;

/// <summary>One session for commands and scripts that lives as long as the process, and a fresh one for each test run.</summary>
internal sealed class ServedShell : IServedShell, IDisposable
{
    private readonly string? _manifest;
    private readonly ShellSession _commands;
    private volatile ShellSession _active;
    private readonly CancellationTokenSource _shutDown = new();
    private volatile bool _stopAsked;

    /// <summary>Opens the session for commands.</summary>
    /// <exception cref="ShellStartException">The module could not be imported.</exception>
    public ServedShell(ShellTerminal terminal, string? manifest)
    {
        _manifest = manifest;
        Width = terminal.Width;
        _commands = _active = ShellSession.Open(terminal, manifest);
    }

    /// <inheritdoc/>
    public int Width { get; }

    /// <inheritdoc/>
    public CancellationToken ShuttingDown => _shutDown.Token;

    /// <inheritdoc/>
    public int Run(ServeRequest request, ShellTerminal terminal)
    {
        if (request.Pester is { } tests)
        {
            return RunTests(tests, request.ResultFile, terminal);
        }

        _commands.Terminal = terminal;
        return request.File is { } file
            ? _commands.RunFile(file, request.Arguments ?? [])
            : _commands.RunText(request.Command ?? "");
    }

    /// <inheritdoc/>
    public void Stop()
    {
        _stopAsked = true;
        _active.Stop();
    }

    /// <inheritdoc/>
    public void ForgetStop()
    {
        _stopAsked = false;
        _commands.ForgetStop();
    }

    /// <summary>Stops what runs and starts nothing more.</summary>
    public void ShutDown()
    {
        _shutDown.Cancel();
        Stop();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _commands.Dispose();
        _shutDown.Dispose();
    }

    private int RunTests(IReadOnlyList<string> paths, string? resultFile, ShellTerminal terminal)
    {
        try
        {
            using var session = ShellSession.Open(terminal, _manifest, PesterCommands.AddTo);
            _active = session;
            if (_stopAsked)
            {
                // It came while the session was being opened.
                session.Stop();
            }

            return PesterRun.Run(session, paths, resultFile);
        }
        catch (Exception error) when (error is ShellStartException or IOException or UnauthorizedAccessException)
        {
            terminal.WriteErrorLine(error.Message);
            return ExitCodes.NotStarted;
        }
        finally
        {
            _active = _commands;
        }
    }
}
