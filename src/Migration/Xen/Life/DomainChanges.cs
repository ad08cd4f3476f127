using System.Text.Json;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// Finds what changed of a domain between its announcement and its handover. The incoming domain was made by what was announced, so that a
/// device, a vCPU or memory that came since would be lost without a word.
/// </summary>
internal static class DomainChanges
{
    private const int Named = 5;

    /// <summary>The members that tell a device from others, best first.</summary>
    private static readonly string[] s_names = ["vdev", "devid", "name", "uuid"];

    /// <summary>What administrators call a setting; settings that are not listed are named by their path in libxl's JSON.</summary>
    private static readonly Dictionary<string, string> s_words = new(StringComparer.Ordinal)
    {
        ["b_info.target_memkb"] = "its memory target (xl mem-set)",
        ["b_info.max_memkb"] = "its memory limit (xl mem-max)",
        ["b_info.avail_vcpus"] = "its online vCPUs (xl vcpu-set)",
        ["b_info.max_vcpus"] = "its vCPUs",
        ["c_info.name"] = "its name (xl rename)",
        ["disks"] = "disk",
        ["nics"] = "network card",
        ["pcidevs"] = "passed-through device",
        ["usbctrls"] = "USB controller",
        ["usbdevs"] = "USB device",
        ["channels"] = "channel",
        ["vtpms"] = "TPM",
        ["vfbs"] = "framebuffer",
        ["vkbs"] = "keyboard",
    };

    /// <summary>Refuses a domain that does not stand still as it was left: it crashed, shut down, has rebooted, or somebody let it run.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/> or <see cref="MigrationErrorId.DomainChanged"/>.</exception>
    internal static void RequireStanding(KnownDomain domain)
    {
        XenDomainInfo info = domain.Require();
        if (info.Flags.HasFlag(XenDomainFlags.Shutdown) && !info.IsSuspended)
        {
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{domain.Name} {ShutdownReasons.Describe(info.ShutdownReason)} since the migration began; it is as it left itself.",
                "Look at its console for why, start it again, and then migrate it.",
                domain.Name);
        }

        if (!info.IsSuspended && !info.Flags.HasFlag(XenDomainFlags.Paused))
        {
            throw new MigrationException(
                MigrationErrorId.DomainChanged,
                $"{domain.Name} runs, although it was stopped for the handover: somebody has unpaused or resumed it.",
                "Migrate it again, and leave it alone meanwhile.",
                domain.Name);
        }
    }

    /// <summary>Refuses a domain whose configuration changed.</summary>
    /// <param name="before">What was announced, libxl's JSON.</param>
    /// <param name="now">What it is now.</param>
    /// <param name="name">The domain's name.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainChanged"/>; the message says what changed.</exception>
    internal static void RequireSame(string before, string now, string name)
    {
        IReadOnlyList<string> changes = Find(before, now);
        if (changes.Count == 0)
        {
            return;
        }

        string others = changes.Count > Named ? $", and {changes.Count - Named} more" : "";
        throw new MigrationException(
            MigrationErrorId.DomainChanged,
            $"{name} was changed while it was about to move, and would lose that: {string.Join("; ", changes.Take(Named))}{others}. It runs on.",
            "Migrate it again, and leave its devices, vCPUs and memory alone meanwhile.",
            name);
    }

    /// <summary>What differs between two configurations, in words.</summary>
    internal static IReadOnlyList<string> Find(string before, string now)
    {
        if (before == now)
        {
            return [];
        }

        using JsonDocument first = JsonDocument.Parse(before);
        using JsonDocument second = JsonDocument.Parse(now);
        List<string> changes = [];
        Compare("", first.RootElement, second.RootElement, changes);
        return changes;
    }

    private static void Compare(string path, JsonElement before, JsonElement now, List<string> changes)
    {
        if (before.ValueKind == JsonValueKind.Object && now.ValueKind == JsonValueKind.Object)
        {
            CompareMembers(path, before, now, changes);
        }
        else if (IsListOfObjects(before) || IsListOfObjects(now))
        {
            CompareDevices(path, before, now, changes);
        }
        else if (!JsonEquals(before, now))
        {
            changes.Add($"{Words(path)} was {Show(before)} and is {Show(now)}");
        }
    }

    private static void CompareMembers(string path, JsonElement before, JsonElement now, List<string> changes)
    {
        foreach (string key in before.EnumerateObject().Concat(now.EnumerateObject()).Select(member => member.Name).Distinct())
        {
            before.TryGetProperty(key, out JsonElement first);
            now.TryGetProperty(key, out JsonElement second);
            Compare(path.Length == 0 ? key : $"{path}.{key}", first, second, changes);
        }
    }

    /// <summary>Lists of devices: one that came or went is named as such, whatever its place in the list.</summary>
    private static void CompareDevices(string path, JsonElement before, JsonElement now, List<string> changes)
    {
        List<JsonElement> gone = [.. Elements(before)];
        List<JsonElement> came = [.. Elements(now)];
        foreach (JsonElement device in gone.ToArray())
        {
            int same = came.FindIndex(other => JsonEquals(device, other));
            if (same >= 0)
            {
                came.RemoveAt(same);
                gone.Remove(device);
            }
        }

        changes.AddRange(gone.Select(device => $"{Device(path, device)} was detached"));
        changes.AddRange(came.Select(device => $"{Device(path, device)} was attached"));
    }

    private static JsonElement.ArrayEnumerator Elements(JsonElement list) =>
        list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : default;

    private static bool IsListOfObjects(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0 && value[0].ValueKind == JsonValueKind.Object;

    private static bool JsonEquals(JsonElement first, JsonElement second) =>
        first.ValueKind == JsonValueKind.Undefined || second.ValueKind == JsonValueKind.Undefined
            ? first.ValueKind == second.ValueKind
            : JsonElement.DeepEquals(first, second);

    private static string Device(string path, JsonElement device)
    {
        string? which = s_names
            .Select(key => device.TryGetProperty(key, out JsonElement value) ? Show(value) : null)
            .FirstOrDefault(value => value is not null);
        return which is null ? Words(path) : $"{Words(path)} {which}";
    }

    private static string Words(string path) => s_words.GetValueOrDefault(path, path);

    private static string Show(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Undefined => "not set",
        JsonValueKind.String => value.GetString()!,

        // Arrays and objects are shown in one line, however the toolstack wrote them.
        JsonValueKind.Array => $"[{string.Join(", ", value.EnumerateArray().Select(Show))}]",
        JsonValueKind.Object => $"{{ {string.Join(", ", value.EnumerateObject().Select(member => $"{member.Name}: {Show(member.Value)}"))} }}",
        _ => value.GetRawText(),
    };
}
