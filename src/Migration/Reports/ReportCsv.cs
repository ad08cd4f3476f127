using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PreRecordMigration.Reports;

/// <summary>
/// A report for spreadsheets: one table by RFC 4180, UTF-8, with a row for each migration, estimate, order or entry. Its columns are the values of the JSON that are
/// no lists, and of lists that have a known number of places those too (<c>DowntimeParts.Suspend</c>): docs/report-format.md has them.
/// </summary>
public static class ReportCsv
{
    /// <summary>Lists with one value for each place that has a name: the place's property, and the value's.</summary>
    private static readonly Dictionary<string, (string Place, string Value)> s_places = new(StringComparer.Ordinal)
    {
        ["DowntimeParts"] = ("Part", "Duration"),
        ["Pages"] = ("Kind", "Count"),
    };

    /// <summary>The kinds of what a report is made of, as many as one file has not: each has columns of its own.</summary>
    /// <param name="content">What it is of.</param>
    public static IReadOnlyList<string> KindsOf(ReportContent content)
    {
        ArgumentNullException.ThrowIfNull(content);
        return
        [
            .. new (string Kind, int Count)[]
            {
                (nameof(content.Moves), content.Moves.Count), (nameof(content.Unfinished), content.Unfinished.Count), (nameof(content.Estimates), content.Estimates.Count),
                (nameof(content.Orders), content.Orders.Count), (nameof(content.History), content.History.Count),
                (nameof(content.Comparisons), content.Comparisons.Count), (nameof(content.Runs), content.Runs.Count),
            }.Where(kind => kind.Count > 0).Select(kind => kind.Kind),
        ];
    }

    /// <summary>Writes the table.</summary>
    /// <param name="stream">Where to; it stays open.</param>
    /// <param name="content">What it is of: of one kind.</param>
    /// <exception cref="ArgumentException">It is of several kinds, or of nothing.</exception>
    public static void Write(Stream stream, ReportContent content)
    {
        if (KindsOf(content) is not [var kind])
        {
            throw new ArgumentException("A table is of one kind.", nameof(content));
        }

        IEnumerable<JsonObject> objects = ReportJson.Tree(content)[kind]!.AsArray().Select(item => item!.AsObject());
        List<Dictionary<string, string>> rows =
        [
            .. kind == nameof(content.Estimates) ? objects.SelectMany(Estimates)
                : kind == nameof(content.Comparisons) ? objects.SelectMany(comparison => comparison["Runs"]!.AsArray().Select(run => Row(run!.AsObject())))
                : objects.Select(Row),
        ];
        string[] columns = [.. rows.SelectMany(row => row.Keys).Distinct()];
        using StreamWriter writer = new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true) { NewLine = "\r\n" };
        writer.WriteLine(string.Join(',', columns));
        foreach (Dictionary<string, string> row in rows)
        {
            writer.WriteLine(string.Join(',', columns.Select(column => Quoted(row.GetValueOrDefault(column, "")))));
        }
    }

    /// <summary>A row for each method; what stands against others is in the JSON.</summary>
    private static IEnumerable<Dictionary<string, string>> Estimates(JsonObject report) => report["Estimates"]!.AsArray().Select(estimate =>
    {
        Dictionary<string, string> row = new(StringComparer.Ordinal);
        foreach (string name in (string[])["Name", "HostName", "Destination", "MemoryBytes", "Bandwidth", "RoundTrip", "SampleWindow", "TouchedPages", "DirtyPages", "Recommendation"])
        {
            row[name] = Cell(report[name]);
        }

        Add(row, "", estimate!.AsObject());
        return row;
    });

    private static Dictionary<string, string> Row(JsonObject item)
    {
        Dictionary<string, string> row = new(StringComparer.Ordinal);
        Add(row, "", item);
        return row;
    }

    private static void Add(Dictionary<string, string> row, string prefix, JsonObject item)
    {
        foreach ((string name, JsonNode? value) in item)
        {
            switch (value)
            {
                case JsonArray places when s_places.TryGetValue(name, out (string Place, string Value) parts):
                    foreach (JsonNode? place in places)
                    {
                        row[$"{prefix}{name}.{Cell(place![parts.Place])}"] = Cell(place[parts.Value]);
                    }

                    break;
                case JsonArray:
                    break;
                case JsonObject inner:
                    Add(row, $"{prefix}{name}.", inner);
                    break;
                default:
                    row[prefix + name] = Cell(value);
                    break;
            }
        }
    }

    private static string Cell(JsonNode? value) => value?.GetValueKind() switch
    {
        null or JsonValueKind.Null => "",
        JsonValueKind.String => Harmless(value.GetValue<string>()),
        JsonValueKind.Number => Number(value),
        _ => value.ToJsonString(),
    };

    /// <summary>Never an exponent, which some programs take for a text.</summary>
    private static string Number(JsonNode value) => decimal.TryParse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal exact)
        ? exact.ToString(CultureInfo.InvariantCulture)
        : value.ToJsonString();

    /// <summary>A text that a spreadsheet would carry out has an apostrophe before it: a domain may be named as a formula is.</summary>
    private static string Harmless(string text) => text.Length > 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' ? $"'{text}" : text;

    private static string Quoted(string cell) =>
        cell.AsSpan().ContainsAny(",\"\r\n") || cell.StartsWith(' ') || cell.EndsWith(' ') ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell;
}
