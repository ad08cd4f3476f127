using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;
using System.Xml;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Lets a duration be given as a <see cref="TimeSpan"/>, a number with a unit (<c>500us</c>, <c>500ms</c>, <c>5s</c>,
/// <c>2min</c>, <c>1h</c>, <c>1d</c>), <c>hours:minutes:seconds</c>, or as ISO 8601 writes it (<c>PT0.5S</c>).
/// </summary>
/// <remarks>
/// A duration may not be below zero or above a day, so that no clock or timer overflows. A bare number is refused: PowerShell would take
/// it for ticks of 100 ns, a reader for seconds or milliseconds. Zero is the same in every unit and passes; whether it makes sense, each
/// parameter decides for itself.
/// </remarks>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed partial class DurationAttribute : ArgumentTransformationAttribute
{
    private static readonly string[] ClockFormats =
        [@"h\:mm\:ss", @"h\:mm\:ss\.FFFFFFF", @"d\.hh\:mm\:ss", @"d\.hh\:mm\:ss\.FFFFFFF"];

    /// <summary>The longest that a duration may be.</summary>
    internal static TimeSpan Maximum { get; } = TimeSpan.FromDays(1);

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) => Parse(inputData);

    /// <summary>Reads a duration.</summary>
    /// <param name="value">What was given; a number that PowerShell read from an argument keeps its text.</param>
    /// <exception cref="ArgumentTransformationMetadataException">It is not clear as a duration, below zero or above a day.</exception>
    internal static TimeSpan Parse(object? value)
    {
        string text = QuantityText.Of(value);
        try
        {
            TimeSpan time = (value as PSObject)?.BaseObject as TimeSpan? ?? value as TimeSpan? ?? ParseText(text);
            return time < TimeSpan.Zero ? throw Refused(SR.DurationNegative, text)
                : time > Maximum ? throw Refused(SR.DurationOutOfRange, text)
                : time;
        }
        catch (OverflowException)
        {
            throw Refused(SR.DurationOutOfRange, text);
        }
    }

    private static TimeSpan ParseText(string text)
    {
        // 5s in an argument is the number 5 with the text "5s": s is PowerShell's suffix for a short integer, as d is for a decimal.
        if (text.Contains(':', StringComparison.Ordinal))
        {
            return ParseClock(text);
        }

        if (Iso().IsMatch(text))
        {
            return ParseIso(text);
        }

        if (!QuantityText.TrySplit(text, out decimal number, out string unit))
        {
            throw Refused(SR.DurationNotUnderstood, text);
        }

        decimal ticksPerUnit = unit.ToLowerInvariant() switch
        {
            "us" or "µs" or "μs" => TimeSpan.TicksPerMicrosecond,
            "ms" => TimeSpan.TicksPerMillisecond,
            "s" or "sec" => TimeSpan.TicksPerSecond,
            "min" => TimeSpan.TicksPerMinute,
            "h" => TimeSpan.TicksPerHour,
            "d" => TimeSpan.TicksPerDay,
            "" when number == 0 => 1,
            "" => throw Refused(SR.DurationWithoutUnit, text),
            _ => throw Refused(SR.DurationNotUnderstood, text),
        };
        return TimeSpan.FromTicks(decimal.ToInt64(decimal.Round(number * ticksPerUnit)));
    }

    private static TimeSpan ParseIso(string text)
    {
        try
        {
            return XmlConvert.ToTimeSpan(text);
        }
        catch (FormatException)
        {
            // The text has the right form, so what failed is the size of its numbers.
            throw Refused(SR.DurationOutOfRange, text);
        }
    }

    private static TimeSpan ParseClock(string text)
    {
        bool isNegative = text.StartsWith('-');
        return TimeSpan.TryParseExact(
            text.AsSpan(isNegative ? 1 : 0), ClockFormats, CultureInfo.InvariantCulture, out TimeSpan clock)
            ? isNegative ? -clock : clock
            : throw Refused(SR.DurationNotUnderstood, text);
    }

    /// <summary>Days and less: months and years have no length of their own.</summary>
    [GeneratedRegex(@"^-?P(?=.)([0-9]+D)?(T(?=.)([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Iso();

    private static ArgumentTransformationMetadataException Refused(string format, string text) =>
        new($"{Text.Format(format, text)} {SR.DurationRemedy}");
}
