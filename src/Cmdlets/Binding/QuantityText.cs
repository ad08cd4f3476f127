using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace PreRecordMigration.Cmdlets;

/// <summary>Splits what an administrator wrote into a number and a unit.</summary>
internal static partial class QuantityText
{
    /// <summary>The text of an argument: as it was written, where PowerShell kept that.</summary>
    public static string Of(object? value) => value switch
    {
        null => "",
        PSObject wrapped => wrapped.ToString().Trim(),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()?.Trim() ?? "",
    };

    /// <summary>The number that PowerShell has read or computed, whatever notation it was written in.</summary>
    /// <param name="value">What was given.</param>
    /// <param name="number">The number.</param>
    /// <returns>False if it is none, or none that is finite.</returns>
    /// <exception cref="OverflowException">It is larger than any quantity.</exception>
    public static bool TryNumber(object? value, out decimal number)
    {
        object? bare = value is PSObject wrapped ? wrapped.BaseObject : value;
        bool isNumber = bare is sbyte or byte or short or ushort or int or uint or long or ulong or decimal or System.Numerics.BigInteger
            || (bare is float or double && double.IsFinite(Convert.ToDouble(bare, CultureInfo.InvariantCulture)));
        number = !isNumber ? 0
            : bare is System.Numerics.BigInteger big ? (decimal)big
            : Convert.ToDecimal(bare, CultureInfo.InvariantCulture);
        return isNumber;
    }

    /// <summary>Splits a text such as <c>1.5 GiB</c>, <c>1e6</c> or <c>0x10MB</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="number">The number before the unit.</param>
    /// <param name="unit">The unit as it was written, or empty.</param>
    /// <returns>False if it does not begin with a number.</returns>
    /// <exception cref="OverflowException">The number is larger than any quantity.</exception>
    public static bool TrySplit(string text, out decimal number, out string unit)
    {
        Match match = Pattern().Match(text);
        (number, unit) = (0, match.Groups["unit"].Value);
        if (!match.Success)
        {
            return false;
        }

        if (match.Groups["hex"] is { Success: true, ValueSpan: var digits })
        {
            number = ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong whole)
                ? whole
                : throw new OverflowException();
        }
        else if (!decimal.TryParse(match.Groups["number"].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture, out number))
        {
            throw new OverflowException();
        }

        return true;
    }

    [GeneratedRegex(@"^(0[xX](?<hex>[0-9a-fA-F]+)|(?<number>[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?))\s*(?<unit>\D.*)?$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}
