using System.Management.Automation;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Lets a size (or a rate a second) be given in bytes, by PowerShell's own literals (<c>64MB</c>), or as text with a unit
/// (<c>"64MB"</c>, <c>64MiB</c>, <c>1.5GiB</c>; a rate also <c>100MB/s</c>).
/// </summary>
/// <remarks>KB, MB, GB and TB are powers of 1024, as they are everywhere in PowerShell.</remarks>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class SizeAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether the size is a rate, so that it may end in <c>/s</c>.</summary>
    public bool IsRate { get; set; }

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) => Parse(inputData, IsRate);

    /// <summary>Reads a size in bytes.</summary>
    /// <param name="value">What was given.</param>
    /// <param name="isRate">Whether <c>/s</c> may follow.</param>
    /// <exception cref="ArgumentTransformationMetadataException">It is not a whole number of bytes.</exception>
    internal static long Parse(object? value, bool isRate)
    {
        string text = QuantityText.Of(value);
        if ((value as PSObject)?.BaseObject is int or long && !text.AsSpan().ContainsAnyExceptInRange('0', 'x'))
        {
            // A literal in a notation that only PowerShell reads, such as 0x4000000 or 1e6.
            text = QuantityText.Of(((PSObject)value).BaseObject);
        }

        string size = isRate && text.EndsWith("/s", StringComparison.OrdinalIgnoreCase) ? text[..^2] : text;
        if (!QuantityText.TrySplit(size, out decimal number, out string unit))
        {
            throw Refused(SR.SizeNotUnderstood, text);
        }

        long bytesPerUnit = unit switch
        {
            "" or "b" => 1,
            "kb" or "kib" => 1L << 10,
            "mb" or "mib" => 1L << 20,
            "gb" or "gib" => 1L << 30,
            "tb" or "tib" => 1L << 40,
            _ => throw Refused(SR.SizeNotUnderstood, text),
        };
        try
        {
            decimal bytes = number * bytesPerUnit;
            return decimal.Truncate(bytes) == bytes ? decimal.ToInt64(bytes) : throw Refused(SR.SizeNotWhole, text);
        }
        catch (OverflowException)
        {
            throw Refused(SR.SizeOutOfRange, text);
        }
    }

    private static ArgumentTransformationMetadataException Refused(string format, string text) =>
        new($"{Text.Format(format, text)} {SR.SizeRemedy}");
}
