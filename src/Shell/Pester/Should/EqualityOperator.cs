using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Should;

/// <summary>-Be and -BeExactly: both sides as arrays, item by item, the expected item on the left of the operator.</summary>
internal sealed class EqualityOperator(PowerShellOperator equal, string adverb) : ShouldOperator
{
    private const int MaxDepth = 100;

    /// <inheritdoc/>
    public override bool TakesWholeInput => true;

    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call)
    {
        var holds = AreEqual(call.Actual, call.Expected, 1);
        var actual = call.Actual is object?[] { Length: 1 } single ? single[0] : call.Actual;
        return Verdict.Of(call, holds, call.Negate
            ? $"Expected {ValueText.Of(call.Expected)} to be {adverb}different from the actual value,{call.Because} but got the same value."
            : $"Expected {adverb}{ValueText.Of(call.Expected)},{call.Because} but got {ValueText.Of(actual)}.");
    }

    private bool AreEqual(object? first, object? second, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new PSInvalidOperationException($"The arrays are nested more than {MaxDepth} deep. Is one of them cyclic?");
        }

        // The conversion is the language's own: [object[]] of a list is its items, of a scalar one item, of $null null.
        var actual = LanguagePrimitives.ConvertTo<object?[]?>(first);
        var expected = LanguagePrimitives.ConvertTo<object?[]?>(second);
        if (IsNothing(actual) || IsNothing(expected))
        {
            return IsNothing(actual) && IsNothing(expected);
        }

        return actual!.Length == expected!.Length && actual.Zip(expected).All(pair =>
            IsArray(pair.First) || IsArray(pair.Second)
                ? AreEqual(pair.First, pair.Second, depth + 1)
                : equal.Holds(pair.Second, pair.First));
    }

    private static bool IsNothing(object?[]? items) => items is null or [] or [null];

    private static bool IsArray(object? value) => (value is PSObject wrapped ? wrapped.BaseObject : value) is Array;
}
