using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using PreRecordMigration.Policies;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Xen.Admission;

/// <summary>Reads one value of a peer's configuration.</summary>
/// <param name="value">The value.</param>
/// <param name="path">Where it stands.</param>
/// <param name="admission">Takes refusals, and has the policy.</param>
/// <returns>The value to build; null where it was refused, or where it is the default.</returns>
internal delegate JsonNode? XlRule(JsonElement value, string path, XlAdmission admission);

/// <summary>The kinds of rules from which the schema is made.</summary>
internal static class XlRules
{
    private const int LongestText = 4096;

    /// <summary>libxl's three-valued boolean.</summary>
    internal static readonly XlRule Flag = Choice("True", "False", "<default>");

    /// <summary>JSON's own boolean.</summary>
    internal static readonly XlRule Bit = static (value, path, admission) => value.ValueKind switch
    {
        JsonValueKind.True => JsonValue.Create(true),
        JsonValueKind.False or JsonValueKind.Null => null,
        _ => admission.Refuse(path, $"{XlAdmission.Show(value)} is neither true nor false"),
    };

    /// <summary>A text for the guest alone: any printable characters.</summary>
    internal static readonly XlRule GuestText = Text(ForeignText.IsPlain, "has control characters");

    /// <summary>An object with nothing but these keys. Every other one is refused.</summary>
    internal static XlRule Map(params (string Key, XlRule Rule)[] members) => (value, path, admission) =>
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            return admission.Refuse(path, $"{XlAdmission.Show(value)} is no object");
        }

        JsonObject built = [];
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (JsonProperty member in value.EnumerateObject())
        {
            string at = path.Length == 0 ? ShowKey(member.Name) : $"{path}.{ShowKey(member.Name)}";
            (string _, XlRule? rule) = Array.Find(members, known => known.Key == member.Name);
            if (!seen.Add(member.Name))
            {
                admission.Refuse(at, "it stands twice");
            }
            else if (rule is null)
            {
                admission.Refuse(at, "this version of the module does not know what it does");
            }
            else if (rule(member.Value, at, admission) is { } node)
            {
                built[member.Name] = node;
            }
        }

        return built;
    };

    /// <summary>A list of up to so many items.</summary>
    internal static XlRule List(XlRule item, int most) => (value, path, admission) =>
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > most)
        {
            return admission.Refuse(path, $"it is no list of at most {most}");
        }

        JsonArray built = [];
        int i = 0;
        foreach (JsonElement element in value.EnumerateArray())
        {
            built.Add(item(element, string.Create(CultureInfo.InvariantCulture, $"{path}[{i++}]"), admission));
        }

        return built;
    };

    /// <summary>A whole number within bounds.</summary>
    internal static XlRule Number(long minimum, long maximum) => (value, path, admission) =>
        value.ValueKind == JsonValueKind.Null ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) && number >= minimum && number <= maximum
            ? JsonValue.Create(number)
            : admission.Refuse(path, $"{XlAdmission.Show(value)} is no whole number from {minimum} to {maximum}");

    /// <summary>One of some words, whose case does not count, as for libxl.</summary>
    internal static XlRule Choice(params string[] words) => (value, path, admission) =>
        value.ValueKind == JsonValueKind.Null ? null
        : value.ValueKind == JsonValueKind.String && Array.Find(words, word => word.Equals(value.GetString(), StringComparison.OrdinalIgnoreCase)) is { } word
            ? JsonValue.Create(word)
            : admission.Refuse(path, $"it is {XlAdmission.Show(value)}; let in is {string.Join(", ", words)}");

    /// <summary>A text of a form.</summary>
    /// <param name="isAllowed">Whether it has the form.</param>
    /// <param name="problem">What is wrong with a text that does not have the form, as the end of a sentence.</param>
    internal static XlRule Text(Func<string, bool> isAllowed, string problem) => (value, path, admission) =>
        value.ValueKind == JsonValueKind.Null ? null
        : value.ValueKind == JsonValueKind.String && value.GetString() is { Length: <= LongestText } text && isAllowed(text)
            ? JsonValue.Create(text)
            : admission.Refuse(path, $"{XlAdmission.Show(value)} {problem}");

    /// <summary>A text that an expression describes.</summary>
    internal static XlRule Form(string expression, string what)
    {
        Regex form = new($@"\A(?:{expression})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        return Text(form.IsMatch, $"is no {what}");
    }

    /// <summary>A path that the policy names in a list.</summary>
    internal static XlRule File(string key, Func<AdmissionPolicy, IReadOnlyList<PathPattern>> patterns) => (value, path, admission) =>
    {
        if (IsUnset(value))
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.String || value.GetString() is not { } text || !PathPattern.IsPlain(text))
        {
            return admission.Refuse(path, $"{XlAdmission.Show(value)} is no absolute path without '..'");
        }

        return patterns(admission.Policy).Any(pattern => pattern.Matches(text))
            ? JsonValue.Create(text)
            : admission.Refuse(path, $"{XlAdmission.Show(value)} is not let in, nor what it leads to", Line(key, text));
    };

    /// <summary>A text that the policy names in a list, letter by letter.</summary>
    internal static XlRule Named(string key, Func<AdmissionPolicy, IReadOnlyList<string>> names) => (value, path, admission) =>
        IsUnset(value) ? null
        : value.ValueKind == JsonValueKind.String && value.GetString() is { } text && ForeignText.IsPlain(text)
            ? names(admission.Policy).Contains(text)
                ? JsonValue.Create(text)
                : admission.Refuse(path, $"{XlAdmission.Show(value)} is not let in", Line(key, text))
            : admission.Refuse(path, $"{XlAdmission.Show(value)} is no text of printable characters");

    /// <summary>What no policy lets in: the value must say nothing, or be one of some harmless values.</summary>
    internal static XlRule Never(params string[] harmless) => (value, path, admission) =>
    {
        if (IsUnset(value) || IsOneOf(value, harmless))
        {
            return null;
        }

        return admission.Refuse(path, $"{XlAdmission.Show(value)}; nothing lets it in");
    };

    /// <summary>What is let in where the policy's features name it, or where its value is harmless.</summary>
    internal static XlRule Feature(string name, XlRule rule, params string[] harmless) => (value, path, admission) =>
    {
        if (IsUnset(value))
        {
            return null;
        }

        // A value that does not even have the right form is let in by no line of a policy.
        int before = admission.RefusalCount;
        JsonNode? built = rule(value, path, admission);
        return admission.RefusalCount > before || IsOneOf(value, harmless) || admission.Policy.Features.Contains(name)
            ? built
            : admission.Refuse(path, $"{XlAdmission.Show(value)} is not let in", Line("features", name));
    };

    /// <summary>A number that is harmless up to a bound, and above it must be named as a <see cref="Feature"/>.</summary>
    internal static XlRule FeatureAbove(string name, XlRule rule, long harmless)
    {
        XlRule above = Feature(name, rule);
        return (value, path, admission) =>
            (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) && number <= harmless ? rule : above)(value, path, admission);
    }

    /// <summary>An address of this host at which a display may be shown.</summary>
    internal static readonly XlRule Display = static (value, path, admission) =>
        IsUnset(value) ? null
        : value.ValueKind == JsonValueKind.String && IPAddress.TryParse(value.GetString(), out IPAddress? address) && address.ToString() == value.GetString()
            ? admission.Policy.Displays.Contains(address.ToString())
                ? JsonValue.Create(address.ToString())
                : admission.Refuse(path, $"a display at {address} is not let in", Line("displays", address.ToString()))
            : admission.Refuse(path, $"{XlAdmission.Show(value)} is no IP address");

    /// <summary>The line of a policy's list that names a text.</summary>
    internal static string Line(string key, string text) => $"\"{key}\": [{XlAdmission.Show(text)}]";

    /// <summary>Whether a value says nothing: it means the same as if its key were not there.</summary>
    internal static bool IsUnset(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => true,
        JsonValueKind.String => value.GetString() is "" or "<default>",
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => value.EnumerateObject().All(member => IsUnset(member.Value)),
        _ => false,
    };

    private static bool IsOneOf(JsonElement value, string[] harmless) =>
        harmless.Contains(value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText(), StringComparer.OrdinalIgnoreCase);

    private static string ShowKey(string key) =>
        key.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.') ? key : XlAdmission.Show(key);
}
