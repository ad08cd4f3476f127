using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Xen.Admission;

/// <summary>
/// Judges a configuration that a peer sent, and builds from what is let in the one that the toolstack gets: nothing of the peer's
/// text goes on but values that a rule has read, each in the form that the rule writes.
/// </summary>
/// <remarks>The rules are those of the libxl_types.idl of Xen 4.17 and 4.20; a key that they do not have is refused.</remarks>
internal sealed class XlAdmission
{
    private const int DeepestJson = 64;
    private const int LongestShown = 120;

    /// <summary>Characters of other scripts are written as they are; <see cref="ForeignText"/> takes care of those that may not be
    /// shown.</summary>
    private static readonly JsonWriterOptions s_relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly List<AdmissionRefusal> _refusals = [];

    private XlAdmission(AdmissionPolicy policy) => Policy = policy;

    /// <summary>What an administrator lets in.</summary>
    internal AdmissionPolicy Policy { get; }

    /// <summary>Judges a domain.</summary>
    /// <param name="policy">What the host lets in.</param>
    /// <param name="description">What the peer says of the domain.</param>
    /// <param name="json">Its configuration.</param>
    /// <param name="freeMemory">Bytes of memory that no domain of the host holds or was promised.</param>
    /// <param name="refusals">What is not let in; empty where all is.</param>
    /// <param name="needed">Bytes of memory that the domain needs.</param>
    /// <returns>The configuration, built anew; of no use where something was refused.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>: it is no JSON.</exception>
    internal static string Build(
        AdmissionPolicy policy,
        DomainDescription description,
        string json,
        long freeMemory,
        out IReadOnlyList<AdmissionRefusal> refusals,
        out long needed)
    {
        XlAdmission admission = new(policy);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = DeepestJson });
            JsonObject built = XlSchema.Configuration(document.RootElement, "", admission) as JsonObject ?? [];
            needed = new XlAgreement(admission, description, freeMemory).Check(built);
            refusals = admission._refusals;
            return built.ToJsonString();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"The peer's configuration of the domain is no JSON ({error.Message}).",
                "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.",
                null,
                error);
        }
    }

    /// <summary>How much was refused so far.</summary>
    internal int RefusalCount => _refusals.Count;

    /// <summary>Refuses something.</summary>
    /// <param name="path">What it is.</param>
    /// <param name="reason">Why. What it repeats of the peer's words has been through <see cref="Show(JsonElement)"/>.</param>
    /// <param name="allowedBy">The line that would allow it; empty where none does.</param>
    /// <returns>Nothing to build.</returns>
    internal JsonNode? Refuse(string path, string reason, string allowedBy = "")
    {
        if (_refusals.Count < AdmissionVerdict.MostRefusals)
        {
            _refusals.Add(new AdmissionRefusal(ForeignText.Show(path, LongestShown), reason, allowedBy));
        }

        return null;
    }

    /// <summary>A peer's value as it may be shown: JSON, in which control characters are escaped, and not too long.</summary>
    internal static string Show(JsonElement value)
    {
        // The value is written anew, because JSON allows characters in it that a terminal may obey.
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, s_relaxed))
        {
            value.WriteTo(writer);
        }

        return ForeignText.Show(Encoding.UTF8.GetString(buffer.WrittenSpan), LongestShown);
    }

    /// <summary>A peer's text as it may be shown; see <see cref="Show(JsonElement)"/>.</summary>
    internal static string Show(string? text) =>
        text is null ? "null" : ForeignText.Show($"\"{JsonEncodedText.Encode(text, s_relaxed.Encoder)}\"", LongestShown);
}
