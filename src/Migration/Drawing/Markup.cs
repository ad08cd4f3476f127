using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Drawing;

/// <summary>
/// Elements of HTML and SVG. Nothing is ever put together as text: whatever a name, an address or an error has in it, the XML writer encodes, and what a
/// terminal or a reader's eye would take for something else is escaped before (<see cref="ForeignText"/>).
/// </summary>
internal static class Markup
{
    private static readonly XNamespace s_svg = "http://www.w3.org/2000/svg";

    /// <summary>The elements of HTML that have no end tag; every other one has both, also where nothing is in it.</summary>
    private static readonly HashSet<string> s_void = ["meta", "link", "br", "hr"];

    /// <summary>An element of HTML.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="content">Attributes, elements, and texts.</param>
    public static XElement Html(string name, params object?[] content) => new(name, content.Select(Shown));

    /// <summary>An element of SVG.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="content">Attributes, elements, and texts.</param>
    public static XElement Svg(string name, params object?[] content) => new(s_svg + name, content.Select(Shown));

    /// <summary>An attribute.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">A text or a number.</param>
    public static XAttribute With(string name, object value) => new(name, value switch
    {
        double number => Number(number),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => ForeignText.Show(value.ToString()),
    });

    /// <summary>An attribute of numbers that this product made, however long.</summary>
    public static XAttribute Path(string name, StringBuilder numbers) => new(name, numbers.ToString());

    /// <summary>A class, or several.</summary>
    public static XAttribute Class(string name) => With("class", name);

    /// <summary>A share of the width.</summary>
    /// <param name="share">From 0 to 1.</param>
    public static string Percent(double share) => $"{Number(100 * Math.Clamp(share, 0, 1))}%";

    /// <summary>A coordinate.</summary>
    public static string Number(double number) => number.ToString("0.###", CultureInfo.InvariantCulture);

    /// <summary>
    /// Writes a page. It may load nothing, from anywhere, and run nothing: its policy allows this one style by its hash, and not even that to be added to.
    /// </summary>
    /// <param name="stream">Where to; it stays open.</param>
    /// <param name="title">Its title.</param>
    /// <param name="style">Its style, without any of the characters that HTML and XML read differently there.</param>
    /// <param name="body">What is in it.</param>
    public static void WritePage(Stream stream, string title, string style, IEnumerable<XElement> body)
    {
        if (style.AsSpan().ContainsAny('<', '>', '&'))
        {
            throw new ArgumentException("A style has neither of <, > and &: HTML reads them as they stand there, and XML does not.", nameof(style));
        }

        string hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style)));
        XElement page = Html(
            "html",
            With("lang", "en"),
            Html(
                "head",
                Html("meta", With("charset", "utf-8")),
                Html(
                    "meta",
                    With("http-equiv", "Content-Security-Policy"),
                    With("content", $"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")),
                Html("meta", With("name", "viewport"), With("content", "width=device-width, initial-scale=1")),
                Html("meta", With("name", "color-scheme"), With("content", "light dark")),
                Html("meta", With("name", "referrer"), With("content", "no-referrer")),
                Html("title", title),
                new XElement("style", style)),
            Html("body", [.. body]));
        foreach (XElement empty in page.DescendantsAndSelf().Where(element => element.IsEmpty && element.Name.Namespace == XNamespace.None && !s_void.Contains(element.Name.LocalName)))
        {
            empty.Value = "";
        }

        XmlWriterSettings settings = new()
        {
            Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            OmitXmlDeclaration = true,
            CheckCharacters = false,
            NewLineHandling = NewLineHandling.None,
            CloseOutput = false,
        };
        stream.Write("<!DOCTYPE html>\n"u8);
        using (XmlWriter writer = XmlWriter.Create(stream, settings))
        {
            page.WriteTo(writer);
        }

        stream.Write("\n"u8);
    }

    private static object? Shown(object? content) => content is string text ? new XText(ForeignText.Show(text)) : content;
}
