using System.Collections;
using System.Management.Automation;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Refuses nothing where a list of numbers or choices is meant. PowerShell would make of it a list of the first of them before
/// any validation looks.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class GivenAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        IsNothing(inputData) || (Bare(inputData) is IList items && (items.Count == 0 || items.Cast<object?>().Any(IsNothing)))
            ? throw new ArgumentTransformationMetadataException(SR.NothingGiven)
            : inputData;

    private static bool IsNothing(object? value) => Bare(value) is null or "";

    private static object? Bare(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;
}
