using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Should;

/// <summary>-BeIn: the value is one of the expected ones.</summary>
internal sealed class InOperator : ShouldOperator
{
    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call) => Verdict.Of(
        call,
        PowerShellOperator.Contains.Holds(call.Expected, call.Actual),
        $"Expected collection {ValueText.Of(call.Expected)} to {call.NotWord}contain {ValueText.Of(call.Actual)},{call.Because} but it was {(call.Negate ? "" : "not ")}found.");
}

/// <summary>-Contain: the values contain the expected one.</summary>
internal sealed class ContainOperator : ShouldOperator
{
    /// <inheritdoc/>
    public override bool TakesWholeInput => true;

    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call) => Verdict.Of(
        call,
        PowerShellOperator.Contains.Holds(call.Actual, call.Expected),
        $"Expected {ValueText.Of(call.Expected)} to {call.NotWord}be found in collection {ValueText.Of(call.Actual)},{call.Because} but it was {(call.Negate ? "" : "not ")}found.");
}

/// <summary>-HaveCount: so many values came down the pipeline.</summary>
internal sealed class CountOperator : ShouldOperator
{
    private static readonly ScriptBlock Count = ScriptBlock.Create("param($a) $a.Count");

    /// <inheritdoc/>
    public override bool TakesWholeInput => true;

    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call)
    {
        var expected = LanguagePrimitives.ConvertTo<int>(call.Expected);
        if (expected < 0)
        {
            throw new PSArgumentException("Expected collection size must be greater than or equal to 0.");
        }

        var actual = call.Actual is null ? 0 : LanguagePrimitives.ConvertTo<int>(Count.InvokeReturnAsIs(call.Actual));
        return Verdict.Of(
            call,
            actual == expected,
            $"Expected a collection {(call.Negate ? "without" : "with")} size {expected},{call.Because} but got size {actual} ({ValueText.Of(call.Actual)}).");
    }
}
