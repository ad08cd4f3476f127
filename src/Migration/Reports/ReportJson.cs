using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using PreRecordMigration.History;
using PreRecordMigration.Measuring;
using PreRecordMigration.Operations;
using PreRecordMigration.Replay;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Reports;

/// <summary>
/// A report that programs read: JSON by the schema of docs/report-format.md. What is in it has the names that the objects' properties have; durations are numbers of
/// seconds, sizes of bytes, moments ISO 8601, enumerations words, and what is not known is null.
/// </summary>
public static class ReportJson
{
    /// <summary>What a file of this format calls itself.</summary>
    public const string Format = "prerecord-migration-report";

    /// <summary>The name of what a move tells beyond its sums: all of it here, not the line that other programs are told.</summary>
    private const string Details = "Details";

    /// <summary>Properties that say what others say, or that are for another process alone.</summary>
    private static readonly Dictionary<Type, string[]> s_leftOut = new()
    {
        [typeof(MigrationInfo)] = [nameof(MigrationInfo.Outcome), nameof(MigrationInfo.Failure)],
        [typeof(MigrationOutcome)] = [Details],
        [typeof(MigrationComparison)] = [nameof(MigrationComparison.Runs)],
        [typeof(SentPages)] = [nameof(SentPages.All), nameof(SentPages.Pushed)],
    };

    private static readonly JsonTypeInfo s_document = new JsonSerializerOptions(ReportJsonTypes.Default.Options)
    {
        TypeInfoResolver = ReportJsonTypes.Default.WithAddedModifier(Change),
    }.GetTypeInfo(typeof(ReportDocument));

    /// <summary>Writes the report.</summary>
    /// <param name="stream">Where to; it stays open.</param>
    /// <param name="content">What it is of.</param>
    public static void Write(Stream stream, ReportContent content)
    {
        ArgumentNullException.ThrowIfNull(stream);
        JsonSerializer.Serialize(stream, Document(content), s_document);
        stream.Write("\n"u8);
    }

    /// <summary>The report as a tree.</summary>
    internal static JsonObject Tree(ReportContent content) =>
        JsonSerializer.SerializeToNode(Document(content), s_document)!.AsObject();

    private static ReportDocument Document(ReportContent content)
    {
        ArgumentNullException.ThrowIfNull(content);
        return new ReportDocument(
            Format, ReportContent.SchemaVersion, content.Made, content.Module, content.Moves, content.Unfinished, content.Estimates, content.Orders, content.History, content.Comparisons, content.Runs);
    }

    /// <summary>
    /// What one process tells another of a migration that has no result is no part of a report: its error stands there in words. What a result tells beyond its sums
    /// is.
    /// </summary>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "What the details have is in the generated types, which the property takes.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "What the details have is in the generated types, which the property takes.")]
    private static void Change(JsonTypeInfo type)
    {
        string[] left = s_leftOut.GetValueOrDefault(type.Type, []);
        foreach (JsonPropertyInfo property in type.Properties.Where(property => left.Contains(property.Name)).ToArray())
        {
            type.Properties.Remove(property);
        }

        if (type.Type == typeof(MigrationOutcome))
        {
            JsonPropertyInfo details = type.CreateJsonPropertyInfo(typeof(MigrationDetails), Details);
            details.Get = move => ((MigrationOutcome)move).Known;
            type.Properties.Add(details);
        }
        else if (type.Type == typeof(MigrationComparison))
        {
            JsonPropertyInfo runs = type.CreateJsonPropertyInfo(typeof(Listed<MeasuredRun>), nameof(MigrationComparison.Runs));
            runs.Get = comparison => ((MigrationComparison)comparison).GetRuns();
            type.Properties.Add(runs);
        }
    }

    /// <summary>A text, as it may be shown: whoever prints the file at a terminal has the terminal obey nobody.</summary>
    internal sealed class Shown : JsonConverter<string>
    {
        public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString()!;

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(ForeignText.Show(value));
    }

    /// <summary>A duration, as its seconds.</summary>
    internal sealed class Seconds : JsonConverter<TimeSpan>
    {
        public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => TimeSpan.FromSeconds(reader.GetDouble());

        public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) => writer.WriteNumberValue(value.TotalSeconds);
    }
}

/// <summary>What stands in a report's JSON.</summary>
internal sealed record ReportDocument(
    string Format,
    int Version,
    DateTimeOffset Made,
    string Module,
    IReadOnlyList<MigrationOutcome> Moves,
    IReadOnlyList<MigrationInfo> Unfinished,
    IReadOnlyList<MigrationReport> Estimates,
    IReadOnlyList<ReplayResult> Orders,
    IReadOnlyList<HistoryEntry> History,
    IReadOnlyList<MigrationComparison> Comparisons,
    IReadOnlyList<MeasuredRun> Runs);

/// <summary>How a report's JSON is written, without reflection.</summary>
[JsonSourceGenerationOptions(UseStringEnumConverter = true, GenerationMode = JsonSourceGenerationMode.Metadata, Converters = [typeof(ReportJson.Seconds), typeof(ReportJson.Shown)])]
[JsonSerializable(typeof(ReportDocument))]
[JsonSerializable(typeof(MigrationDetails))]
[JsonSerializable(typeof(Listed<MeasuredRun>))]
internal sealed partial class ReportJsonTypes : JsonSerializerContext
{
}
