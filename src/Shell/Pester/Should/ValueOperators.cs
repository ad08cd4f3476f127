using System.Collections;
using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Should;

/// <summary>-BeTrue and -BeFalse: what an <c>if</c> would make of the value.</summary>
internal sealed class TruthOperator(bool expected) : ShouldOperator
{
    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call)
    {
        var wanted = expected != call.Negate;
        return LanguagePrimitives.IsTrue(call.Actual) == wanted
            ? Verdict.Passed
            : new Verdict($"Expected {ValueText.Of(wanted)},{call.Because} but got {ValueText.Of(call.Actual)}.");
    }
}

/// <summary>-BeNullOrEmpty.</summary>
internal sealed class NullOrEmptyOperator : ShouldOperator
{
    /// <inheritdoc/>
    public override bool TakesWholeInput => true;

    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call)
    {
        var items = LanguagePrimitives.ConvertTo<object?[]?>(call.Actual);
        var holds = items switch
        {
            null or [] => true,
            [var item] => IsEmpty(item),
            _ => false,
        };
        return Verdict.Of(call, holds, call.Negate
            ? $"Expected a value,{call.Because} but got $null or empty."
            : $"Expected $null or empty,{call.Because} but got {ValueText.Of(call.Actual)}.");
    }

    private static bool IsEmpty(object? item) => (item is PSObject wrapped ? wrapped.BaseObject : item) switch
    {
        Hashtable map => map.Count == 0,
        _ => string.IsNullOrEmpty(LanguagePrimitives.ConvertTo<string>(item)),
    };
}

/// <summary>
/// -BeGreaterThan and its kin. As in Pester, the plain form fails when the opposite operator holds, and the negated
/// form when the operator itself holds: values that are neither (NaN) pass both.
/// </summary>
internal sealed class OrderOperator(PowerShellOperator opposite, PowerShellOperator own, string words) : ShouldOperator
{
    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call) => (call.Negate ? own : opposite).Holds(call.Actual, call.Expected)
        ? new Verdict(
            $"Expected the actual value to {call.NotWord}be {words} {ValueText.Of(call.Expected)},{call.Because} "
            + $"but got {ValueText.Of(call.Actual)}.")
        : Verdict.Passed;
}

/// <summary>-BeLike and -BeLikeExactly.</summary>
internal sealed class LikeOperator(PowerShellOperator like, string words) : ShouldOperator
{
    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call) => Verdict.Of(
        call,
        like.Holds(call.Actual, call.Expected),
        $"Expected {words} wildcard {ValueText.Of(call.Expected)} to {call.NotWord}match {ValueText.Of(call.Actual)},{call.Because} but it did{(call.Negate ? "" : " not")} match.");
}

/// <summary>-Match and -MatchExactly.</summary>
internal sealed class MatchOperator(PowerShellOperator match, string words) : ShouldOperator
{
    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call) => Verdict.Of(
        call,
        match.Holds(call.Actual, call.Command.RegularExpression),
        $"Expected regular expression {ValueText.Of(call.Command.RegularExpression)} to {call.NotWord}{words} {ValueText.Of(call.Actual)},{call.Because} but it did{(call.Negate ? "" : " not")} match.");
}

/// <summary>-BeOfType: a type, or its name with or without brackets.</summary>
internal sealed class TypeOperator : ShouldOperator
{
    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call)
    {
        var type = TypeName.Resolve(call.Command.ExpectedType);
        var plain = call.Actual is PSObject wrapped ? wrapped.BaseObject : call.Actual;
        return Verdict.Of(
            call,
            PowerShellOperator.Is.Holds(call.Actual, type),
            $"Expected the value to {call.NotWord}have type {ValueText.Of(type)} or any of its subtypes,{call.Because} but got {ValueText.Of(call.Actual)} with type {ValueText.Of(plain?.GetType())}.");
    }
}

/// <summary>-Exist: a path of any provider, with wildcards.</summary>
internal sealed class ExistOperator : ShouldOperator
{
    /// <inheritdoc/>
    public override Verdict Test(ShouldCall call) => Verdict.Of(
        call,
        call.Command.InvokeProvider.Item.Exists(LanguagePrimitives.ConvertTo<string>(call.Actual), force: false, literalPath: false),
        $"Expected path {ValueText.Of(call.Actual)} to {call.NotWord}exist,{call.Because} but it did {(call.Negate ? "" : "not ")}exist.");
}

/// <summary>Types given as types or as text.</summary>
internal static class TypeName
{
    /// <summary>Resolves a type.</summary>
    /// <exception cref="PSArgumentException">No loaded assembly has the type.</exception>
    public static Type Resolve(object? typeOrName)
    {
        var plain = typeOrName is PSObject wrapped ? wrapped.BaseObject : typeOrName;
        if (plain is Type type)
        {
            return type;
        }

        var name = plain?.ToString() ?? "";
        name = name.StartsWith('[') && name.EndsWith(']') ? name[1..^1] : name;
        return LanguagePrimitives.TryConvertTo<Type>(name, out var resolved) && resolved is not null
            ? resolved
            : throw new PSArgumentException($"Could not find type [{name}]. Make sure that the assembly that contains it is loaded.");
    }
}
