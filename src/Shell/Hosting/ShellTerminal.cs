using System.Management.Automation;

namespace PreRecordMigration.Shell.Hosting;

/// <summary>
/// Where a command's text goes: two writers, the width it is formatted to, and on a console a reader for
/// confirmations. All members may be called from any thread; a line is never torn.
/// </summary>
internal sealed class ShellTerminal
{
    /// <summary>Width in columns where there is no console to ask.</summary>
    public const int DefaultWidth = 120;

    private readonly Lock _gate = new();
    private readonly TextWriter _output;
    private readonly TextWriter _error;
    private readonly TextReader? _input;
    private readonly ProgressView _progress;

    /// <summary>Creates a terminal.</summary>
    /// <param name="output">Receives formatted output.</param>
    /// <param name="error">Receives errors, warnings, verbose and debug messages, and progress.</param>
    /// <param name="width">Columns that output is formatted to.</param>
    /// <param name="input">Answers to confirmations, or null where nobody can answer.</param>
    /// <param name="rich">Whether both writers are a console that understands escape sequences.</param>
    /// <param name="clock">Paces progress lines; null for the system's clock.</param>
    public ShellTerminal(
        TextWriter output, TextWriter error, int width, TextReader? input = null, bool rich = false, TimeProvider? clock = null)
    {
        _output = output;
        _error = error;
        _input = input;
        Width = width;
        SupportsVirtualTerminal = rich;
        _progress = rich
            ? new ProgressLineView(error, width, clock ?? TimeProvider.System)
            : new ProgressLogView(error, clock ?? TimeProvider.System);
    }

    /// <summary>Columns that output is formatted to.</summary>
    public int Width { get; }

    /// <summary>Whether escape sequences may be written.</summary>
    public bool SupportsVirtualTerminal { get; }

    /// <summary>Whether somebody can answer a question.</summary>
    public bool CanAsk => _input is not null;

    /// <summary>The process's console.</summary>
    /// <param name="width">A width asked for, or null.</param>
    public static ShellTerminal FromConsole(int? width)
    {
        var rich = !Console.IsOutputRedirected && !Console.IsErrorRedirected;
        return new ShellTerminal(
            Console.Out, Console.Error, width ?? ConsoleWidth(), Console.IsInputRedirected ? null : Console.In, rich);
    }

    /// <summary>Writes to the output, without a line end.</summary>
    public void Write(string? text)
    {
        lock (_gate)
        {
            _progress.Clear();
            _output.Write(text);
            _output.Flush();
        }
    }

    /// <summary>Writes a line to the output.</summary>
    public void WriteLine(string? text) => Write(text + "\n");

    /// <summary>Writes a line to the error writer.</summary>
    public void WriteErrorLine(string? text)
    {
        lock (_gate)
        {
            _progress.Clear();
            _error.Write(text + "\n");
            _error.Flush();
        }
    }

    /// <summary>Shows a progress record, if it is time to.</summary>
    public void WriteProgress(ProgressRecord record)
    {
        lock (_gate)
        {
            _progress.Show(record);
        }
    }

    /// <summary>Asks and waits for a line. Null at the end of input.</summary>
    /// <exception cref="InvalidOperationException">Nobody can answer (<see cref="CanAsk"/> is false).</exception>
    public string? Ask(string prompt)
    {
        var input = _input ?? throw new InvalidOperationException("This terminal has no input.");
        Write(prompt);
        return input.ReadLine();
    }

    private static int ConsoleWidth()
    {
        // A console without a known size (a bare serial line) reports zero.
        var width = Console.IsOutputRedirected ? 0 : Console.WindowWidth;
        return width > 0 ? width : DefaultWidth;
    }
}
