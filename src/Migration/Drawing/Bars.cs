using System.Xml.Linq;
using static PreRecordMigration.Drawing.Picture;

namespace PreRecordMigration.Drawing;

/// <summary>A bar.</summary>
/// <param name="Label">What it is of.</param>
/// <param name="Value">How long it is, from zero.</param>
/// <param name="Text">Its value for a reader.</param>
/// <param name="Series">Its colour, from 1.</param>
internal sealed record Bar(string Label, double Value, string Text, int Series = 1);

/// <summary>Pictures of bars.</summary>
internal static class Bars
{
    private const double RowHeight = 36;
    private const double LineHeight = 20;

    /// <summary>One bar a row, each below what it is of.</summary>
    /// <param name="bars">The bars.</param>
    /// <param name="whole">What a bar of the whole width stands for; null for the longest one.</param>
    public static Picture Rows(IReadOnlyList<Bar> bars, double? whole = null)
    {
        double longest = whole ?? bars.Select(bar => bar.Value).DefaultIfEmpty().Max();
        return OfHeight(Math.Max(1, bars.Count) * RowHeight, bars.SelectMany((bar, row) => new[]
        {
            Label(0, (row * RowHeight) + 13, Short(bar.Label)),
            Label(1, (row * RowHeight) + 13, bar.Text, "end", "v"),
            Box(0, (row * RowHeight) + 18, Quantity.Of(bar.Value, longest), 12, bar.Series),
        }));
    }

    /// <summary>One bar a line, beside what it is of, whose text is short: a distribution.</summary>
    public static Picture Lines(IReadOnlyList<Bar> bars)
    {
        double longest = bars.Select(bar => bar.Value).DefaultIfEmpty().Max();
        return OfHeight(Math.Max(1, bars.Count) * LineHeight, bars.SelectMany((bar, row) => new[]
        {
            Label(0.42, (row * LineHeight) + 14, Short(bar.Label), "end"),
            Box(0.44, (row * LineHeight) + 4, 0.4 * Quantity.Of(bar.Value, longest), 12, bar.Series),
            Label(1, (row * LineHeight) + 14, bar.Text, "end", "v"),
        }));
    }

    /// <summary>All of them in one row, one after the other; each has the number of its series above it where there is room.</summary>
    /// <param name="bars">The bars; those of no length are left out.</param>
    /// <param name="marks">What stands below, by where (a share of the whole).</param>
    public static Picture Stack(IReadOnlyList<Bar> bars, IReadOnlyList<(double At, string Text)> marks)
    {
        double whole = bars.Sum(bar => bar.Value);
        List<XElement> content = [];
        double start = 0;
        foreach (Bar bar in bars.Where(bar => bar.Value > 0))
        {
            double width = Quantity.Of(bar.Value, whole);
            content.Add(Box(start, 16, width, 20, bar.Series, isBeside: true));
            if (width >= 0.04)
            {
                content.Add(Label(start + (width / 2), 12, Markup.Number(bar.Series), "middle"));
            }

            start += width;
        }

        content.AddRange(Axis.Marks(marks, 50));
        return OfHeight(56, content);
    }
}
