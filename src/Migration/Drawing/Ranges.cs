using System.Xml.Linq;
using static PreRecordMigration.Drawing.Markup;
using static PreRecordMigration.Drawing.Picture;

namespace PreRecordMigration.Drawing;

/// <summary>Values of one thing that was measured several times.</summary>
/// <param name="Label">What it is.</param>
/// <param name="Values">The values, from zero.</param>
/// <param name="Median">Their median.</param>
/// <param name="Text">The median for a reader.</param>
/// <param name="Series">Its colour, from 1.</param>
internal sealed record Measured(string Label, IReadOnlyList<double> Values, double Median, string Text, int Series);

/// <summary>Pictures of what was measured several times.</summary>
internal static class Ranges
{
    private const double RowHeight = 42;

    /// <summary>One row each, below what it is of: a bar from the least to the most, a point for each value, and a line at the median.</summary>
    public static Picture Draw(IReadOnlyList<Measured> rows, Func<double, string> text)
    {
        double highest = Axis.RoundUp(rows.SelectMany(row => row.Values).DefaultIfEmpty().Max());
        double bottom = rows.Count * RowHeight;
        List<XElement> content = [.. Enumerable.Range(0, 5).Select(quarter => Rule(quarter / 4.0, 0, bottom))];
        for (int row = 0; row < rows.Count; row++)
        {
            double top = row * RowHeight;
            Measured one = rows[row];
            content.Add(Label(0, top + 13, Short(one.Label)));
            content.Add(Label(1, top + 13, one.Text, "end", "v"));
            if (one.Values.Count > 0)
            {
                double least = Quantity.Of(one.Values.Min(), highest);
                content.Add(Box(least, top + 24, Quantity.Of(one.Values.Max(), highest) - least, 6, one.Series));
                content.AddRange(one.Values.Select(value => Svg(
                    "circle", With("cx", Percent(Quantity.Of(value, highest))), With("cy", top + 27), With("r", 4), Class($"p s{one.Series}"))));
                content.Add(Rule(Quantity.Of(one.Median, highest), top + 18, top + 36, "k"));
            }
        }

        content.AddRange(Axis.Marks(Axis.Quarters(highest, text), bottom + 14));
        return OfHeight(bottom + 20, content);
    }
}
