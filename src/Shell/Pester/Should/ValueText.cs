using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Should;

/// <summary>Values as they are shown in failure messages.</summary>
internal static class ValueText
{
    private const int MaxItems = 20;

    /// <summary>Shows a value as one would write it in PowerShell, shortened where it is long.</summary>
    public static string Of(object? value)
    {
        var plain = value is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : value;
        return plain switch
        {
            null => "$null",
            bool flag => flag ? "$true" : "$false",
            string text => $"'{text}'",
            char letter => $"'{letter}'",
            Type type => $"[{type.FullName}]",
            ScriptBlock script => $"{{{script}}}",
            IDictionary map => "@{" + string.Join("; ", map.Keys.Cast<object>().Take(MaxItems).Select(key => $"{key}={Of(map[key])}")) + "}",
            IEnumerable items => Items(items.Cast<object?>().ToList()),
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => plain.ToString() ?? "",
        };
    }

    private static string Items(List<object?> items)
    {
        var shown = string.Join(", ", items.Take(MaxItems).Select(Of));
        return items.Count > MaxItems ? $"@({shown}, ...) with {items.Count} items" : $"@({shown})";
    }
}
