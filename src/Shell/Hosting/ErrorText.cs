using System.Management.Automation;
using System.Text;

namespace PreRecordMigration.Shell.Hosting;

/// <summary>An error record as text, in the manner of PowerShell's ConciseView, with the error id always shown.</summary>
internal static class ErrorText
{
    /// <summary>Describes an error: who failed and why, where in which script, the id and the recommended action.</summary>
    /// <returns>Several lines without a line end after the last.</returns>
    public static string Describe(ErrorRecord error)
    {
        ArgumentNullException.ThrowIfNull(error);
        var text = new StringBuilder();
        _ = text.Append(Subject(error)).Append(": ").Append(Message(error).TrimEnd());
        var place = Place(error.InvocationInfo);
        if (place.Length > 0)
        {
            _ = text.Append("\n  at ").Append(place);
        }

        _ = text.Append("\n  error id: ").Append(error.FullyQualifiedErrorId);
        if (error.ErrorDetails?.RecommendedAction is { Length: > 0 } action)
        {
            _ = text.Append("\n  recommended: ").Append(action);
        }

        return text.ToString();
    }

    /// <summary>The message that PowerShell shows for the error.</summary>
    public static string Message(ErrorRecord error) => error.ErrorDetails?.Message is { Length: > 0 } details
        ? details
        : error.Exception.Message;

    private static string Subject(ErrorRecord error)
    {
        // InvocationInfo.MyCommand throws where the command is gone with its runspace; it is null for parse errors.
        var command = error.InvocationInfo?.MyCommand;
        if (command is not (null or { CommandType: CommandTypes.Script }))
        {
            return command.Name;
        }

        var category = error.CategoryInfo;
        return category.Category == ErrorCategory.ParserError ? nameof(ErrorCategory.ParserError) : category.Reason;
    }

    private static string Place(InvocationInfo? invocation)
    {
        if (invocation is null || invocation.ScriptLineNumber <= 0)
        {
            return "";
        }

        var script = string.IsNullOrEmpty(invocation.ScriptName) ? "line " : invocation.ScriptName + ":";
        return $"{script}{invocation.ScriptLineNumber}: {invocation.Line.Trim()}";
    }
}
