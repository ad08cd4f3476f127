using System.Text;
using System.Text.Json;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Xen.Streams;

/// <summary>
/// Reads and rewrites single values of a domain's configuration in libxl's JSON, and leaves every other byte as it is:
/// libxl is strict about the JSON that it reads back, so the text is not formatted anew.
/// </summary>
public static class XlConfiguration
{
    private const string Remedy =
        "Take the configuration with libxl_domain_config_to_json, or from a file that xl save wrote with a current Xen.";

    private const int LargestNesting = 64;

    /// <summary>The domain's name.</summary>
    /// <param name="json">The configuration.</param>
    /// <returns>The value of <c>c_info.name</c>.</returns>
    /// <exception cref="XenStreamException">The text is not JSON or names no domain.</exception>
    public static string Name(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        byte[] text = Encoding.UTF8.GetBytes(json);
        (int start, int length) = Require(text, "name");
        Utf8JsonReader value = new(text.AsSpan(start, length));
        value.Read();
        try
        {
            return value.TokenType == JsonTokenType.String
                ? value.GetString()!
                : throw Malformed(start, "The value of c_info.name is not a text.");
        }
        catch (InvalidOperationException error)
        {
            // JSON can hold strings that are no text, such as half of a surrogate pair.
            throw Malformed(start, $"The value of c_info.name is not a text ({error.Message}).");
        }
    }

    /// <summary>
    /// The configuration with which a domain is restored: with another name, and without the number that the domain had on
    /// the source (libxl then takes the next free one).
    /// </summary>
    /// <param name="json">The configuration.</param>
    /// <param name="name">The new name, e.g. the old one with <c>--incoming</c> behind it.</param>
    /// <returns>The configuration, every other byte unchanged.</returns>
    /// <exception cref="ArgumentException">The name is empty or has a slash or a control character.</exception>
    /// <exception cref="XenStreamException">The text is not JSON or names no domain.</exception>
    public static string ForRestore(string json, string name)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (!ForeignText.IsPlain(name) || name.Contains('/', StringComparison.Ordinal))
        {
            throw new ArgumentException("A domain's name has neither slashes nor control characters.", nameof(name));
        }

        byte[] text = Encoding.UTF8.GetBytes(json);
        (int start, int length) = Require(text, "name");
        text = Replace(text, start, length, Encoding.UTF8.GetBytes($"\"{JsonEncodedText.Encode(name)}\""));
        if (Find(text, "domid") is { } domid)
        {
            text = Replace(text, domid.Start, domid.Length, "0"u8);
        }

        return Encoding.UTF8.GetString(text);
    }

    private static byte[] Replace(byte[] text, int start, int length, ReadOnlySpan<byte> value) =>
        [.. text.AsSpan(0, start), .. value, .. text.AsSpan(start + length)];

    private static (int Start, int Length) Require(byte[] text, string key) =>
        Find(text, key) ?? throw Malformed(0, $"It has no c_info.{key}.");

    /// <summary>Finds the bytes of the value of <c>c_info.key</c>, or null.</summary>
    private static (int Start, int Length)? Find(byte[] text, string key)
    {
        try
        {
            return FindValue(text, key);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new XenStreamException(
                $"Xen migration stream, configuration: it is not JSON ({error.Message}) {Remedy}", error);
        }
    }

    private static (int Start, int Length)? FindValue(byte[] text, string key)
    {
        Utf8JsonReader reader = new(text, new JsonReaderOptions { MaxDepth = LargestNesting });
        (int Start, int Length)? found = null;
        bool inCreateInfo = false;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.EndObject && reader.CurrentDepth == 1)
            {
                inCreateInfo = false;
            }

            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            if (reader.CurrentDepth == 1 && reader.ValueTextEquals("c_info"u8))
            {
                inCreateInfo = true;
            }
            else if (inCreateInfo && reader.CurrentDepth == 2 && reader.ValueTextEquals(key))
            {
                if (found is not null)
                {
                    throw Malformed(reader.TokenStartIndex, $"It has c_info.{key} twice.");
                }

                reader.Read();
                found = reader.TokenType is JsonTokenType.String or JsonTokenType.Number
                    ? ((int)reader.TokenStartIndex, (int)(reader.BytesConsumed - reader.TokenStartIndex))
                    : throw Malformed(reader.TokenStartIndex, $"The value of c_info.{key} is neither a text nor a number.");
            }
        }

        return found;
    }

    private static XenStreamException Malformed(long offset, string problem) =>
        new("configuration", offset, problem, Remedy);
}
