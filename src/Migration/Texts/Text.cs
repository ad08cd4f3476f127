using System.Globalization;

namespace PreRecordMigration.Texts;

/// <summary>Fills in messages.</summary>
public static class Text
{
    /// <summary>Fills in one message, the same in every culture. Who wrote a text that is filled in is not known here.</summary>
    /// <param name="format">The message, with places to fill in.</param>
    /// <param name="arguments">What goes there.</param>
    public static string Format(string format, params object?[] arguments) => string.Format(
        CultureInfo.InvariantCulture, format, [.. arguments.Select(argument => argument is string text ? ForeignText.Show(text) : argument)]);

    /// <summary>A size for a reader, such as <c>12.5 MiB</c>.</summary>
    /// <param name="bytes">The size in bytes.</param>
    public static string Bytes(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        int unit = 0;
        while (bytes >= 1024 && unit < units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{bytes:0.#} {units[unit]}");
    }

    /// <summary>A duration for a reader, such as <c>12.5 ms</c>.</summary>
    /// <param name="duration">The duration.</param>
    public static string Duration(TimeSpan duration) => duration.Duration() switch
    {
        var d when d < TimeSpan.FromMilliseconds(1) => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMicroseconds:0} us"),
        var d when d < TimeSpan.FromSeconds(1) => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds:0.#} ms"),
        var d when d < TimeSpan.FromMinutes(2) => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.##} s"),
        var d when d < TimeSpan.FromDays(1) => duration.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture),
        _ => duration.ToString(@"d\.hh\:mm\:ss", CultureInfo.InvariantCulture),
    };
}
