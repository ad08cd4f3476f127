using System.Text.Json;

namespace PreRecordMigration.Xen.Domains;

/// <summary>Finds things in a domain's configuration as libxl's JSON has it: what stands at its default may be missing, and a peer's may be of any form.</summary>
internal static class LibxlJson
{
    /// <summary>The member of an object; undefined where it has none of that name, or is no object.</summary>
    internal static JsonElement Member(JsonElement element, string key) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(key, out JsonElement member) ? member : default;

    /// <summary>The text of a member; null where there is none, or where it is no text.</summary>
    internal static string? Text(JsonElement element, string key) =>
        Member(element, key) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;
}
