using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace PreRecordMigration.Shell.Hosting;

/// <summary>Reads process arguments for a script as <c>pwsh -File</c> does, into what splatting takes.</summary>
internal static class ScriptArguments
{
    /// <summary>
    /// Splits arguments into named and plain ones. <c>-Name value</c> is a pair unless the script declares the name as
    /// a switch; <c>-Name:value</c> always is; <c>$true</c> and <c>$false</c> after a colon are booleans; everything
    /// after <c>--</c> is plain.
    /// </summary>
    /// <param name="path">The script, whose parameter declarations tell switches from other parameters.</param>
    /// <param name="arguments">The process arguments after the script's path.</param>
    public static (Hashtable Named, object[] Plain) Parse(string path, IReadOnlyList<string> arguments)
    {
        var named = new Hashtable(StringComparer.OrdinalIgnoreCase);
        var plain = new List<object>();
        var declared = Parser.ParseFile(path, out _, out _).ParamBlock?.Parameters ?? [];
        var position = 0;
        while (position < arguments.Count)
        {
            var argument = arguments[position++];
            if (argument == "--")
            {
                plain.AddRange(arguments.Skip(position));
                break;
            }

            if (!IsName(argument))
            {
                plain.Add(argument);
            }
            else if (argument.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon)
            {
                named[argument[1..colon]] = Value(argument[(colon + 1)..]);
            }
            else if (IsSwitch(declared, argument[1..]) || position == arguments.Count)
            {
                named[argument[1..]] = true;
            }
            else
            {
                named[argument[1..]] = arguments[position++];
            }
        }

        return (named, [.. plain]);
    }

    private static bool IsName(string argument) =>
        argument.Length > 1 && argument[0] == '-' && (char.IsLetter(argument[1]) || argument[1] == '_');

    private static bool IsSwitch(IReadOnlyCollection<ParameterAst> declared, string name)
    {
        // The binder also takes an unambiguous beginning of a name.
        var candidates = declared
            .Where(parameter => parameter.Name.VariablePath.UserPath.StartsWith(name, StringComparison.OrdinalIgnoreCase))
            .ToList();
        var exact = candidates.Find(parameter =>
            parameter.Name.VariablePath.UserPath.Equals(name, StringComparison.OrdinalIgnoreCase));
        return (exact ?? (candidates.Count == 1 ? candidates[0] : null))?.StaticType == typeof(SwitchParameter);
    }

    private static object Value(string text) => text.ToUpperInvariant() switch
    {
        "$TRUE" => true,
        "$FALSE" => false,
        _ => text,
    };
}
