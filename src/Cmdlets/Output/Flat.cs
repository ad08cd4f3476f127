using System.Management.Automation;
using System.Xml;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// The one rule of what is returned. To .NET, which is what ConvertTo-Json looks at, every property is flat: a name, a number, a
/// text, or a list or record of those; durations are seconds, addresses texts. To PowerShell it is what one works with: a TimeSpan, an
/// address, an object (Types.ps1xml). Its text, a column of Export-Csv, is the same in every culture.
/// </summary>
public static class Flat
{
    /// <summary>A value whose kind only its object knows, as .NET sees it: a duration as ISO 8601, enumerations by name.</summary>
    /// <param name="value">The value; null for null.</param>
    internal static object? Of(object? value) =>
        value is TimeSpan time ? XmlConvert.ToString(time) : value is Enum name ? name.ToString() : Listing(value);

    /// <summary>A value, whose text is all that is in it where it is a list.</summary>
    /// <param name="value">The value; null for null.</param>
    internal static object? Listing(object? value) => value switch
    {
        string[] texts => Listed.Of<string>(texts),
        PageOrderStrategy[] strategies => Listed.Of<PageOrderStrategy>(strategies),
        _ => value,
    };

    /// <summary>The duration of a number of seconds, to the nearest tick; null for null.</summary>
    /// <param name="seconds">The seconds.</param>
    public static TimeSpan? Time(double? seconds) =>
        seconds is { } given ? TimeSpan.FromTicks((long)Math.Round(given * TimeSpan.TicksPerSecond)) : null;

    /// <summary>A number or a date whose text is the same in every culture; null for null.</summary>
    /// <param name="value">The number or date.</param>
    public static PSObject? WithText(object? value)
    {
        if (value is null)
        {
            return null;
        }

        PSObject shown = new(value);
        shown.Methods.Add(new PSCodeMethod("ToString", typeof(Flat).GetMethod(nameof(TextOfShown))!));
        return shown;
    }

    /// <summary>What PowerShell calls for the text of a value from <see cref="WithText"/>.</summary>
    /// <param name="shown">The value.</param>
    public static string TextOfShown(PSObject shown) => ValueText.Of(shown?.BaseObject);
}
