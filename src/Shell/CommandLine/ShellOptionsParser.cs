using System.Globalization;

namespace PreRecordMigration.Shell.CommandLine;

/// <summary>Turns the process arguments into <see cref="ShellOptions"/>.</summary>
internal static class ShellOptionsParser
{
    /// <summary>Parses the arguments. Option names are case-insensitive and may begin with one or two dashes.</summary>
    /// <exception cref="UsageException">An option is unknown, repeated, lacks its value or contradicts another.</exception>
    public static ShellOptions Parse(IReadOnlyList<string> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var modulePaths = new List<string>();
        var options = new ShellOptions();
        var position = 0;
        while (position < arguments.Count)
        {
            var option = arguments[position++];
            switch (OptionName(option))
            {
                case "modulepath":
                    modulePaths.Add(Value());
                    break;
                case "nomodule":
                    options = options with { ImportModule = false };
                    break;
                case "width":
                    options = options with { Width = ParseWidth(Value()) };
                    break;
                case "resultfile":
                    options = options with { ResultFile = Value() };
                    break;
                case "command" or "c":
                    options = Choose(ShellAction.Command) with { Text = Value() };
                    break;
                case "file" or "f":
                    // Everything after the script's path belongs to the script, as with pwsh.
                    options = Choose(ShellAction.File) with { Text = Value(), Arguments = [.. arguments.Skip(position)] };
                    position = arguments.Count;
                    break;
                case "pester":
                    options = Choose(ShellAction.Pester) with { Arguments = TestPaths() };
                    break;
                case "serve":
                    options = Choose(ShellAction.Serve);
                    break;
                case "help" or "h" or "?":
                    return new ShellOptions();
                default:
                    throw new UsageException($"'{option}' is not an option of this shell.");
            }

            string Value() => position < arguments.Count
                ? arguments[position++]
                : throw new UsageException($"{option} needs a value.");

            ShellOptions Choose(ShellAction action) => options.Action == ShellAction.Help
                ? options with { Action = action }
                : throw new UsageException("Give only one of -Command, -File, -Pester and -Serve.");
        }

        return Check(options with { ModulePaths = modulePaths });

        List<string> TestPaths()
        {
            var paths = new List<string>();
            while (position < arguments.Count && !arguments[position].StartsWith('-'))
            {
                paths.Add(arguments[position++]);
            }

            return paths;
        }
    }

    private static string OptionName(string option) => option switch
    {
        _ when option.StartsWith("--", StringComparison.Ordinal) => option[2..].ToLowerInvariant(),
        _ when option.StartsWith('-') => option[1..].ToLowerInvariant(),
        _ => "",
    };

    private static int ParseWidth(string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var width) && width is >= 20 and <= 10000
            ? width
            : throw new UsageException("-Width needs a number of columns from 20 to 10000.");

    private static ShellOptions Check(ShellOptions options)
    {
        if (options.Action == ShellAction.Help)
        {
            throw new UsageException("Give one of -Command, -File, -Pester and -Serve.");
        }

        if (options.Action == ShellAction.Pester && options.Arguments.Count == 0)
        {
            throw new UsageException("-Pester needs at least one test file or directory.");
        }

        return options.ResultFile is null || options.Action == ShellAction.Pester
            ? options
            : throw new UsageException("-ResultFile belongs to -Pester.");
    }
}
