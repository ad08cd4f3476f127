using System.Text.Json;
using System.Text.Json.Serialization;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>How what stands on boards is written and read: each kind of value by one converter, through which every such value goes.</summary>
[JsonSourceGenerationOptions(
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    IgnoreReadOnlyProperties = true,
    MaxDepth = 8,
    Converters =
    [
        typeof(ShownText), typeof(Count), typeof(LongCount), typeof(Seconds), typeof(Moment), typeof(Word<MigrationMethod>), typeof(Word<RecordingMode>),
        typeof(Word<RollbackProofKind>),
        typeof(Word<MigrationState>), typeof(Word<MigrationPhase>), typeof(Word<DomainHolder>), typeof(Word<DowntimePart>), typeof(Word<SentPageKind>), typeof(Word<OperationProblem>),
        typeof(Items<IncomingMigrationInfo>), typeof(Items<PhaseOutcome>), typeof(Items<DowntimePartOutcome>), typeof(Items<SentPagesOutcome>), typeof(Items<string>),
    ])]
[JsonSerializable(typeof(BoardWord))]
[JsonSerializable(typeof(BoardWord.SchemaOnly), TypeInfoPropertyName = "Schema")]
[JsonSerializable(typeof(IncomingMigrationInfo[]))]
[JsonSerializable(typeof(PhaseOutcome[]))]
[JsonSerializable(typeof(DowntimePartOutcome[]))]
[JsonSerializable(typeof(SentPagesOutcome[]))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class BoardJson : JsonSerializerContext
{
    /// <summary>A text, which may be shown in either direction and has an end.</summary>
    internal sealed class ShownText : JsonConverter<string>
    {
        private const int Longest = 2048;

        public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            ForeignText.Show(reader.GetString(), Longest);

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
            writer.WriteStringValue(ForeignText.Show(value, Longest));
    }

    /// <summary>A number of things.</summary>
    internal sealed class Count : JsonConverter<int>
    {
        public override int Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetInt32() is >= 0 and var number ? number : throw Senseless();

        public override void Write(Utf8JsonWriter writer, int value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
    }

    /// <summary>A number of pages or bytes.</summary>
    internal sealed class LongCount : JsonConverter<long>
    {
        public override long Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetInt64() is >= 0 and var number ? number : throw Senseless();

        public override void Write(Utf8JsonWriter writer, long value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
    }

    /// <summary>A duration that no calculation overflows on.</summary>
    internal sealed class Seconds : JsonConverter<double>
    {
        private const double Longest = 1e9;

        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetDouble() is >= 0 and <= Longest and var seconds ? seconds : throw Senseless();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(double.IsNaN(value) ? 0 : Math.Clamp(value, 0, Longest));
    }

    /// <summary>A moment that calculations and other zones of time do not overflow on.</summary>
    internal sealed class Moment : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetDateTimeOffset() is { Year: >= 1970 and < 9000 } moment ? moment : throw Senseless();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(value);
    }

    /// <summary>A word of an enumeration, by its name alone.</summary>
    internal sealed class Word<T> : JsonConverter<T>
        where T : struct, Enum
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetString() is { } word && Enum.GetNames<T>().Contains(word) ? Enum.Parse<T>(word) : throw Senseless();

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }

    /// <summary>A list, in which nothing is missing.</summary>
    internal sealed class Items<T> : JsonConverter<Listed<T>>
        where T : class
    {
        public override Listed<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            JsonSerializer.Deserialize(ref reader, options.GetTypeInfo(typeof(T[]))) is T[] items && items.All(item => item is not null)
                ? new Listed<T>(items)
                : throw Senseless();

        public override void Write(Utf8JsonWriter writer, Listed<T> value, JsonSerializerOptions options) =>
            JsonSerializer.Serialize(writer, value.ToArray(), options.GetTypeInfo(typeof(T[])));
    }

    private static JsonException Senseless() => new();
}
