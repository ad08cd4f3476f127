using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using PreRecordMigration.Reports;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Tests.Reports;

/// <summary>What programs read of reports: JSON and CSV by the schema of docs/report-format.md.</summary>
public sealed partial class ReportDataTests
{
    [Fact]
    public void The_json_has_every_kind_with_seconds_bytes_and_words()
    {
        JsonElement report = Json(ReportSamples.All());
        Assert.Equal("prerecord-migration-report", report.GetProperty("Format").GetString());
        Assert.Equal(ReportContent.SchemaVersion, report.GetProperty("Version").GetInt32());
        Assert.Equal("1.2.3", report.GetProperty("Module").GetString());
        Assert.Equal("2026-11-30T12:00:00+01:00", report.GetProperty("Made").GetString());
        JsonElement move = report.GetProperty("Moves")[0];
        Assert.Equal(0.11, move.GetProperty("Downtime").GetDouble());
        Assert.Equal(64L << 30, move.GetProperty("BytesSent").GetInt64());
        Assert.Equal("Rollback", move.GetProperty("Mode").GetString());
        Assert.Equal("Prepare", move.GetProperty("Phases")[0].GetProperty("Phase").GetString());
        Assert.Equal(2048, move.GetProperty("Details").GetProperty("Memory").GetArrayLength());
        Assert.Equal(38.9, move.GetProperty("Details").GetProperty("SourceMemoryFreed").GetDouble());
        Assert.Equal(0.1, report.GetProperty("Orders")[0].GetProperty("StallTime").GetDouble());
        Assert.Equal("DeviceMissing", report.GetProperty("Estimates")[0].GetProperty("Incompatibilities")[0].GetProperty("ErrorId").GetString());
        Assert.Equal("Interrupted", report.GetProperty("History")[1].GetProperty("Fate").GetString());
        JsonElement unfinished = report.GetProperty("Unfinished")[0];
        Assert.Equal("Both", unfinished.GetProperty("Holder").GetString());
        Assert.False(unfinished.TryGetProperty("Failure", out _));
        Assert.False(unfinished.TryGetProperty("Outcome", out _));
    }

    [Fact]
    public void Every_name_of_the_json_is_in_the_documented_schema_and_every_documented_one_is_there()
    {
        HashSet<string> used = new(StringComparer.Ordinal);
        Collect(ReportJson.Tree(ReportSamples.All()), used);
        string[] documented = [.. Rows().Matches(File.ReadAllText(Schema())).Select(match => match.Groups[1].Value).Distinct()];
        Assert.Equal(used.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_table_has_a_row_for_each_and_columns_for_parts_and_kinds()
    {
        string[] lines = Csv(new ReportContent { Made = ReportSamples.Made, Moves = ReportSamples.All().Moves });
        string[] columns = lines[0].Split(',');
        Assert.Equal(4, lines.Length);
        Assert.Equal("0.11", lines[1].Split(',')[Array.IndexOf(columns, "Downtime")]);
        Assert.Equal("0.004", lines[1].Split(',')[Array.IndexOf(columns, "DowntimeParts.Suspend")]);
        Assert.Equal("4000", lines[1].Split(',')[Array.IndexOf(columns, "Pages.Recorded")]);
        Assert.Equal("0.0007", lines[1].Split(',')[Array.IndexOf(columns, "FaultLatency.Median")]);
        Assert.Contains("Details.Prediction.Precision", columns);
        Assert.DoesNotContain(columns, column => column.Contains("Phases", StringComparison.Ordinal));
    }

    [Fact]
    public void Estimates_have_a_row_for_each_method()
    {
        string[] lines = Csv(new ReportContent { Made = ReportSamples.Made, Estimates = ReportSamples.All().Estimates });
        Assert.Equal(3, lines.Length);
        Assert.Contains(",PreCopy,", lines[1], StringComparison.Ordinal);
        Assert.Contains(",PreRecord,Observe,", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void A_comparison_has_a_row_for_each_run()
    {
        string[] lines = Csv(new ReportContent { Made = ReportSamples.Made, Comparisons = ReportSamples.All().Comparisons });
        Assert.Equal(17, lines.Length);
        Assert.Contains("ProbeGap", lines[0].Split(','));
        Assert.Contains(",XlMigrate,", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_is_one_cell_and_no_formula_whatever_is_in_it()
    {
        foreach (string name in (string[])[ReportSamples.Hostile, "+1", "-1", "@x", "a,b", "a\"b", " a "])
        {
            using MemoryStream stream = new();
            ReportCsv.Write(stream, new ReportContent { Made = ReportSamples.Made, History = [ReportSamples.Entry(name, PreRecordMigration.History.HistoryFate.Interrupted, name)] });
            string[][] rows = Cells(Encoding.UTF8.GetString(stream.ToArray()));
            Assert.Equal(2, rows.Length);
            Assert.Equal(rows[0].Length, rows[1].Length);
            Assert.All(rows[1], cell => Assert.DoesNotMatch("^[=+@\t\r]|^-[^0-9]", cell));
            string shown = rows[1][Array.IndexOf(rows[0], "Name")];
            Assert.Equal(ForeignText.Show(name), shown.TrimStart('\''));
        }
    }

    [Fact]
    public void A_table_is_of_one_kind()
    {
        Assert.Equal(["Moves", "Unfinished", "Estimates", "Orders", "History", "Comparisons", "Runs"], ReportCsv.KindsOf(ReportSamples.All()));
        Assert.Throws<ArgumentException>(() => ReportCsv.Write(Stream.Null, ReportSamples.All()));
    }

    private static JsonElement Json(ReportContent content)
    {
        using MemoryStream stream = new();
        ReportJson.Write(stream, content);
        return JsonDocument.Parse(stream.ToArray()).RootElement;
    }

    private static string[] Csv(ReportContent content)
    {
        using MemoryStream stream = new();
        ReportCsv.Write(stream, content);
        return Encoding.UTF8.GetString(stream.ToArray()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Reads a table by RFC 4180.</summary>
    private static string[][] Cells(string text)
    {
        List<string[]> rows = [];
        List<string> row = [];
        StringBuilder cell = new();
        bool isQuoted = false;
        for (int at = 0; at < text.Length; at++)
        {
            char one = text[at];
            if (isQuoted)
            {
                isQuoted = one != '"' || (at + 1 < text.Length && text[at + 1] == '"');
                if (one != '"' || isQuoted)
                {
                    cell.Append(one);
                    at += one == '"' ? 1 : 0;
                }
            }
            else if (one == '"')
            {
                isQuoted = true;
            }
            else if (one is ',' or '\r')
            {
                row.Add(cell.ToString());
                cell.Clear();
                if (one == '\r')
                {
                    rows.Add([.. row]);
                    row.Clear();
                    at++;
                }
            }
            else
            {
                cell.Append(one);
            }
        }

        return [.. rows];
    }

    private static void Collect(JsonNode? node, HashSet<string> names)
    {
        switch (node)
        {
            case JsonObject item:
                foreach ((string name, JsonNode? value) in item)
                {
                    names.Add(name);
                    Collect(value, names);
                }

                break;
            case JsonArray items:
                foreach (JsonNode? item in items)
                {
                    Collect(item, names);
                }

                break;
        }
    }

    private static string Schema([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "docs", "report-format.md"));

    [GeneratedRegex(@"^\| `([A-Za-z0-9]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Rows();
}
