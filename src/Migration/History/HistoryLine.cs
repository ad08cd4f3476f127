using System.Diagnostics.CodeAnalysis;
using System.Text.Encodings.Web;
using System.Text.Json;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.History;

/// <summary>
/// An entry of the history as a line of a file: a JSON object with the number of its schema, and a newline. What a later version adds to
/// an entry is passed over; a line of another schema is not understood.
/// </summary>
internal static class HistoryLine
{
    /// <summary>The number of the schema.</summary>
    public const int Schema = 1;

    /// <summary>The most bytes of a line that is read, its newline not counted; none that is written has as many.</summary>
    public const int Longest = 256 << 10;

    /// <summary>The most seconds of a duration that is believed: what a calculation with it does not overflow on.</summary>
    private const double LongestTime = 1e9;

    /// <summary>What no browser will ever see stays in its script.</summary>
    private static readonly JsonWriterOptions s_readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonDocumentOptions s_options = new() { MaxDepth = 4 };

    /// <summary>An entry as a line, with its newline.</summary>
    public static byte[] Write(HistoryEntry entry)
    {
        using MemoryStream line = new();
        using (Utf8JsonWriter writer = new(line, s_readable))
        {
            writer.WriteStartObject();
            writer.WriteNumber("Schema", Schema);
            writer.WriteString(nameof(entry.Time), entry.Time.ToUniversalTime());
            Text(nameof(entry.Name), entry.Name);
            Text(nameof(entry.Side), entry.Side.ToString());
            Text(nameof(entry.Fate), entry.Fate.ToString());
            Text(nameof(entry.Source), entry.Source);
            Text(nameof(entry.Destination), entry.Destination);
            Text(nameof(entry.Method), entry.Method?.ToString());
            Text(nameof(entry.Mode), entry.Mode?.ToString());
            Text(nameof(entry.Hypervisor), entry.Hypervisor);
            Number(nameof(entry.Attempts), entry.Attempts);
            writer.WriteString(nameof(entry.Started), entry.Started.ToUniversalTime());
            Time(nameof(entry.TotalTime), entry.TotalTime);
            Time(nameof(entry.Downtime), entry.Downtime);
            if (entry.Parts is { } parts)
            {
                writer.WriteStartObject(nameof(entry.DowntimeParts));
                foreach ((DowntimePart part, TimeSpan time) in parts.All)
                {
                    Time(part.ToString(), time.TotalSeconds);
                }

                writer.WriteEndObject();
            }

            Time(nameof(entry.ClientsWait), entry.ClientsWait);
            Time(nameof(entry.Exposure), entry.Exposure);
            Number(nameof(entry.BytesSent), entry.BytesSent);
            Number(nameof(entry.RemoteFaults), entry.RemoteFaults);
            Text(nameof(entry.Details), entry.Details);
            Text(nameof(entry.ErrorId), entry.ErrorId);
            Text(nameof(entry.Error), entry.Error, ForeignText.Longest);
            writer.WriteEndObject();

            void Text(string key, string? value, int longest = ForeignText.LongestName)
            {
                if (value is not null)
                {
                    writer.WriteString(key, ForeignText.Show(value, longest));
                }
            }

            void Number(string key, long? value)
            {
                if (value is { } number)
                {
                    writer.WriteNumber(key, number);
                }
            }

            void Time(string key, double? value)
            {
                if (value is { } seconds)
                {
                    writer.WriteNumber(key, Math.Round(seconds, 6));
                }
            }
        }

        line.WriteByte((byte)'\n');
        return line.ToArray();
    }

    /// <summary>Reads a line. What was torn, or somebody else wrote, is none.</summary>
    /// <param name="line">The line, with or without its newline.</param>
    /// <param name="entry">The entry; null where it is none.</param>
    public static bool TryRead(ReadOnlyMemory<byte> line, [NotNullWhen(true)] out HistoryEntry? entry)
    {
        entry = null;
        if (line.Length > Longest)
        {
            return false;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(line, s_options);
            JsonElement root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("Schema", out JsonElement schema) && schema.GetInt32() == Schema)
            {
                entry = Entry(root);
            }
        }
        catch (Exception error) when (error is JsonException or FormatException or InvalidOperationException)
        {
            // The reader of the file counts it. JSON can hold what is no text, as half a surrogate pair is: that shows where it is looked at.
            return false;
        }

