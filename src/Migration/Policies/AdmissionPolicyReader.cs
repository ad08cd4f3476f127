using System.Globalization;
using System.Net;
using System.Text.Json;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Policies;

/// <summary>Reads a policy from JSON: comments are allowed, unknown and repeated keys are not.</summary>
internal sealed class AdmissionPolicyReader
{
    private const int DeepestJson = 8;
    private const int MostItems = 10_000;

    private static readonly JsonDocumentOptions s_options = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        MaxDepth = DeepestJson,
    };

    private static readonly string[] s_kinds = ["pv", "pvh", "hvm", "simulated"];
    private static readonly string[] s_backends = ["phy", "qdisk", "tap"];
    private static readonly string[] s_formats = ["raw", "qcow", "qcow2", "vhd", "qed"];
    private static readonly string[] s_access = ["read", "write"];

    private readonly string _path;

    private AdmissionPolicyReader(string path) => _path = path;

    /// <summary>The settings that <see cref="AdmissionPolicy.Features"/> may name; a hypervisor's half adds its own.</summary>
    internal static IReadOnlyList<string> Features { get; } =
    [
        "altp2m", "coredump", "driver_domain", "e820_host", "msr_relaxed", "nested_hvm", "pinning", "scheduling", "soundhw", "vmtrace_buf_kb",
        "vnuma_nodes", "vpmu",
    ];

    /// <summary>Reads a policy.</summary>
    /// <param name="path">The file that it comes from, for errors.</param>
    /// <param name="text">Its content.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidFile"/>, with the key that is wrong and what is allowed.</exception>
    internal static AdmissionPolicy Read(string path, ReadOnlyMemory<byte> text)
    {
        AdmissionPolicyReader reader = new(path);
        try
        {
            ReadOnlyMemory<byte> content = text.Span.StartsWith("\uFEFF"u8) ? text["\uFEFF"u8.Length..] : text;
            using JsonDocument document = JsonDocument.Parse(content, s_options);
            return reader.Policy(document.RootElement);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // JSON can hold strings that are no text, such as half of a surrogate pair. That shows only when such a string is read.
            throw reader.Invalid($"it is no JSON: {error.Message}");
        }
    }

    private AdmissionPolicy Policy(JsonElement root)
    {
        AdmissionPolicy policy = new(_path) { IsPresent = true };
        foreach ((string key, JsonElement value) in Members(root, "it"))
        {
            policy = key switch
            {
                "kinds" => policy with { Kinds = Words(value, key, s_kinds) },
                "maximumMemory" => policy with { MaximumMemory = Size(value, key) },
                "maximumVcpus" => policy with { MaximumVcpus = Number(value, key) },
                "disks" => policy with { Disks = Items(value, key, Disk) },
                "networks" => policy with { Networks = Items(value, key, Network) },
                "shares" => policy with { Shares = Paths(value, key) },
                "kernels" => policy with { Kernels = Paths(value, key) },
                "ramdisks" => policy with { Ramdisks = Paths(value, key) },
                "firmware" => policy with { Firmware = Paths(value, key) },
                "bootloaders" => policy with { Bootloaders = Texts(value, key) },
                "bootloaderArguments" => policy with { BootloaderArguments = Texts(value, key) },
                "deviceModels" => policy with { DeviceModels = Texts(value, key) },
                "deviceModelArguments" => policy with { DeviceModelArguments = Texts(value, key) },
                "displays" => policy with { Displays = Items(value, key, Address) },
                "pools" => policy with { Pools = Texts(value, key) },
                "labels" => policy with { Labels = Texts(value, key) },
                "features" => policy with { Features = Words(value, key, Features) },
                _ => throw Unknown(
                    key,
                    "kinds, maximumMemory, maximumVcpus, disks, networks, shares, kernels, ramdisks, firmware, bootloaders, bootloaderArguments, "
                    + "deviceModels, deviceModelArguments, displays, pools, labels, features"),
            };
        }

        return policy;
    }

    private DiskRule Disk(JsonElement element, string place)
    {
        DiskRule rule = new([]);
        foreach ((string key, JsonElement value) in Members(element, place))
        {
            string at = $"{place}.{key}";
            rule = key switch
            {
                "paths" => rule with { Paths = Paths(value, at) },
                "backends" => rule with { Backends = Words(value, at, s_backends) },
                "formats" => rule with { Formats = Words(value, at, s_formats) },
                "scripts" => rule with { Scripts = Items(value, at, Script) },
                "access" => rule with { MayWrite = Word(value, at, s_access) == "write" },
                _ => throw Unknown(at, "paths, backends, formats, scripts, access"),
            };
        }

        return rule.Paths.Count > 0 ? rule : throw Invalid($"{place} names no paths");
    }

    private NetworkRule Network(JsonElement element, string place)
    {
        NetworkRule rule = new([]);
        foreach ((string key, JsonElement value) in Members(element, place))
        {
            string at = $"{place}.{key}";
            rule = key switch
            {
                "bridges" => rule with { Bridges = Items(value, at, Name) },
                "scripts" => rule with { Scripts = Items(value, at, Script) },
                "interfaces" => rule with { Interfaces = Items(value, at, Name) },
                "gateways" => rule with { Gateways = Items(value, at, Name) },
                _ => throw Unknown(at, "bridges, scripts, interfaces, gateways"),
            };
        }

        return rule.Bridges.Count > 0 ? rule : throw Invalid($"{place} names no bridges");
    }

    private List<(string Key, JsonElement Value)> Members(JsonElement element, string place)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Invalid($"{place} is no object with keys");
        }

        List<(string Key, JsonElement Value)> members = [];
        foreach (JsonProperty member in element.EnumerateObject())
        {
            members.Add(members.Exists(other => other.Key == member.Name)
                ? throw Invalid($"{member.Name} stands twice in {place}")
                : (member.Name, member.Value));
        }

        return members;
    }

    private List<T> Items<T>(JsonElement element, string place, Func<JsonElement, string, T> read)
    {
        if (element.ValueKind != JsonValueKind.Array)
        {
            throw Invalid($"{place} is no list");
        }

        if (element.GetArrayLength() > MostItems)
        {
            throw Invalid($"{place} has more than {MostItems} items");
        }

        return [.. element.EnumerateArray().Select((item, i) => read(item, string.Create(CultureInfo.InvariantCulture, $"{place}[{i}]")))];
    }

    private List<string> Texts(JsonElement element, string place) => Items(element, place, Text);

    private List<PathPattern> Paths(JsonElement element, string place) => Items(element, place, Path);

    private List<string> Words(JsonElement element, string place, IReadOnlyList<string> allowed) =>
        Items(element, place, (item, at) => Word(item, at, allowed));

    private string Text(JsonElement element, string place) =>
        element.ValueKind == JsonValueKind.String && element.GetString() is { Length: > 0 } text
            ? text
            : throw Invalid($"{place} is no text, or an empty one");

    private string Word(JsonElement element, string place, IReadOnlyList<string> allowed)
    {
        string text = Text(element, place);
        return allowed.Contains(text)
            ? text
            : throw Invalid($"{place} is '{text}', and none of {string.Join(", ", allowed)}");
    }

    private NamePattern Name(JsonElement element, string place) => new(Text(element, place));

    private PathPattern Path(JsonElement element, string place) => Pattern(Text(element, place), place);

    private PathPattern Script(JsonElement element, string place) => Pattern(PathPattern.ScriptPath(Text(element, place)), place);

    private PathPattern Pattern(string text, string place)
    {
        try
        {
            return new PathPattern(text);
        }
        catch (ArgumentException)
        {
            throw Invalid($"{place} is '{text}': a path begins with '/', and has no empty parts and none of '.' and '..'");
        }
    }

    private string Address(JsonElement element, string place)
    {
        string text = Text(element, place);
        return IPAddress.TryParse(text, out IPAddress? address) && address.ToString() == text
            ? text
            : throw Invalid($"{place} is '{text}', and no IP address");
    }

    private int Number(JsonElement element, string place) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int number) && number > 0
            ? number
            : throw Invalid($"{place} is no whole number above zero");

    /// <summary>Reads a size: a number of bytes, or a text such as "16GiB".</summary>
    private long Size(JsonElement element, string place)
    {
        (string Unit, long Bytes)[] units = [("TiB", 1L << 40), ("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10)];
        if (element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out long bytes) && bytes > 0)
        {
            return bytes;
        }

        if (element.ValueKind == JsonValueKind.String)
        {
            string text = element.GetString()!;
            foreach ((string unit, long factor) in units)
            {
                if (text.EndsWith(unit, StringComparison.Ordinal)
                    && long.TryParse(text[..^unit.Length], NumberStyles.None, CultureInfo.InvariantCulture, out long count)
                    && count > 0 && count <= long.MaxValue / factor)
                {
                    return count * factor;
                }
            }
        }

        throw Invalid($"{place} is neither a number of bytes nor a text such as \"16GiB\" (KiB, MiB, GiB, TiB)");
    }

    private MigrationException Unknown(string key, string known) => Invalid($"it has the key {key}, which is none of {known}");

    private MigrationException Invalid(string problem) => new(
        MigrationErrorId.InvalidFile,
        $"The policy {_path} cannot be used: {problem}.",
        "Correct the file; until then this host takes no domain in.",
        _path);
}
