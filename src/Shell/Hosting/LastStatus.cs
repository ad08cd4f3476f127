using System.Management.Automation.Language;

namespace PreRecordMigration.Shell.Hosting;

/// <summary>
/// Finds out whether the last statement of a script succeeded. After a pipeline has ended, PowerShell's API no
/// longer tells what <c>$?</c> was, so the script itself puts it into a variable at its end.
/// </summary>
internal static class LastStatus
{
    /// <summary>The global variable that holds the answer; the caller sets it to true before each run.</summary>
    public const string Variable = "______lastStatementSucceeded";

    /// <summary>Appends the recording statement, where the text is a plain list of statements that parses.</summary>
    public static string Record(string text)
    {
        var script = Parser.ParseInput(text, out _, out var errors);
        var plain = errors.Length == 0 && script.EndBlock is { Unnamed: true, Statements.Count: > 0 }
            && script.BeginBlock is null && script.ProcessBlock is null;
        return plain ? $"{text}\n\n$global:{Variable} = $?" : text;
    }
}
