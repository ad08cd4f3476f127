using System.Text.Json.Nodes;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Xen.Admission;

/// <summary>Judges what concerns several parts of a configuration at once, or agrees or disagrees with what else the peer said and with
/// the host.</summary>
/// <param name="admission">Takes refusals.</param>
/// <param name="description">What the peer says of the domain.</param>
/// <param name="freeMemory">Bytes of memory that no domain of the host holds or was promised.</param>
internal sealed class XlAgreement(XlAdmission admission, DomainDescription description, long freeMemory)
{
    private const int LongestName = 200;
    private const int Kibibyte = 1024;

    private static readonly string[] s_types = ["pv", "pvh", "hvm"];
    private static readonly string[] s_memory = ["video_memkb", "iommu_memkb"];

    /// <summary>Settings in pages of the hypervisor's own memory, for what the domain grants and maps.</summary>
    private static readonly string[] s_frames = ["max_grant_frames", "max_maptrack_frames"];

    /// <summary>KiB that the toolstack gives a domain whose configuration does not say how many.</summary>
    private const long DefaultMemory = 32 * Kibibyte;

    /// <summary>What the toolstack adds for a PV domain, and for another one, in KiB; and the unit in which it asks for memory.</summary>
    private const long PvExtra = 1024;
    private const long HvmExtra = 2048;
    private const long Unit = 2048;

    /// <summary>
    /// Whether a domain may have a name. Names become parts of paths of files and of XenStore and of a device emulator's options, and a
    /// number would mean another domain.
    /// </summary>
    internal static bool IsName(string name) =>
        name.Length is > 0 and <= LongestName
        && ForeignText.IsPlain(name)
        && !name.Any(c => c is '/' or ',' or '=')
        && name is not ("." or "..")
        && !name.All(char.IsAsciiDigit)
        && name == name.Trim();

    /// <summary>Bytes of memory that a domain brings along.</summary>
    internal static long Brought(DomainDescription description) => description.Populated.Sum(range => (long)range.Count) * Page.Size;

    /// <summary>Judges a configuration that was built.</summary>
    /// <returns>Bytes of memory that the domain needs.</returns>
    internal long Check(JsonObject built)
    {
        JsonObject identity = built["c_info"] as JsonObject ?? [];
        JsonObject build = built["b_info"] as JsonObject ?? [];
        CheckIdentity(identity, build);
        long needed = CheckSize(build);
        if (description.Kind == DomainKind.Hvm)
        {
            // An emulator shows its domain's screen unless it is told not to.
            XlDevices.RequireShown((build["type.hvm"] as JsonObject)?["vnc"] as JsonObject, "b_info.type.hvm.vnc", admission);
        }

        return needed;
    }

    private void CheckIdentity(JsonObject identity, JsonObject build)
    {
        string? type = Text(identity, "type");
        if (type is null || type != KindOf(description.Kind))
        {
            admission.Refuse("c_info.type", $"it is {XlAdmission.Show(type)}, and the peer announced a {description.Kind} domain");
        }
        else if (!admission.Policy.Kinds.Contains(type))
        {
            admission.Refuse("c_info.type", $"{type} domains are not let in", XlRules.Line("kinds", type));
        }

        foreach (string other in s_types.Where(other => other != type && build.ContainsKey($"type.{other}")))
        {
            admission.Refuse($"b_info.type.{other}", $"it is that of another kind than {XlAdmission.Show(type)}");
        }

        string? name = Text(identity, "name");
        if (name != description.Name)
        {
            admission.Refuse("c_info.name", $"it is {XlAdmission.Show(name)}, and the peer announced {XlAdmission.Show(description.Name)}");
        }

        if (!Guid.TryParse(Text(identity, "uuid"), out Guid id) || id == Guid.Empty)
        {
            admission.Refuse("c_info.uuid", "it is missing");
        }
    }

    private long CheckSize(JsonObject build)
    {
        long vcpus = Number(build, "max_vcpus") ?? 1;
        if (vcpus != description.VcpuCount)
        {
            admission.Refuse("b_info.max_vcpus", $"it is {vcpus}, and the peer announced a domain of {description.VcpuCount} vCPUs");
        }

        if (admission.Policy.MaximumVcpus is { } most && vcpus > most)
        {
            admission.Refuse("b_info.max_vcpus", $"{vcpus} are more than {most}", $"\"maximumVcpus\": {vcpus}");
        }

        foreach (string key in new[] { "avail_vcpus", "vcpu_hard_affinity", "vcpu_soft_affinity" })
        {
            bool isOf = build[key] is not JsonArray list
                || (key == "avail_vcpus" ? list.All(vcpu => vcpu?.GetValue<long>() < vcpus) : list.Count <= vcpus);
            if (!isOf)
            {
                admission.Refuse($"b_info.{key}", $"it is of more vCPUs than {vcpus}");
            }
        }

        // The toolstack takes memory from the control domain before it finds that there is not enough. Whatever the policy allows, the
        // memory must therefore be there.
        long maximum = Number(build, "max_memkb") ?? DefaultMemory;
        long target = Number(build, "target_memkb") ?? maximum;
        long usual = UsualShadow(maximum, vcpus);
        long shadow = Number(build, "shadow_memkb") ?? usual;
        long beside = s_memory.Sum(key => Number(build, key) ?? 0) + (s_frames.Sum(key => Number(build, key) ?? 0) * (Page.Size / Kibibyte));

        // A domain whose balloon has not come to its target brings more pages than its configuration speaks of.
        long brought = Brought(description) / Kibibyte;

        // What every domain of its size gets besides is not what an administrator means by a domain's memory; what is asked for beyond that is.
        long largest = (Math.Max(Math.Max(maximum, target), brought) + beside + Math.Max(0, shadow - usual)) * Kibibyte;
        long extra = description.Kind == DomainKind.PV ? PvExtra : HvmExtra;
        long now = Whole(Math.Max(target, brought) + beside + shadow + extra) * Kibibyte;
        if (admission.Policy.MaximumMemory is { } limit && largest > limit)
        {
            admission.Refuse("b_info.max_memkb", $"it may have {largest} bytes, more than {limit}", $"\"maximumMemory\": {largest}");
        }
        else if (now > freeMemory)
        {
            admission.Refuse("b_info.target_memkb", $"it needs {now} bytes, and {freeMemory} are free: free memory on the host, or choose another one");
        }

        return now;
    }

    /// <summary>
    /// What the toolstack gives a domain for shadow or nested page tables, in KiB, where its configuration does not say: a MiB for each vCPU,
    /// and two pages for each MiB of memory.
    /// </summary>
    private static long UsualShadow(long maximum, long vcpus) =>
        (vcpus * Kibibyte) + (maximum / Kibibyte * 2 * (Page.Size / Kibibyte));

    /// <summary>What the toolstack asks for where so many KiB are needed.</summary>
    private static long Whole(long kibibytes) => (kibibytes + Unit - 1) / Unit * Unit;

    private static string? KindOf(DomainKind kind) => kind switch
    {
        DomainKind.PV => "pv",
        DomainKind.Pvh => "pvh",
        DomainKind.Hvm => "hvm",
        _ => null,
    };

    private static string? Text(JsonObject node, string key) => node[key] is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private static long? Number(JsonObject node, string key) => node[key] is JsonValue value && value.TryGetValue(out long number) ? number : null;
}
