using System.Globalization;
using System.Management.Automation;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Lets a duration be given as a <see cref="TimeSpan"/>, a number with a unit (<c>500us</c>, <c>500ms</c>, <c>5s</c>,
/// <c>2min</c>, <c>1h</c>) or <c>hours:minutes:seconds</c>.
/// </summary>
/// <remarks>
/// A bare number is refused: PowerShell would take it for ticks of 100 ns, a reader for seconds or milliseconds. Zero is
/// the same in every unit and passes; whether it makes sense is the parameter's own matter.
/// </remarks>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class DurationAttribute : ArgumentTransformationAttribute
{
    private static readonly string[] ClockFormats =
        [@"h\:mm\:ss", @"h\:mm\:ss\.FFFFFFF", @"d\.hh\:mm\:ss", @"d\.hh\:mm\:ss\.FFFFFFF"];

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) => Parse(inputData);

    /// <summary>Reads a duration.</summary>
    /// <param name="value">What was given; a number that PowerShell read from an argument keeps its text.</param>
    /// <exception cref="ArgumentTransformationMetadataException">It is not clear as a duration.</exception>
    internal static TimeSpan Parse(object? value)
    {
        if ((value as PSObject)?.BaseObject is TimeSpan wrapped)
        {
            return wrapped;
        }

        if (value is TimeSpan span)
        {
            return span;
        }

        // 5s in an argument is the number 5 with the text "5s": s is PowerShell's suffix for a short integer.
        string text = QuantityText.Of(value);
        if (text.Contains(':', StringComparison.Ordinal))
        {
            return ParseClock(text);
        }

        if (!QuantityText.TrySplit(text, out decimal number, out string unit))
        {
            throw Refused(SR.DurationNotUnderstood, text);
        }

        decimal? ticksPerUnit = unit switch
        {
            "us" or "µs" => TimeSpan.TicksPerMicrosecond,
            "ms" => TimeSpan.TicksPerMillisecond,
            "s" or "sec" => TimeSpan.TicksPerSecond,
            "min" => TimeSpan.TicksPerMinute,
            "h" => TimeSpan.TicksPerHour,
            "" when number == 0 => 1,
            "" => throw Refused(SR.DurationWithoutUnit, text),
            _ => throw Refused(SR.DurationNotUnderstood, text),
        };
        try
        {
            return TimeSpan.FromTicks(decimal.ToInt64(decimal.Round(number * ticksPerUnit.Value)));
        }
        catch (OverflowException)
        {
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

    private static ArgumentTransformationMetadataException Refused(string format, string text) =>
        new($"{Text.Format(format, text)} {SR.DurationRemedy}");
}
