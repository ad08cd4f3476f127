using System.Globalization;
using System.Management.Automation;

namespace PreRecordMigration.Cmdlets;

/// <summary>Splits what an administrator wrote into a number and a unit.</summary>
internal static class QuantityText
{
    /// <summary>The text of an argument: as it was written, where PowerShell kept that.</summary>
    public static string Of(object? value) => value switch
    {
        null => "",
        PSObject wrapped => wrapped.ToString().Trim(),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()?.Trim() ?? "",
    };

    /// <summary>Splits a text such as <c>1.5 GiB</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="number">The number before the unit.</param>
    /// <param name="unit">The unit in lower case, or empty.</param>
    /// <returns>False if it does not begin with a number.</returns>
    public static bool TrySplit(string text, out decimal number, out string unit)
    {
        int end = 0;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || text[end] == '.' || (end == 0 && text[end] is '-' or '+')))
        {
            end++;
        }

        unit = text[end..].Trim().ToLowerInvariant();
        return decimal.TryParse(
            text.AsSpan(0, end),
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out number);
    }
}
