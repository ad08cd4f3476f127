using System.Management.Automation.Host;
using System.Text;

namespace PreRecordMigration.Cmdlets;

/// <summary>Lines that are drawn again and again in the same place of a terminal. Elsewhere they are written once, one below the other, where they have changed.</summary>
/// <param name="host">PowerShell's host.</param>
/// <param name="write">Writes a line where there is no terminal.</param>
internal sealed class WatchScreen(PSHost? host, Action<string> write)
{
    private const int NarrowestScreen = 20;
    private const int WidthOfNone = 400;
    private readonly bool _isTerminal = IsTerminal(host);
    private string[] _shown = [];

    /// <summary>How many characters a line may have.</summary>
    public int Width
    {
        get
        {
            try
            {
                return _isTerminal ? Math.Max(NarrowestScreen, host!.UI.RawUI.WindowSize.Width - 1) : WidthOfNone;
            }
            catch (Exception error) when (HostErrors.IsOne(error))
            {
                return WidthOfNone;
            }
        }
    }

    /// <summary>Shows lines instead of those before.</summary>
    /// <param name="lines">The lines, none longer than <see cref="Width"/>.</param>
    public void Show(IReadOnlyList<string> lines)
    {
        if (!_isTerminal)
        {
            foreach (string line in lines.Where(line => !_shown.Contains(line, StringComparer.Ordinal)))
            {
                write(line);
            }
        }
        else
        {
            // Up to where the first line stands, and then each line over the one before it; what is left below goes.
            StringBuilder screen = new(_shown.Length > 0 ? $"\e[{_shown.Length}F" : "");
            foreach (string line in lines)
            {
                screen.Append(line).Append("\e[K\n");
            }

            host!.UI.Write(screen.Append("\e[J").ToString());
        }

        _shown = [.. lines];
    }

    private static bool IsTerminal(PSHost? host)
    {
        try
        {
            // What this process prints must get to a terminal, too. The console itself is PowerShell's.
            return host is { Name: "ConsoleHost", UI.SupportsVirtualTerminal: true }
                && File.ResolveLinkTarget("/proc/self/fd/1", returnFinalTarget: false)?.FullName is { } output
                && output.StartsWith("/dev/", StringComparison.Ordinal) && output != "/dev/null";
        }
        catch (Exception error) when (HostErrors.IsOne(error) || error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
