using System.Text.Json;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Xen.Emulators;

/// <summary>Which emulators' domains can be moved, by the domain's configuration in libxl's JSON.</summary>
internal static class EmulatorRequirements
{
    /// <summary>Refuses an HVM domain whose emulator cannot be moved.</summary>
    /// <param name="json">The configuration (libxl_domain_config_to_json); what stands at its default may be left out.</param>
    /// <param name="name">The domain's name, for errors.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>, with the line to change.</exception>
    internal static void Check(string json, string name)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement build = Member(document.RootElement, "b_info");
        if (Text(build, "device_model_version") is { } version and not "qemu_xen")
        {
            throw Refusal(name, $"uses the device model {version}", "Set device_model_version=\"qemu-xen\"");
        }

        if (IsTrue(build, "device_model_stubdomain"))
        {
            throw Refusal(name, "has its device model in a stub domain", "Set device_model_stubdomain_override=0");
        }

        if (IsTrue(build, "dm_restrict"))
        {
            throw Refusal(name, "has a restricted device model, which may not write its state to a file", "Set dm_restrict=0");
        }

        // A framebuffer is memory that guest and emulator both write without a fault; the default is a Cirrus card.
        if (Text(Member(Member(build, "type.hvm"), "vga"), "kind") != "none")
        {
            throw Refusal(name, "has an emulated graphics card, whose framebuffer cannot be recorded", "Set vga=\"none\" and nographic=1");
        }
    }

    /// <summary>Why a domain with an emulator is not recorded: what the emulator does meanwhile has not been shown to be
    /// recorded with it.</summary>
    /// <param name="name">The domain's name.</param>
    internal static MigrationException RecordingRefusal(string name) => new(
        MigrationErrorId.NotSupported,
        $"{name} is an HVM domain with a device emulator (QEMU); such domains can be moved, but not recorded.",
        "Move it without a recording (-Method PostCopy or PreCopy), or set type=\"pvh\" in its configuration and start it again.",
        name);

    /// <summary>Whether a configuration is that of an HVM domain, which has an emulator.</summary>
    internal static bool IsHvm(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return Text(Member(document.RootElement, "c_info"), "type") == "hvm";
    }

    private static MigrationException Refusal(string name, string reason, string remedy) => new(
        MigrationErrorId.NotSupported, $"{name} {reason}.",
        $"{remedy} in its configuration and start it again, or use `xl migrate`.", name);

    private static JsonElement Member(JsonElement element, string key) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(key, out JsonElement member) ? member : default;

    private static string? Text(JsonElement element, string key) =>
        Member(element, key) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    // libxl writes its three-valued booleans as text, and plain ones as JSON's.
    private static bool IsTrue(JsonElement element, string key) =>
        Member(element, key).ValueKind == JsonValueKind.True || Text(element, key) == "True";
}
