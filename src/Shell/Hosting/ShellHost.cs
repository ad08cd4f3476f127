using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace PreRecordMigration.Shell.Hosting;

/// <summary>The host PowerShell talks to. Its terminal may be replaced between two commands.</summary>
internal sealed class ShellHost : PSHost
{
    private readonly ShellUserInterface _userInterface;
    private int? _exitCode;

    /// <summary>Creates a host that shows everything on <paramref name="terminal"/>.</summary>
    public ShellHost(ShellTerminal terminal)
    {
        Terminal = terminal;
        _userInterface = new ShellUserInterface(this);
    }

    /// <summary>Where text goes now.</summary>
    public ShellTerminal Terminal { get; set; }

    /// <inheritdoc/>
    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;

    /// <inheritdoc/>
    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;

    /// <inheritdoc/>
    public override Guid InstanceId { get; } = Guid.NewGuid();

    /// <inheritdoc/>
    public override string Name => "PreRecordShell";

    /// <inheritdoc/>
    public override PSHostUserInterface UI => _userInterface;

    /// <inheritdoc/>
    public override Version Version => typeof(ShellHost).Assembly.GetName().Version ?? new Version(0, 0);

    /// <summary>The code of the last <c>exit</c>, or null; asking forgets it.</summary>
    public int? TakeExitCode()
    {
        var code = _exitCode;
        _exitCode = null;
        return code;
    }

    /// <inheritdoc/>
    public override void SetShouldExit(int exitCode) => _exitCode = exitCode;

    /// <inheritdoc/>
    public override void EnterNestedPrompt() =>
        throw new PSNotSupportedException("This shell has no prompt that could be nested.");

    /// <inheritdoc/>
    public override void ExitNestedPrompt() =>
        throw new PSNotSupportedException("This shell has no prompt that could be nested.");

    /// <inheritdoc/>
    public override void NotifyBeginApplication()
    {
        // A console program may use the console: nothing in this host has to be put aside for it.
    }

    /// <inheritdoc/>
    public override void NotifyEndApplication()
    {
        // See NotifyBeginApplication.
    }
}
