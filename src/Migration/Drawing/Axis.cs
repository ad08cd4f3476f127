using System.Xml.Linq;
using static PreRecordMigration.Drawing.Picture;

namespace PreRecordMigration.Drawing;

/// <summary>Axes of pictures.</summary>
internal static class Axis
{
    /// <summary>The smallest round number that is not below another one: 1, 2 or 5 times a power of ten.</summary>
    /// <param name="value">Above zero; else it is 1.</param>
    public static double RoundUp(double value)
    {
        if (!(value > 0) || !double.IsFinite(value))
        {
            return 1;
        }

        double power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        double digit = value / power;
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }

    /// <summary>The quarters of a length, with what stands at them.</summary>
    public static IReadOnlyList<(double At, string Text)> Quarters(double length, Func<double, string> text) =>
        [.. Enumerable.Range(0, 5).Select(quarter => (quarter / 4.0, quarter == 0 ? "0" : text(length * quarter / 4)))];

    /// <summary>Texts below a picture: the first begins at its left edge, the last ends at its right one.</summary>
    public static IEnumerable<XElement> Marks(IReadOnlyList<(double At, string Text)> marks, double y) => marks.Select(mark =>
        Label(mark.At, y, mark.Text, mark.At < 0.05 ? "start" : mark.At > 0.95 ? "end" : "middle", "a"));
}
