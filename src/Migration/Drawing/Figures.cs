using System.Xml.Linq;
using PreRecordMigration.Texts;
using static PreRecordMigration.Drawing.Markup;

namespace PreRecordMigration.Drawing;

/// <summary>
/// Pictures of one page. Each has a title and a text that says what it shows, and the same numbers as a table below it; whoever cannot see it, or its colours,
/// has them there. Positions are shares of the width and letters are not scaled, so that a picture is read on a phone as on paper.
/// </summary>
internal sealed class Figures
{
    private int _last;

    /// <summary>A picture with its table.</summary>
    /// <param name="title">What it is of.</param>
    /// <param name="summary">What one sees in it, in a sentence or more.</param>
    /// <param name="drawing">The picture.</param>
    /// <param name="legend">What the colours stand for; null where the picture says so itself.</param>
    /// <param name="table">The numbers.</param>
    public XElement Make(string title, string summary, Picture drawing, XElement? legend, XElement table)
    {
        string id = $"f{++_last}";
        XElement picture = Svg(
            "svg",
            With("role", "img"),
            With("aria-labelledby", $"{id}t {id}d"),
            drawing.Attributes,
            Svg("title", With("id", $"{id}t"), title),
            Svg("desc", With("id", $"{id}d"), summary),
            drawing.Content);
        return Html(
            "figure",
            Html("figcaption", Html("strong", title), " ", summary),
            picture,
            legend,
            Html("details", Html("summary", "These numbers as a table"), table));
    }

    /// <summary>A legend: each entry with its colour, and its number where the picture has numbers.</summary>
    /// <param name="entries">The series of each (from 1), and its text.</param>
    /// <param name="isNumbered">Whether the picture has numbers for them.</param>
    /// <param name="kind">s for series that differ in colour, t for steps of one colour.</param>
    public static XElement Legend(IEnumerable<(int Series, string Text)> entries, bool isNumbered, string kind = "s") => Legend(
        14,
        14,
        entries.Select(entry => (
            Svg("rect", With("width", 14), With("height", 14), Class($"{kind}{entry.Series}")),
            isNumbered ? $"{entry.Series} {entry.Text}" : entry.Text)));

    /// <summary>A legend whose entries have signs of their own.</summary>
    /// <param name="width">A sign's width.</param>
    /// <param name="height">A sign's height.</param>
    /// <param name="entries">The sign of each, and its text.</param>
    public static XElement Legend(int width, int height, IEnumerable<(XElement Sign, string Text)> entries) => Html(
        "ul",
        Class("legend"),
        entries.Select(entry => Html(
            "li",
            Svg("svg", With("width", width), With("height", height), With("aria-hidden", "true"), entry.Sign),
            $" {entry.Text}")));

    /// <summary>A table.</summary>
    /// <param name="caption">What it is of.</param>
    /// <param name="headings">Its columns; those that begin with '#' are of numbers.</param>
    /// <param name="rows">Its rows; the first cell is each row's heading.</param>
    /// <param name="isLong">Whether it is left out on paper.</param>
    public static XElement Table(string caption, IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows, bool isLong = false) => Html(
        "div",
        Class(isLong ? "scroll long" : "scroll"),
        With("role", "group"),
        With("aria-label", caption),
        With("tabindex", 0),
        Html(
            "table",
            Html("caption", caption),
            Html("thead", Html("tr", headings.Select(heading => Html("th", With("scope", "col"), IsNumber(heading) ? Class("n") : null, heading.TrimStart('#'))))),
            Html("tbody", rows.Select(row => Html("tr", row.Select((cell, column) => column == 0
                ? Html("th", With("scope", "row"), cell)
                : Html("td", IsNumber(headings[column]) ? Class("n") : null, cell)))))));

    private static bool IsNumber(string heading) => heading.StartsWith('#');
}

/// <summary>What is drawn.</summary>
/// <param name="Attributes">Its size.</param>
/// <param name="Content">Its elements.</param>
internal sealed record Picture(IReadOnlyList<XAttribute> Attributes, IReadOnlyList<XElement> Content)
{
    private const int LongestLabel = 36;

    /// <summary>A picture as wide as there is room.</summary>
    /// <param name="height">Its height, in pixels.</param>
    /// <param name="content">Its elements.</param>
    public static Picture OfHeight(double height, IEnumerable<XElement> content) => new([With("width", "100%"), With("height", height)], [.. content]);

    /// <summary>A text.</summary>
    /// <param name="x">Where, as a share of the width.</param>
    /// <param name="y">Its line, in pixels.</param>
    /// <param name="text">The text.</param>
    /// <param name="anchor">start, middle or end.</param>
    /// <param name="kind">Its class; null for none.</param>
    public static XElement Label(double x, double y, string text, string anchor = "start", string? kind = null) => Svg(
        "text", With("x", Percent(x)), With("y", y), anchor == "start" ? null : With("text-anchor", anchor), kind is null ? null : Class(kind), text);

    /// <summary>A text that is no wider than a phone has room for beside a number: the table has all of it.</summary>
    public static string Short(string text) => ForeignText.Show(text, LongestLabel);

    /// <summary>A box.</summary>
    /// <param name="x">Where it begins, as a share of the width.</param>
    /// <param name="y">Its top, in pixels.</param>
    /// <param name="width">A share of the width.</param>
    /// <param name="height">In pixels.</param>
    /// <param name="series">Its series, from 1.</param>
    /// <param name="isBeside">Whether others stand beside it, from which an edge tells it.</param>
    public static XElement Box(double x, double y, double width, double height, int series, bool isBeside = false) => Svg(
        "rect", With("x", Percent(x)), With("y", y), With("width", Percent(width)), With("height", height), Class(isBeside ? $"e s{series}" : $"s{series}"));

    /// <summary>A vertical line through the picture.</summary>
    public static XElement Rule(double x, double from, double to, string kind = "g") => Svg(
        "line", With("x1", Percent(x)), With("x2", Percent(x)), With("y1", from), With("y2", to), Class(kind));

    /// <summary>A horizontal one.</summary>
    public static XElement Level(double y) => Svg("line", With("x1", 0), With("x2", "100%"), With("y1", y), With("y2", y), Class("g"));
}

/// <summary>How quantities are written for a reader.</summary>
internal static class Quantity
{
    /// <summary>A duration in seconds.</summary>
    public static string Time(double? seconds) => seconds is { } known && double.IsFinite(known)
        ? Text.Duration(TimeSpan.FromSeconds(Math.Clamp(known, -1e9, 1e9)))
        : "–";

    /// <summary>A size.</summary>
    public static string Bytes(double? bytes) => bytes is { } known ? Text.Bytes(known) : "–";

    /// <summary>A number of things.</summary>
    public static string Count(double? count) => count is { } known ? known.ToString("N0", System.Globalization.CultureInfo.InvariantCulture) : "–";

    /// <summary>A share.</summary>
    public static string Share(double? share) => share is { } known ? $"{Number(Math.Round(100 * known, 1))} %" : "–";

    /// <summary>A share of something; zero of nothing.</summary>
    public static double Of(double part, double whole) => whole > 0 ? part / whole : 0;
}
