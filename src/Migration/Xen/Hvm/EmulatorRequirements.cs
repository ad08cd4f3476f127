using System.Text.Json;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Domains;

namespace PreRecordMigration.Xen.Hvm;

/// <summary>Decides by a domain's configuration, in libxl's JSON, whether its emulator can be moved.</summary>
internal static class EmulatorRequirements
{
    /// <summary>Devices of QEMU alone, in "type.hvm" of libxl's JSON.</summary>
    private static readonly string[] s_outputs = ["serial", "serial_list", "soundhw", "usbdevice", "usbdevice_list"];

    /// <summary>Arguments that an administrator gives to QEMU: they may make any device.</summary>
    private static readonly string[] s_arguments = ["extra", "extra_hvm"];

    /// <summary>Devices of the host that QEMU passes on.</summary>
    private static readonly string[] s_devices = ["usbctrls", "usbdevs", "channels"];

    /// <summary>Refuses an HVM domain whose emulator cannot be moved.</summary>
    /// <param name="json">The configuration (libxl_domain_config_to_json); what stands at its default may be left out.</param>
    /// <param name="name">The domain's name, for errors.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>, with the line to change.</exception>
    internal static void Check(string json, string name)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement build = LibxlJson.Member(document.RootElement, "b_info");
        if (LibxlJson.Text(build, "device_model_version") is { } version and not "qemu_xen")
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
    }

    /// <summary>
    /// Refuses an HVM domain whose pages cannot all be trapped, neither to be recorded nor to be missing. Pre-copy traps nothing: it moves what
    /// <c>xl migrate</c> moves.
    /// </summary>
    /// <param name="json">The configuration, as for <see cref="Check"/>.</param>
    /// <param name="name">The domain's name, for errors.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>, with the line to change.</exception>
    internal static void RequireTrappable(string json, string name)
    {
        if (!IsTrappable(json))
        {
            throw Untrappable(name);
        }
    }

    /// <summary>Whether an HVM domain's pages can all be trapped.</summary>
    /// <param name="json">The configuration, as for <see cref="Check"/>.</param>
    internal static bool IsTrappable(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);

        // A framebuffer is memory that guest and emulator both write without a fault; the default is a Cirrus card.
        return LibxlJson.Text(LibxlJson.Member(LibxlJson.Member(LibxlJson.Member(document.RootElement, "b_info"), "type.hvm"), "vga"), "kind") == "none";
    }

    /// <summary>The error of a domain whose pages cannot all be trapped.</summary>
    /// <param name="name">The domain's name.</param>
    internal static MigrationException Untrappable(string name) => new(
        MigrationErrorId.NotSupported,
        $"{name} has an emulated graphics card, whose framebuffer can be neither recorded nor sent after the domain runs.",
        "Move it by pre-copy (-Method PreCopy); or set vga=\"none\" and nographic=1 in its configuration and start it again.",
        name);

    /// <summary>
    /// Refuses a domain whose emulator carries something out that XenStore does not show: its network cards and disks stand
    /// there also where the guest uses the emulated ones.
    /// </summary>
    /// <param name="json">The configuration, as for <see cref="Check"/>.</param>
    /// <param name="name">The domain's name, for errors.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutputNotIsolable"/>, with the settings to take out.</exception>
    internal static void RequireSilent(string json, string name)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement build = LibxlJson.Member(document.RootElement, "b_info");
        JsonElement hvm = LibxlJson.Member(build, "type.hvm");
        string[] outputs =
        [
            .. s_outputs.Where(key => IsSet(LibxlJson.Member(hvm, key))),
            .. s_arguments.Where(key => IsSet(LibxlJson.Member(build, key))),
            .. s_devices.Where(key => IsSet(LibxlJson.Member(document.RootElement, key))),
        ];
        if (outputs.Length > 0)
        {
            throw new MigrationException(
                MigrationErrorId.OutputNotIsolable,
                $"What the device emulator of {name} sends out during the window cannot be held back: its configuration has {string.Join(", ", outputs)}.",
                "Use the mode Observe, which rolls nothing back; or take these settings out of its configuration and start it again.",
                name);
        }
    }

    private static MigrationException Refusal(string name, string reason, string remedy) => new(
        MigrationErrorId.NotSupported, $"{name} {reason}.",
        $"{remedy} in its configuration and start it again, or use `xl migrate`.", name);

    private static bool IsSet(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.String => value.GetString() != "",
        JsonValueKind.Undefined or JsonValueKind.Null => false,
        _ => true,
    };

    // libxl writes its three-valued booleans as text, and plain ones as JSON's.
    private static bool IsTrue(JsonElement element, string key) =>
        LibxlJson.Member(element, key).ValueKind == JsonValueKind.True || LibxlJson.Text(element, key) == "True";
}