        return entry is not null;
    }

    private static HistoryEntry Entry(JsonElement root) => new()
    {
        Time = Moment(root, nameof(HistoryEntry.Time)),
        Name = Text(root, nameof(HistoryEntry.Name)) is { } name && ForeignText.IsName(name) ? name : throw Missing(nameof(HistoryEntry.Name)),
        Side = Word<HistorySide>(root, nameof(HistoryEntry.Side)) ?? throw Missing(nameof(HistoryEntry.Side)),
        Fate = Word<HistoryFate>(root, nameof(HistoryEntry.Fate)) ?? throw Missing(nameof(HistoryEntry.Fate)),
        Source = Text(root, nameof(HistoryEntry.Source)) ?? "",
        Destination = Text(root, nameof(HistoryEntry.Destination)) ?? "",
        Method = Word<MigrationMethod>(root, nameof(HistoryEntry.Method)),
        Mode = Word<RecordingMode>(root, nameof(HistoryEntry.Mode)),
        Hypervisor = Text(root, nameof(HistoryEntry.Hypervisor)) ?? "",
        Attempts = (int)Math.Min(Number(root, nameof(HistoryEntry.Attempts)) ?? 1, int.MaxValue),
        Started = Moment(root, nameof(HistoryEntry.Started)),
        TotalTime = Seconds(root, nameof(HistoryEntry.TotalTime)) ?? throw Missing(nameof(HistoryEntry.TotalTime)),
        Downtime = Seconds(root, nameof(HistoryEntry.Downtime)),
        Parts = root.TryGetProperty(nameof(HistoryEntry.DowntimeParts), out JsonElement parts)
            ? DowntimeParts.Of(part => TimeSpan.FromSeconds(Seconds(parts, part.ToString()) ?? 0))
            : null,
        ClientsWait = Seconds(root, nameof(HistoryEntry.ClientsWait)),
        Exposure = Seconds(root, nameof(HistoryEntry.Exposure)),
        BytesSent = Number(root, nameof(HistoryEntry.BytesSent)),
        RemoteFaults = Number(root, nameof(HistoryEntry.RemoteFaults)),
        Details = Text(root, nameof(HistoryEntry.Details)),
        ErrorId = Text(root, nameof(HistoryEntry.ErrorId)),
        Error = Text(root, nameof(HistoryEntry.Error)),
    };

    private static FormatException Missing(string key) => new($"It has no {key} that makes sense.");

    private static string? Text(JsonElement root, string key) =>
        root.TryGetProperty(key, out JsonElement value) ? ForeignText.Show(value.GetString()) : null;

    /// <summary>A word of an enumeration, by its name alone; null where there is none, or one that is not known here.</summary>
    private static T? Word<T>(JsonElement root, string key)
        where T : struct, Enum =>
        Text(root, key) is { } word && Enum.GetNames<T>().Contains(word) ? Enum.Parse<T>(word) : null;

    private static long? Number(JsonElement root, string key) => !root.TryGetProperty(key, out JsonElement value) ? null
        : value.GetInt64() is >= 0 and var number ? number
        : throw Missing(key);

    private static double? Seconds(JsonElement root, string key) => !root.TryGetProperty(key, out JsonElement value) ? null
        : value.GetDouble() is >= 0 and <= LongestTime and var seconds ? seconds
        : throw Missing(key);

    /// <summary>A moment that calculations and other zones of time do not overflow on.</summary>
    private static DateTimeOffset Moment(JsonElement root, string key) =>
        root.TryGetProperty(key, out JsonElement value) && value.GetDateTimeOffset() is { Year: >= 1970 and < 9000 } moment
            ? moment.ToUniversalTime()
            : throw Missing(key);
}
