using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PreRecordMigration.Shell.Hosting;

/// <summary>The shell could not be made ready. The message is for the user.</summary>
internal sealed class ShellStartException(string message) : Exception(message);

/// <summary>
/// One runspace with the host and the module. It runs one command at a time; what a command leaves behind the
/// next one finds. <see cref="Stop"/> may be called from any thread, everything else from one.
/// </summary>
internal sealed class ShellSession : IDisposable
{
    // A script's exit ends only the script. It leaves its code and a false $? unless the code is 0; a program the
    // script started leaves the code alone.
    private const string FileRunner = """
        param($______path, $______named, $______plain)
        & $______path @______named @______plain
        if (-not $? -and $LASTEXITCODE) { exit $LASTEXITCODE }
        """;

    private readonly ShellHost _host;
    private readonly Runspace _runspace;
    private readonly Lock _gate = new();
    private PowerShell? _running;
    private bool _stopRequested;

    private ShellSession(ShellHost host, Runspace runspace)
    {
        _host = host;
        _runspace = runspace;
    }

    /// <summary>The runspace the commands run in.</summary>
    public Runspace Runspace => _runspace;

    /// <summary>Where the next command's text goes.</summary>
    public ShellTerminal Terminal
    {
        get => _host.Terminal;
        set => _host.Terminal = value;
    }

    /// <summary>Opens a session.</summary>
    /// <param name="terminal">Where text goes.</param>
    /// <param name="manifest">The module to import, or null.</param>
    /// <param name="extend">Adds commands to the initial state, or null.</param>
    /// <exception cref="ShellStartException">The module could not be imported; the reason is already on the terminal.</exception>
    public static ShellSession Open(
        ShellTerminal terminal, string? manifest, Action<InitialSessionState>? extend = null)
    {
        var state = InitialSessionState.CreateDefault2();
        extend?.Invoke(state);
        var host = new ShellHost(terminal);
        var runspace = RunspaceFactory.CreateRunspace(host, state);
        // One thread for all commands: what a module keeps per thread survives from one command to the next.
        runspace.ThreadOptions = PSThreadOptions.ReuseThread;
        runspace.Open();
        var session = new ShellSession(host, runspace);
        if (manifest is not null && session.Import(manifest) != ExitCodes.Success)
        {
            session.Dispose();
            throw new ShellStartException($"The module could not be imported from {manifest}.");
        }

        return session;
    }

    /// <summary>Runs script text and shows what it writes.</summary>
    /// <returns>The exit code.</returns>
    public int RunText(string text) => Run(shell => shell.AddScript(LastStatus.Record(text), useLocalScope: false));

    /// <summary>Runs a script file with arguments and shows what it writes.</summary>
    /// <returns>The exit code.</returns>
    public int RunFile(string path, IReadOnlyList<string> arguments)
    {
        var fullPath = Path.GetFullPath(path);
        if (!File.Exists(fullPath))
        {
            Terminal.WriteErrorLine($"prerecord-shell: the script {fullPath} does not exist.");
            return ExitCodes.Failed;
        }

        var (named, plain) = ScriptArguments.Parse(fullPath, arguments);
        return Run(shell => shell.AddScript(FileRunner, useLocalScope: true)
            .AddArgument(fullPath).AddArgument(named).AddArgument(plain));
    }

    /// <summary>Stops what runs now. Returns at once; the running call returns when its pipeline has ended.</summary>
    public void Stop()
    {
        PowerShell? running;
        lock (_gate)
        {
            _stopRequested = true;
            running = _running;
        }

        // Not awaited here: the thread inside Run joins the pipeline, and its caller reports.
        _ = running?.BeginStop(null, null);
    }

    /// <summary>Forgets a stop that found nothing running.</summary>
    public void ForgetStop()
    {
        lock (_gate)
        {
            _stopRequested = false;
        }
    }

    /// <summary>Runs a pipeline that is ended by Out-Default, so that the formatting engine shows its output.</summary>
    /// <returns>The exit code: the script's own, or one of <see cref="ExitCodes"/>.</returns>
    public int Run(Action<PowerShell> build)
    {
        ArgumentNullException.ThrowIfNull(build);
        _ = _host.TakeExitCode();
        _runspace.SessionStateProxy.SetVariable(LastStatus.Variable, true);
        var (stopped, failed) = Invoke(shell =>
        {
            build(shell);
            _ = shell.AddCommand("Out-Default");
        });
        if (stopped)
        {
            return ExitCodes.Interrupted;
        }

        return _host.TakeExitCode() ?? (failed || !LastStatementSucceeded() ? ExitCodes.Failed : ExitCodes.Success);
    }

    /// <summary>Runs a pipeline and discards its output; errors are shown.</summary>
    /// <returns>Whether it ran to its end; false when it was stopped.</returns>
    public bool Execute(Action<PowerShell> build)
    {
        ArgumentNullException.ThrowIfNull(build);
        return !Invoke(build).Stopped;
    }

    /// <inheritdoc/>
    public void Dispose() => _runspace.Dispose();

    private (bool Stopped, bool Failed) Invoke(Action<PowerShell> build)
    {
        using var shell = PowerShell.Create(_runspace);
        build(shell);
        shell.Streams.Error.DataAdded += (_, added) =>
            Terminal.WriteErrorLine(ErrorText.Describe(shell.Streams.Error[added.Index]));
        lock (_gate)
        {
            if (_stopRequested)
            {
                _stopRequested = false;
                return (true, false);
            }

            _running = shell;
        }

        try
        {
            _ = shell.Invoke();
            return (shell.InvocationStateInfo.State == PSInvocationState.Stopped, false);
        }
        catch (Exception error) when (error is PipelineStoppedException or InvalidPowerShellStateException)
        {
            // The second one: stopped before it had begun.
            return (true, false);
        }
        catch (RuntimeException error)
        {
            Terminal.WriteErrorLine(ErrorText.Describe(error.ErrorRecord));
            return (false, true);
        }
        finally
        {
            lock (_gate)
            {
                _running = null;
                _stopRequested = false;
            }
        }
    }

    private bool LastStatementSucceeded() => _runspace.SessionStateProxy.GetVariable(LastStatus.Variable) is not false;

    private int Import(string manifest) => Run(shell =>
        shell.AddCommand("Import-Module").AddParameter("Name", manifest).AddParameter("ErrorAction", ActionPreference.Stop));
}
