using System.Collections;
using System.Management.Automation;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Refuses null, empty text and an empty list where numbers or choices are meant. PowerShell would turn them into zero or the first
/// choice before any validation attribute looks.
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
