using System.Text;
using System.Xml.Linq;
using static PreRecordMigration.Drawing.Markup;
using static PreRecordMigration.Drawing.Picture;

namespace PreRecordMigration.Drawing;

/// <summary>A line through points.</summary>
/// <param name="Series">Its colour and its dashes, from 1.</param>
/// <param name="Points">Where it goes: a time in seconds and a value, from zero. A value that is no number is a gap.</param>
internal sealed record Curve(int Series, IReadOnlyList<(double At, double Value)> Points);

/// <summary>Pictures of what went on over a time.</summary>
internal static class Curves
{
    private const double Top = 18;
    private const double Height = 160;

    /// <summary>Curves over one time.</summary>
    /// <param name="curves">The curves.</param>
    /// <param name="length">How long all of it took, in seconds.</param>
    /// <param name="text">A value for a reader.</param>
    /// <param name="marks">Moments that have a name.</param>
    public static Picture Draw(IReadOnlyList<Curve> curves, double length, Func<double, string> text, IReadOnlyList<(double At, string Text)> marks)
    {
        double highest = Axis.RoundUp(curves.SelectMany(curve => curve.Points).Select(point => point.Value).Where(double.IsFinite).DefaultIfEmpty().Max());
        List<XElement> content = [];
        for (int quarter = 0; quarter <= 4; quarter++)
        {
            double y = Top + (Height * (4 - quarter) / 4);
            content.Add(Level(y));
            if (quarter is 2 or 4)
            {
                content.Add(Label(0, y - 4, text(highest * quarter / 4), "start", "a"));
            }
        }

        foreach ((double at, string name) in marks)
        {
            double x = Quantity.Of(at, length);
            content.Add(Rule(x, Top, Top + Height, "m"));
            content.Add(Label(x, Top + 12, name, x > 0.6 ? "end" : "start", "a"));
        }

        content.Add(Svg(
            "svg",
            With("x", 0),
            With("y", Top),
            With("width", "100%"),
            With("height", Height),
            With("viewBox", "0 0 1000 1000"),
            With("preserveAspectRatio", "none"),
            curves.Select(curve => Svg(
                "path", Path("d", Line(curve.Points, length, highest)), With("vector-effect", "non-scaling-stroke"), Class($"l l{curve.Series}")))));
        content.AddRange(Axis.Marks(Axis.Quarters(length, seconds => Quantity.Time(seconds)), Top + Height + 16));
        return OfHeight(Top + Height + 22, content);
    }

    private static StringBuilder Line(IReadOnlyList<(double At, double Value)> points, double length, double highest)
    {
        StringBuilder line = new();
        bool isDrawn = false;
        foreach ((double at, double value) in points)
        {
            if (double.IsFinite(value))
            {
                line.Append(isDrawn ? 'L' : 'M').Append(Number(1000 * Math.Clamp(Quantity.Of(at, length), 0, 1))).Append(' ')
                    .Append(Number(1000 * (1 - Math.Clamp(Quantity.Of(value, highest), 0, 1))));
            }

            isDrawn = double.IsFinite(value);
        }

        return line;
    }
}
