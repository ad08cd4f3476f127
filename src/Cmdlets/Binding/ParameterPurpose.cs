using System.Collections.Concurrent;

namespace PreRecordMigration.Cmdlets;

/// <summary>Marks a parameter that only a method with a recording has a use for: with any other method it is refused.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class PreRecordOnlyAttribute : Attribute
{
}

/// <summary>Marks a parameter that only a window that is rolled back has a use for: where the domain is observed it is refused.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class RollbackOnlyAttribute : Attribute
{
}

/// <summary>Marks a parameter whose value a recording has decided by being made: to move that recording it is refused.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class DecidedByRecordingAttribute : Attribute
{
}

/// <summary>Marks a parameter that bounds what rounds leave to travel while the domain stands still: where there is no such thing it is refused.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class LastRoundOnlyAttribute : Attribute
{
}

/// <summary>Finds the parameters of a cmdlet by what they are marked to be for.</summary>
internal static class ParameterPurpose
{
    private static readonly ConcurrentDictionary<(Type Cmdlet, Type Purpose), IReadOnlyList<string>> Found = new();

    /// <summary>The names of a cmdlet's parameters that bear an attribute.</summary>
    /// <typeparam name="TPurpose">The attribute.</typeparam>
    /// <param name="cmdlet">The cmdlet's class.</param>
    public static IReadOnlyList<string> Of<TPurpose>(Type cmdlet)
        where TPurpose : Attribute =>
        Found.GetOrAdd(
            (cmdlet, typeof(TPurpose)),
            key => [.. key.Cmdlet.GetProperties().Where(property => property.IsDefined(key.Purpose, inherit: true)).Select(property => property.Name)]);
}
