using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Runtime.CompilerServices;
using System.Xml;
using PreRecordMigration.Options;

namespace PreRecordMigration.Cmdlets;

/// <summary>Things in their order, whose text is all of them in one line, the same in every culture: a column of Export-Csv.</summary>
/// <typeparam name="T">What is listed; its own text is one line too.</typeparam>
[CollectionBuilder(typeof(Listed), nameof(Listed.Of))]
public sealed class Listed<T> : ReadOnlyCollection<T>
{
    internal Listed(IList<T> items)
        : base(items)
    {
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Join(typeof(T).IsPrimitive || typeof(T).IsEnum ? " " : "; ", this.Select(item => Flat.TextOf(item)));
}

/// <summary>Makes lists of what is returned.</summary>
internal static class Listed
{
    /// <summary>A list of these things.</summary>
    public static Listed<T> Of<T>(ReadOnlySpan<T> items) => new(items.ToArray());
}

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

    /// <summary>The text of a value, the same in every culture.</summary>
    /// <param name="value">The value; nothing for null.</param>
    public static string TextOf(object? value) => value switch
    {
        null => "",
        double number => number.ToString("0.######", CultureInfo.InvariantCulture),
        DateTimeOffset date => date.ToString("yyyy-MM-ddTHH:mm:ss.fffzzz", CultureInfo.InvariantCulture),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
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
    public static string TextOfShown(PSObject shown) => TextOf(shown?.BaseObject);
}
