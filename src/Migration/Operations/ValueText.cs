using System.Globalization;

namespace PreRecordMigration.Operations;

/// <summary>The text of values, the same in every culture.</summary>
public static class ValueText
{
    /// <summary>The text of a value.</summary>
    /// <param name="value">The value; nothing for null.</param>
    public static string Of(object? value) => value switch
    {
        null => "",
        double number => number.ToString("0.######", CultureInfo.InvariantCulture),
        DateTimeOffset date => date.ToString("yyyy-MM-ddTHH:mm:ss.fffzzz", CultureInfo.InvariantCulture),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
