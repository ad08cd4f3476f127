using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using PreRecordMigration.Drawing;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Reports;

namespace PreRecordMigration.Tests.Reports;

/// <summary>The page that people look at: what a browser and a reader's tools rest on. tests/reports opens it in a browser.</summary>
public sealed partial class ReportPageTests
{
    [Fact]
    public void A_page_loads_nothing_runs_nothing_and_its_policy_allows_its_own_style_alone()
    {
        XElement page = Parse(Write(ReportSamples.All()));
        Assert.DoesNotContain(page.Descendants(), element => element.Name.LocalName is "script" or "link" or "img" or "iframe" or "object" or "form" or "image" or "use" or "foreignObject");
        XAttribute[] attributes = [.. page.Descendants().Attributes()];
        Assert.DoesNotContain(attributes, attribute => attribute.Name.LocalName is "style" or "src" || attribute.Name.LocalName.StartsWith("on", StringComparison.OrdinalIgnoreCase));
        Assert.All(attributes.Where(attribute => attribute.Name.LocalName == "href"), link => Assert.StartsWith("#", link.Value, StringComparison.Ordinal));
        string style = Assert.Single(page.Descendants("style")).Value;
        string policy = page.Descendants("meta").Single(meta => meta.Attribute("http-equiv")?.Value == "Content-Security-Policy").Attribute("content")!.Value;
        string hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style)));
        Assert.Equal($"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'", policy);
        Assert.DoesNotContain("url(", style, StringComparison.Ordinal);
        Assert.DoesNotContain("@import", style, StringComparison.Ordinal);
    }

    [Fact]
    public void A_page_has_the_structure_that_tools_rest_on()
    {
        string text = Write(ReportSamples.All());
        XElement page = Parse(text);
        Assert.StartsWith("<!DOCTYPE html>\n<html lang=\"en\">", text, StringComparison.Ordinal);
        Assert.NotEmpty(page.Element("head")!.Element("title")!.Value);
        Assert.Single(page.Descendants("main"));
        string[] ids = [.. page.Descendants().Attributes("id").Select(id => id.Value)];
        Assert.Distinct(ids);
        Assert.All(page.Descendants("a"), link => Assert.Contains(link.Attribute("href")!.Value[1..], ids));
        int[] headings = [.. page.Descendants().Select(element => Heading().Match(element.Name.LocalName)).Where(match => match.Success).Select(match => match.Value[1] - '0')];
        Assert.Equal(1, headings[0]);
        Assert.Single(headings, 1);
        Assert.All(headings.Zip(headings.Skip(1)), pair => Assert.True(pair.Second <= pair.First + 1));

        // A browser's parser does not know the short form of an empty element, but for those that never have content, and in pictures.
        Assert.DoesNotMatch("<(?!meta|br|hr|rect|line|path|circle)[a-z0-9]+[^<>]*/>", text);
    }

    [Fact]
    public void Each_picture_has_a_title_a_text_and_its_numbers_as_a_table()
    {
        XElement page = Parse(Write(ReportSamples.All()));
        XElement[] figures = [.. page.Descendants("figure")];
        Assert.NotEmpty(figures);
        Assert.All(figures, figure =>
        {
            XElement picture = figure.Elements().Single(element => element.Name.LocalName == "svg");
            Assert.Equal("img", picture.Attribute("role")!.Value);
            XElement[] named = [.. picture.Elements().Where(element => element.Name.LocalName is "title" or "desc")];
            Assert.Equal(2, named.Length);
            Assert.All(named, element => Assert.NotEmpty(element.Value));
            Assert.Equal(picture.Attribute("aria-labelledby")!.Value, string.Join(' ', named.Select(element => element.Attribute("id")!.Value)));
            Assert.NotEmpty(Assert.Single(figure.Descendants("tbody")).Elements("tr"));
        });
        Assert.All(page.Descendants("table"), table =>
        {
            Assert.NotEmpty(table.Element("caption")!.Value);
            int columns = table.Element("thead")!.Element("tr")!.Elements("th").Count(heading => heading.Attribute("scope")!.Value == "col");
            Assert.All(table.Element("tbody")!.Elements("tr"), row => Assert.Equal(columns, row.Elements().Count()));
            Assert.All(table.Element("tbody")!.Elements("tr"), row => Assert.Equal("row", row.Elements().First().Attribute("scope")!.Value));
        });

        // The numbers of positions are numbers, whatever was drawn.
        Assert.All(
            page.Descendants().Where(element => element.Name.LocalName is "rect" or "line").Attributes().Where(at => at.Name.LocalName is "x" or "width" or "x1" or "y"),
            at => Assert.Matches("^-?[0-9]+(\\.[0-9]+)?%?$", at.Value));
    }

    [Fact]
    public void Names_and_errors_are_shown_as_text_whatever_is_in_them()
    {
        string text = Write(ReportSamples.All(ReportSamples.Hostile, ReportSamples.Hostile));
        Assert.DoesNotContain("<script", text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<img", text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain('\u001b', text);
        Assert.DoesNotContain('\u202e', text);
        Assert.DoesNotContain('\r', text);
        XElement page = Parse(text);
        Assert.Contains(page.Descendants("h2"), heading => heading.Value.Contains("<script>alert(\"1\")</script>", StringComparison.Ordinal) && heading.Value.Contains("\\u202E", StringComparison.Ordinal));
        Assert.Equal(Shape(Parse(Write(ReportSamples.All()))), Shape(page));
    }

    [Fact]
    public void A_report_of_64_GiB_with_all_that_may_be_told_is_below_a_megabyte()
    {
        ReportContent content = new() { Made = ReportSamples.Made, Moves = [ReportSamples.Move()] };
        string text = Write(content);
        Assert.InRange(Encoding.UTF8.GetByteCount(text), 10_000, 999_999);
        XElement page = Parse(text);
        Assert.Equal(
            ["Timeline", "Downtime", "Pages", "The guest's speed", "Remote faults", "Scorecard of the prediction", "The guest's memory"],
            page.Descendants("h3").Select(heading => heading.Value));
        Assert.Equal("web01: xen1 to xen2, PreRecord Rollback", page.Descendants("h1").Single().Value);
    }

    [Fact]
    public void Many_migrations_have_a_bounded_page()
    {
        MigrationOutcome small = ReportSamples.Move(bytes: 1 << 28);
        ReportContent content = new() { Made = ReportSamples.Made, Moves = [.. Enumerable.Repeat(small, 300)] };
        XElement page = Parse(Write(content));
        Assert.Equal(ReportPage.MostSections, page.Descendants("section").Count(section => section.Attribute("class")?.Value == "move"));
        Assert.Equal(300, page.Descendants("table").First().Descendants("tr").Count() - 1);
        Assert.Contains(page.Descendants("p"), text => text.Value.Contains("first 60 of 300", StringComparison.Ordinal));
    }

    [Fact]
    public void A_page_is_the_same_in_every_culture_and_again()
    {
        ReportContent content = ReportSamples.All();
        string before = Write(content);
        CultureInfo kept = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            other.NumberFormat.NumberDecimalSeparator = ",";
            other.NumberFormat.NegativeSign = "~";
            CultureInfo.CurrentCulture = other;
            Assert.Equal(before, Write(content));
        }
        finally
        {
            CultureInfo.CurrentCulture = kept;
        }
    }

    [Fact]
    public void A_move_of_which_little_is_known_has_a_page_too()
    {
        MigrationOutcome move = ReportSamples.Move(method: MigrationMethod.PreCopy) with
        {
            Known = null,
            DowntimeParts = null,
            Pages = null,
            Phases = [],
            TotalTime = 0,
            Problems = "The backup could not be deleted. Delete it.",
        };
        XElement page = Parse(Write(new ReportContent { Made = ReportSamples.Made, Moves = [move] }));
        Assert.Contains(page.Descendants("p"), text => text.Value.Contains("is not known", StringComparison.Ordinal));
        Assert.Contains(page.Descendants("p"), text => text.Value.EndsWith("Delete it.", StringComparison.Ordinal));
    }

    [Fact]
    public void Owners_follow_each_other_without_a_gap_to_the_end_of_the_move()
    {
        MigrationOutcome move = ReportSamples.Move();
        IReadOnlyList<(DomainHolder Holder, double Start, double Duration)> owners = Ownership.Of(move);
        Assert.Equal(
            [DomainHolder.Source, DomainHolder.SourceStopped, DomainHolder.Source, DomainHolder.SourceStopped, DomainHolder.Leaving, DomainHolder.Both, DomainHolder.Destination],
            owners.Select(owner => owner.Holder));
        Assert.Equal(0, owners[0].Start);
        Assert.All(owners.Zip(owners.Skip(1)), pair => Assert.Equal(pair.First.Start + pair.First.Duration, pair.Second.Start, 9));
        Assert.Equal(move.TotalTime, owners[^1].Start + owners[^1].Duration, 9);
    }

    [Fact]
    public void A_style_that_HTML_and_XML_would_read_differently_is_refused() =>
        Assert.Throws<ArgumentException>(() => Markup.WritePage(Stream.Null, "a page", "a > b { }", []));

    [Theory]
    [InlineData(0, 1)]
    [InlineData(double.NaN, 1)]
    [InlineData(0.7, 1)]
    [InlineData(1, 1)]
    [InlineData(1.1, 2)]
    [InlineData(4200, 5000)]
    [InlineData(0.00051, 0.001)]
    public void An_axis_ends_at_a_round_number(double value, double expected) => Assert.Equal(expected, Axis.RoundUp(value), 12);

    private static string Write(ReportContent content)
    {
        using MemoryStream stream = new();
        ReportPage.Write(stream, content);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>A page that is well-formed XML is read by HTML's parser as by this one, as long as the tests above hold.</summary>
    private static XElement Parse(string text) => XElement.Parse(text.Replace("&#xFFFF;", "", StringComparison.Ordinal)[text.IndexOf('\n', StringComparison.Ordinal)..]);

    /// <summary>The elements of a page, without their texts.</summary>
    private static string Shape(XElement page) => string.Join(' ', page.DescendantsAndSelf().Select(element => element.Name.LocalName));

    [GeneratedRegex("^h[1-6]$")]
    private static partial Regex Heading();
}
