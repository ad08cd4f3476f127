using System.Text.Json.Nodes;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Admission;

namespace PreRecordMigration.Tests.Xen.Admission;

/// <summary>
/// Every key of libxl's JSON, by the lists of those that Xen 4.17 has, and of those that 4.20 has besides: each is known by name, and every other key is refused. A toolstack
/// that learns a new key cannot have it set by a peer before somebody has thought about it.
/// </summary>
public class XlSchemaTests
{
    private const string Canary = "/canary/--evil,file=x";

    /// <summary>Texts that only the guest sees: they go on whatever they say.</summary>
    private static readonly string[] s_guestTexts =
    [
        "b_info.cmdline", "b_info.type.pv.cmdline", "b_info.type.pvh.pvshim_cmdline", "b_info.type.pvh.pvshim_extra",
        "b_info.type.hvm.smbios[].value",
    ];

    public static TheoryData<string, string> Keys
    {
        get
        {
            TheoryData<string, string> keys = [];
            foreach (string version in new[] { "4.17", "4.20" })
            {
                using Stream stream = typeof(XlSchemaTests).Assembly.GetManifestResourceStream($"libxl-{version}-keys.txt")!;
                using StreamReader reader = new(stream);
                while (reader.ReadLine() is { } line)
                {
                    string[] parts = line.Split(' ');
                    keys.Add(parts[0], parts[1]);
                }
            }

            return keys;
        }
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_key_of_libxl_is_known(string path, string kind)
    {
        // A value of an impossible kind may be refused or let pass, but never because the key is unknown.
        AdmissionRefusal[] refusals = XlAdmissionTests.Refusals(new AdmissionPolicy("/none"), Build(path, Value(kind, hostile: false)));
        Assert.DoesNotContain(refusals, refusal => refusal.Reason.Contains("does not know", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_hostile_value_of_it_is_refused_or_never_goes_on(string path, string kind)
    {
        string built = XlAdmission.Build(
            new AdmissionPolicy("/none"),
            XlAdmissionTests.Announced("vm", PreRecordMigration.Hypervisor.DomainKind.Pvh),
            Build(path, Value(kind, hostile: true)),
            long.MaxValue,
            out IReadOnlyList<AdmissionRefusal> refusals,
            out _);
        string setting = path.Replace("[]", "[0]", StringComparison.Ordinal);
        if (!s_guestTexts.Contains(path) && kind is "text" or "texts" or "word" or "flag")
        {
            Assert.DoesNotContain("canary", built, StringComparison.Ordinal);
            Assert.True(
                path == "c_info.domid" || refusals.Any(refusal => Names(refusal, setting)),
                $"{path} was not refused: {string.Join("; ", refusals)}");
        }
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_key_beside_it_that_libxl_has_not_is_refused(string path, string kind)
    {
        _ = kind;
        int end = path.LastIndexOf('.');
        string sibling = end < 0 ? "zzz_unknown" : $"{path[..end]}.zzz_unknown";
        AdmissionRefusal[] refusals = XlAdmissionTests.Refusals(new AdmissionPolicy("/none"), Build(sibling, JsonValue.Create(1)));
        string setting = sibling.Replace("[]", "[0]", StringComparison.Ordinal);
        Assert.Contains(refusals, refusal => Names(refusal, setting) && refusal.AllowedBy is "");
    }

    [Fact]
    public void The_features_that_a_policy_may_name_are_those_that_the_rules_ask_for()
    {
        HashSet<string> asked = [];
        foreach ((string path, string value) in new (string, string)[]
        {
            ("b_info.altp2m", "\"external\""), ("on_crash", "\"coredump_restart\""), ("c_info.driver_domain", "\"True\""),
            ("b_info.arch_x86", """{ "msr_relaxed": "True" }"""), ("b_info.nested_hvm", "\"True\""), ("b_info.vmtrace_buf_kb", "4"),
            ("b_info.vnuma_nodes", """[{ "memkb": 1 }]"""), ("b_info.vpmu", "\"True\""),
            ("b_info.cpumap", "[0]"), ("b_info.sched_params", """{ "weight": 257 }"""), ("b_info.type.pv", """{ "e820_host": "True" }"""),
            ("b_info.type.hvm", """{ "soundhw": "ac97" }"""),
        })
        {
            asked.UnionWith(XlAdmissionTests.Refusals(new AdmissionPolicy("/none"), XlAdmissionTests.With(XlAdmissionTests.Domain(), path, value))
                .Select(refusal => refusal.AllowedBy)
                .Where(line => line.StartsWith("\"features\"", StringComparison.Ordinal))
                .Select(line => line.Split('"')[3]));
        }

        Assert.Equal(AdmissionPolicyReader.Features.Order(), asked.Order());
    }

    /// <summary>Whether a refusal is of a setting, of what it stands in, or of what stands in it.</summary>
    private static bool Names(AdmissionRefusal refusal, string setting) =>
        setting.StartsWith(refusal.Setting, StringComparison.Ordinal) || refusal.Setting.StartsWith(setting, StringComparison.Ordinal);

    private static JsonNode Value(string kind, bool hostile) => kind switch
    {
        "text" or "word" or "flag" => JsonValue.Create(hostile ? Canary : "x"),
        "texts" => new JsonArray(hostile ? Canary : "x"),
        "number" => JsonValue.Create(hostile ? long.MaxValue : 1),
        "numbers" => new JsonArray(hostile ? JsonValue.Create(-1) : JsonValue.Create(0)),
        "bit" => JsonValue.Create(true),
        "list" => new JsonArray(),
        _ => new JsonObject(),
    };

    /// <summary>A configuration with one value, at a path in which [] is the first item of a list and type.KIND is one key.</summary>
    private static string Build(string path, JsonNode value)
    {
        JsonNode root = JsonNode.Parse(XlAdmissionTests.Domain())!;
        List<string> parts = [.. path.Replace("type.", "type\0", StringComparison.Ordinal).Replace("connection.", "connection\0", StringComparison.Ordinal)
            .Split('.').Select(part => part.Replace('\0', '.'))];
        JsonNode place = root;
        for (int i = 0; i < parts.Count; i++)
        {
            bool isLast = i == parts.Count - 1;
            bool isList = parts[i].EndsWith("[]", StringComparison.Ordinal);
            string key = isList ? parts[i][..^2] : parts[i];
            JsonObject here = place.AsObject();
            if (isLast)
            {
                here[key] = isList ? new JsonArray(value) : value;
                break;
            }

            if (isList)
            {
                JsonObject item = [];
                here[key] = new JsonArray(item);
                place = item;
            }
            else
            {
                place = here[key] ??= new JsonObject();
            }
        }

        return root.ToJsonString();
    }
}
