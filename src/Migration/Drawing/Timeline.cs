using System.Xml.Linq;
using static PreRecordMigration.Drawing.Picture;

namespace PreRecordMigration.Drawing;

/// <summary>Something that took a time.</summary>
/// <param name="Label">What it is.</param>
/// <param name="Start">When it began, in seconds.</param>
/// <param name="Duration">How long it took, in seconds.</param>
/// <param name="Series">Its colour, from 1.</param>
internal sealed record Span(string Label, double Start, double Duration, int Series = 1);

/// <summary>Pictures of what happened when.</summary>
internal static class Timeline
{
    private const double RowHeight = 34;
    private const double Top = 38;

    /// <summary>A band of what followed each other, numbered by series, and below it what took which time, a row each.</summary>
    /// <param name="band">What followed each other.</param>
    /// <param name="rows">What took which time.</param>
    /// <param name="length">How long all of it took, in seconds.</param>
    public static Picture Draw(IReadOnlyList<Span> band, IReadOnlyList<Span> rows, double length)
    {
        double bottom = Top + (rows.Count * RowHeight);
        List<XElement> content = [.. Enumerable.Range(0, 5).Select(quarter => Rule(quarter / 4.0, 16, bottom))];
        foreach (Span part in band)
        {
            double start = Quantity.Of(part.Start, length);
            double width = Quantity.Of(part.Duration, length);
            content.Add(Box(start, 16, width, 14, part.Series, isBeside: true));
            if (width >= 0.04)
            {
                content.Add(Label(start + (width / 2), 12, Markup.Number(part.Series), "middle"));
            }
        }

        for (int row = 0; row < rows.Count; row++)
        {
            double start = Quantity.Of(rows[row].Start, length);
            double end = Quantity.Of(rows[row].Start + rows[row].Duration, length);
            double y = Top + (row * RowHeight);
            string text = $"{rows[row].Label} {Quantity.Time(rows[row].Duration)}";
            content.Add(start <= 0.55 ? Label(start, y + 12, text) : Label(Math.Min(1, end), y + 12, text, "end"));
            content.Add(Box(start, y + 17, Math.Min(1, end) - start, 10, rows[row].Series));
        }

        content.AddRange(Axis.Marks(Axis.Quarters(length, seconds => Quantity.Time(seconds)), bottom + 14));
        return OfHeight(bottom + 20, content);
    }
}
