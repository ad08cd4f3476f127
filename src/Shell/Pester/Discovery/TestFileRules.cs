using System.Management.Automation;
using System.Management.Automation.Language;
using System.Reflection;
using PreRecordMigration.Shell.Pester.Should;

namespace PreRecordMigration.Shell.Pester.Discovery;

/// <summary>
/// Finds in a test file what this runner does not support, before anything of it runs: an operator that is only
/// met on a path not taken must not look like a passing test.
/// </summary>
internal static class TestFileRules
{
    private static readonly HashSet<string> ShouldParameters = ParametersOf(typeof(ShouldCommand));

    /// <summary>Describes every violation with its line, or returns nothing.</summary>
    /// <param name="path">The test file.</param>
    public static IReadOnlyList<string> Check(string path)
    {
        var script = Parser.ParseFile(path, out _, out var errors);
        if (errors.Length > 0)
        {
            return [.. errors.Select(error => Line(error.Extent, error.Message))];
        }

        var problems = new List<string>();
        foreach (var command in script.FindAll(node => node is CommandAst, searchNestedScriptBlocks: true).Cast<CommandAst>())
        {
            if (command.GetCommandName() is { } name)
            {
                problems.AddRange(Check(name, command).Select(problem => Line(command.Extent, problem)));
            }
        }

        problems.AddRange(script.FindAll(node => node is ExitStatementAst, searchNestedScriptBlocks: true)
            .Select(exit => Line(exit.Extent, "'exit' would end the file's discovery or the run silently.")));
        return problems;
    }

    private static IEnumerable<string> Check(string name, CommandAst command)
    {
        if (PesterCommands.Unsupported.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            yield return $"'{name}' of Pester is not supported by this runner.";
        }
        else if (name.StartsWith("Should-", StringComparison.OrdinalIgnoreCase))
        {
            yield return $"'{name}' belongs to Pester 6 and is not supported by this runner.";
        }
        else if (name.Equals("Should", StringComparison.OrdinalIgnoreCase))
        {
            foreach (var parameter in command.CommandElements.OfType<CommandParameterAst>())
            {
                if (!IsKnown(parameter.ParameterName))
                {
                    yield return $"'Should -{parameter.ParameterName}' is not supported by this runner.";
                }
            }

            if (command.CommandElements.Count > 1 && command.CommandElements[1] is StringConstantExpressionAst word)
            {
                yield return $"'Should {word.Value}' is the syntax of Pester 4: write the operator with a dash.";
            }
        }
    }

    // The binder takes an unambiguous beginning of a name, too.
    private static bool IsKnown(string name) => ShouldParameters.Contains(name)
        || ShouldParameters.Count(known => known.StartsWith(name, StringComparison.OrdinalIgnoreCase)) == 1;

    private static HashSet<string> ParametersOf(Type command)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var property in command.GetProperties().Where(property => property.IsDefined(typeof(ParameterAttribute))))
        {
            _ = names.Add(property.Name);
            names.UnionWith(property.GetCustomAttribute<AliasAttribute>()?.AliasNames ?? []);
        }

        return names;
    }

    private static string Line(IScriptExtent extent, string problem) => $"line {extent.StartLineNumber}: {problem}";
}
