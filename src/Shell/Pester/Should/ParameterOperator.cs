using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Should;

/// <summary>-HaveParameter: a command has a parameter, with a type, mandatory, in a set, with a completer or aliases.</summary>
internal sealed class ParameterOperator : ShouldOperator
{
    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call)
    {
        var command = (call.Actual is PSObject wrapped ? wrapped.BaseObject : call.Actual) as CommandInfo
            ?? throw new PSArgumentException("Input value must be non-null CommandInfo object. You can get one by calling Get-Command.");
        var name = call.Command.ParameterName
            ?? throw new PSArgumentException("The name of the parameter must be given.");
        if (!command.Parameters.TryGetValue(name, out var parameter))
        {
            return call.Negate ? Verdict.Passed : Failure(call, command, ["the parameter is missing"]);
        }

        var findings = Examine(call.Command, parameter).ToList();
        var buts = findings.Count == 0 && call.Negate ? ["the parameter exists"]
            : findings.Where(finding => finding.Holds == call.Negate).Select(finding => finding.Words(finding.Holds)).ToList();
        return buts.Count == 0 ? Verdict.Passed : Failure(call, command, buts);
    }

    private static IEnumerable<Finding> Examine(ShouldCommand call, ParameterMetadata parameter)
    {
        var declarations = parameter.Attributes.OfType<ParameterAttribute>().ToList();
        if (call.InParameterSet is { } set)
        {
            declarations = declarations.FindAll(declaration =>
                declaration.ParameterSetName.Equals(set, StringComparison.OrdinalIgnoreCase));
            yield return new Finding(declarations.Count > 0, $"in parameter set '{set}'");
        }

        if (call.Mandatory)
        {
            yield return new Finding(declarations.Exists(declaration => declaration.Mandatory), "mandatory");
        }

        if (call.Type is not null)
        {
            var type = TypeName.Resolve(call.Type);
            yield return new Finding(parameter.ParameterType == type, $"of type {ValueText.Of(type)}");
        }

        if (call.HasArgumentCompleter)
        {
            yield return new Finding(parameter.Attributes.Any(attribute => attribute is ArgumentCompleterAttribute), "completed");
        }

        foreach (var alias in call.Alias ?? [])
        {
            yield return new Finding(parameter.Aliases.Contains(alias, StringComparer.OrdinalIgnoreCase), $"also named '{alias}'");
        }
    }

    private static Verdict Failure(ShouldCall call, CommandInfo command, IEnumerable<string> buts) => new(
        $"Expected command {command.Name} to {call.NotWord}have a parameter {call.Command.ParameterName} as described,{call.Because} but {string.Join(" and ", buts)}.");

    private sealed record Finding(bool Holds, string What)
    {
        public string Words(bool holds) => holds ? $"it was {What}" : $"it was not {What}";
    }
}
