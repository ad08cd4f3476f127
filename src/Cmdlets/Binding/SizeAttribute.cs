using System.Management.Automation;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Lets a size (or a rate a second) be given in bytes, by PowerShell's own literals (<c>64MB</c>, <c>1e6</c>, <c>0x10000</c>),
/// or as text with a unit (<c>"64MB"</c>, <c>64MiB</c>, <c>1.5GiB</c>; a rate also <c>100MB/s</c>, <c>10Mbit/s</c>).
/// </summary>
/// <remarks>
/// KB, MB, GB and TB are powers of 1024, as they are everywhere in PowerShell. In a rate bits are bits: a small b after a
/// capital (<c>Mb/s</c>, <c>Gbps</c>) and <c>bit</c>, whose prefixes are powers of 1000, as networks count. What leaves open
/// which of the two is meant (<c>10mb/s</c>, a rate of <c>10Mb</c>) is refused: a limit that is wrong by a factor of eight would be noticed by nobody.
/// </remarks>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class SizeAttribute : ArgumentTransformationAttribute
{
    /// <summary>The most that a size may be: 1 PiB, more than any machine has.</summary>
    internal const long MaximumSize = 1L << 50;

    /// <summary>The most that a rate may be, in bytes a second: 1 TiB/s, more than any network has.</summary>
    internal const long MaximumRate = 1L << 40;

    /// <summary>The least rate that may be given without a unit: whoever writes 32 means megabytes, and by 32 bytes a second a domain would need both hosts for weeks.</summary>
    private const long LeastBareRate = 1024;

    /// <summary>Whether the size is a rate, so that it may end in <c>/s</c>, and may count bits.</summary>
    public bool IsRate { get; set; }

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) => Parse(inputData, IsRate);

    /// <summary>Reads a size in bytes.</summary>
    /// <param name="value">What was given.</param>
    /// <param name="isRate">Whether it is a rate.</param>
    /// <exception cref="ArgumentTransformationMetadataException">It is not a whole number of bytes, negative or too many.</exception>
    internal static long Parse(object? value, bool isRate)
    {
        string text = QuantityText.Of(value);
        try
        {
            decimal bytes = Read(value, text, isRate);
            long most = isRate ? MaximumRate : MaximumSize;
            return bytes < 0 ? throw Refused(SR.SizeNegative, text, isRate)
                : bytes > most ? throw TooLarge(text, isRate)
                : decimal.Truncate(bytes) == bytes ? decimal.ToInt64(bytes)
                : throw Refused(SR.SizeNotWhole, text, isRate);
        }
        catch (OverflowException)
        {
            throw TooLarge(text, isRate);
        }
    }

    private static decimal Read(object? value, string text, bool isRate)
    {
        if (QuantityText.TrySplit(text, out decimal number, out string unit))
        {
            if (isRate && IsUnclear(unit))
            {
                throw Refused(SR.RateUnclear, text, isRate);
            }

            if (isRate && unit.Length == 0 && number is > 0 and < LeastBareRate)
            {
                throw Refused(SR.RateWithoutUnit, text, isRate);
            }

            if (FactorOf(unit, isRate) is { } factor)
            {
                return number * factor;
            }
        }

        // A literal in a notation that only PowerShell reads, such as 1d or 0b1000: what it has read is the number of bytes.
        return QuantityText.TryNumber(value, out decimal read)
            ? read
            : throw Refused(isRate ? SR.RateNotUnderstood : SR.SizeNotUnderstood, text, isRate);
    }

    /// <summary>How many bytes one unit is; null for one that there is not.</summary>
    private static decimal? FactorOf(string unit, bool isRate)
    {
        string bare = unit;
        if (isRate)
        {
            bare = WithoutSecond(unit);
            if (bare.EndsWith("bit", StringComparison.OrdinalIgnoreCase) || (bare != unit && bare.EndsWith('b')))
            {
                int end = bare.EndsWith('b') ? bare.Length - 1 : bare.Length - "bit".Length;
                return PowerOf(bare[..end], 1000) / 8;
            }
        }

        return bare.Length == 0 ? 1
            : bare[^1] is 'b' or 'B' ? PowerOf(bare[..^1], 1024)
            : null;
    }

    /// <summary>What a prefix stands for: powers of 1024 with an i, else those of the given base; null for no prefix.</summary>
    private static decimal? PowerOf(string prefix, int otherwise)
    {
        bool isBinary = prefix.Length == 2 && prefix[1] is 'i' or 'I';
        decimal step = isBinary ? 1024 : otherwise;
        return (prefix.Length == 0 || prefix.Length == 1 || isBinary ? prefix.ToUpperInvariant() : "?") switch
        {
            "" => 1,
            "K" or "KI" => step,
            "M" or "MI" => step * step,
            "G" or "GI" => step * step * step,
            "T" or "TI" => step * step * step * step,
            _ => null,
        };
    }

    /// <summary>Whether bits or bytes may be meant: all small with a second behind, or a small b after a capital without one.</summary>
    private static bool IsUnclear(string unit)
    {
        string bare = WithoutSecond(unit);
        bool hasSecond = bare.Length < unit.Length;
        return bare is "b" or "kb" or "mb" or "gb" or "tb" ? hasSecond : bare is "Kb" or "Mb" or "Gb" or "Tb" && !hasSecond;
    }

    private static string WithoutSecond(string unit) =>
        unit.EndsWith("/s", StringComparison.OrdinalIgnoreCase) || (unit.Length > 2 && unit.EndsWith("ps", StringComparison.OrdinalIgnoreCase))
            ? unit[..^2].TrimEnd()
            : unit;

    private static ArgumentTransformationMetadataException TooLarge(string text, bool isRate) =>
        Refused(isRate ? SR.RateOutOfRange : SR.SizeOutOfRange, text, isRate);

    private static ArgumentTransformationMetadataException Refused(string format, string text, bool isRate) =>
        new($"{Text.Format(format, text)} {(isRate ? SR.RateRemedy : SR.SizeRemedy)}");
}
