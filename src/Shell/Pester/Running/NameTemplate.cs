using System.Management.Automation;
using System.Text.RegularExpressions;

namespace PreRecordMigration.Shell.Pester.Running;

/// <summary>Expands <c>&lt;name&gt;</c> and <c>&lt;_.Property&gt;</c> in names, in the scope that runs now.</summary>
internal static partial class NameTemplate
{
    /// <summary>Returns the name with templates replaced. A backtick before the bracket keeps it.</summary>
    /// <exception cref="RuntimeException">A template is no valid expression.</exception>
    public static string Expand(CommandInvocationIntrinsics commands, string name)
    {
        if (!name.Contains('<', StringComparison.Ordinal))
        {
            return name;
        }

        var quoted = name.Replace("$", "`$", StringComparison.Ordinal).Replace("\"", "`\"", StringComparison.Ordinal);
        var script = $"\"{Template().Replace(quoted, "$$($$$1)")}\"";
        return string.Concat(commands.InvokeScript(false, ScriptBlock.Create(script), null));
    }

    [GeneratedRegex("(?<!`)<([^>^`]+)>")]
    private static partial Regex Template();
}
