using System.Text.Json;
using System.Text.Json.Serialization;

namespace PreRecordMigration.Operations;

/// <summary>
/// What a process says on its board: the migrations and receivers that it has, as they are now. A line of JSON with the number of its schema;
/// what a later version adds to it is passed over, and a line of another schema is not understood.
/// </summary>
/// <param name="Schema">The number of the schema.</param>
/// <param name="Migrations">The migrations, oldest first.</param>
/// <param name="Receivers">The receivers, by their hosts' names.</param>
/// <param name="Omitted">How many of them are left out, because the line would be too long.</param>
internal sealed record BoardWord(int Schema, MigrationInfo[] Migrations, MigrationReceiverInfo[] Receivers, int Omitted)
{
    /// <summary>The number of the schema.</summary>
    public const int CurrentSchema = 1;

    /// <summary>The most bytes of what is said: fewer than whoever reads it takes.</summary>
    internal const int Longest = Boards.BoardConnection.Longest - 1024;

    /// <summary>What a workspace has, as a line with its end. What is under way comes first, and then the newest, where there is too much of it.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="longest">The most bytes of it.</param>
    public static byte[] Write(Workspace workspace, int longest = Longest)
    {
        Budget budget = new(longest);
        List<byte[]> receivers = [.. budget.Keep(workspace.Receivers.All.Select(MigrationReceiverInfo.Of), BoardJson.Default.MigrationReceiverInfo)];
        MigrationJob[] all = [.. workspace.Migrations.All];
        HashSet<int> isActive = [.. all.Where(job => job.IsActive).Select(job => job.Id)];
        IEnumerable<MigrationInfo> migrations = all
            .OrderByDescending(job => isActive.Contains(job.Id))
            .ThenByDescending(job => job.Id)
            .Select(job => Describe(job, workspace));
        List<byte[]> kept = [.. budget.Keep(migrations, BoardJson.Default.MigrationInfo)];
        using MemoryStream line = new();
        using (Utf8JsonWriter writer = new(line))
        {
            writer.WriteStartObject();
            writer.WriteNumber(nameof(Schema), CurrentSchema);
            WriteAll(nameof(Migrations), kept);
            WriteAll(nameof(Receivers), receivers);
            writer.WriteNumber(nameof(Omitted), budget.Omitted);
            writer.WriteEndObject();

            void WriteAll(string name, List<byte[]> values)
            {
                writer.WriteStartArray(name);
                values.ForEach(value => writer.WriteRawValue(value, skipInputValidation: true));
                writer.WriteEndArray();
            }
        }

        line.WriteByte((byte)'\n');
        return line.ToArray();
    }

    /// <summary>Reads a line of another process, of which nothing is believed: texts may be shown, and numbers are what they can be.</summary>
    /// <param name="line">The line.</param>
    /// <exception cref="FormatException">It is none; the message says why.</exception>
    public static BoardWord Read(ReadOnlySpan<byte> line)
    {
        try
        {
            int schema = (JsonSerializer.Deserialize(line, BoardJson.Default.Schema) ?? throw new JsonException("It says nothing.")).Number;
            if (schema != CurrentSchema)
            {
                throw new FormatException($"It is of another version of the module: its schema is {schema}, and this process knows {CurrentSchema}.");
            }

            BoardWord? word = JsonSerializer.Deserialize(line, BoardJson.Default.BoardWord);
            if (word is null || word.Migrations.Any(migration => migration is null) || word.Receivers.Any(receiver => receiver is null))
            {
                throw new JsonException("Something is missing.");
            }

            return word with { Migrations = [.. word.Migrations.OrderBy(migration => migration.Id)] };
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new FormatException($"What it says makes no sense: {error.Message}", error);
        }
    }

    private static MigrationInfo Describe(MigrationJob job, Workspace workspace)
    {
        // The error first: what is described afterwards may have ended since, and is said again soon.
        MigrationFailure? failure = MigrationFailure.Of(job.Error, workspace.RemedyFor);
        MigrationInfo now = job.Describe();
        return now.IsUnderWay() ? now : now with { Failure = failure ?? MigrationFailure.Of(job.Error, workspace.RemedyFor) };
    }

    /// <summary>The number of a line's schema, whatever else is in it.</summary>
    internal sealed record SchemaOnly([property: JsonPropertyName(nameof(BoardWord.Schema))] int Number);

    /// <summary>What fits on a line.</summary>
    private sealed class Budget(int longest)
    {
        private int _left = longest;

        public int Omitted { get; private set; }

        public IEnumerable<byte[]> Keep<T>(IEnumerable<T> values, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        {
            foreach (T value in values)
            {
                byte[] written = JsonSerializer.SerializeToUtf8Bytes(value, type);
                if (written.Length < _left)
                {
                    _left -= written.Length + 1;
                    yield return written;
                }
                else
                {
                    Omitted++;
                }
            }
        }
    }
}
