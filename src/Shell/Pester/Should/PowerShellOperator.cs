using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Should;

/// <summary>PowerShell's own comparison operators, so that conversions and case rules are exactly the language's.</summary>
internal sealed class PowerShellOperator
{
    private readonly ScriptBlock _script;

    private PowerShellOperator(string name) => _script = ScriptBlock.Create($"param($a, $b) ,($a {name} $b)");

    public static PowerShellOperator Equal { get; } = new("-eq");

    public static PowerShellOperator EqualExactly { get; } = new("-ceq");

    public static PowerShellOperator Greater { get; } = new("-gt");

    public static PowerShellOperator GreaterOrEqual { get; } = new("-ge");

    public static PowerShellOperator Less { get; } = new("-lt");

    public static PowerShellOperator LessOrEqual { get; } = new("-le");

    public static PowerShellOperator Like { get; } = new("-like");

    public static PowerShellOperator LikeExactly { get; } = new("-clike");

    public static PowerShellOperator Match { get; } = new("-match");

    public static PowerShellOperator MatchExactly { get; } = new("-cmatch");

    public static PowerShellOperator Contains { get; } = new("-contains");

    public static PowerShellOperator Is { get; } = new("-is");

    /// <summary>Whether the operator's result is true in the sense of an <c>if</c>.</summary>
    /// <exception cref="RuntimeException">The values cannot be compared.</exception>
    public bool Holds(object? left, object? right)
    {
        // The comma keeps an array result (an array on the left filters) from being unrolled.
        var result = _script.InvokeReturnAsIs(left, right);
        return LanguagePrimitives.IsTrue(result);
    }
}
