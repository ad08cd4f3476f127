using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Native;
using static PreRecordMigration.Xen.Admission.XlRules;

namespace PreRecordMigration.Xen.Admission;

/// <summary>Devices of libxl's JSON: each is read by its keys, and then judged as a whole by the policy's rules for its kind.</summary>
internal static class XlDevices
{
    /// <summary>Characters that neither a shell script nor a device emulator's option gives a meaning.</summary>
    private static readonly Regex s_harmless = new(@"\A[A-Za-z0-9/._+:@%=~^-]+\z", RegexOptions.NonBacktracking);

    /// <summary>The backend must be the control domain, whose number is 0.</summary>
    private static readonly XlRule s_backendId = Never("0");

    private static readonly XlRule s_deviceId = Number(-1, int.MaxValue);

    private static readonly XlRule s_script = Text(
        text => s_harmless.IsMatch(text) && PathPattern.IsPlain(PathPattern.ScriptPath(text)),
        "is no plain path: it has '..', or characters that a shell may give a meaning");

    /// <summary>What does no more with a path that is let in than open it.</summary>
    private static readonly PathPattern[] s_openers = [PathPattern.OfScript(HotplugScripts.Block), PathPattern.OfScript(HotplugScripts.Layer)];

    private static readonly XlRule s_interface = Form("[A-Za-z0-9._-]{1,15}", "name of an interface");

    /// <summary>The name of a block device in a guest.</summary>
    internal static readonly XlRule DeviceName = Form("[a-z0-9]{1,16}", "name of a device");

    /// <summary>The layout of a keyboard.</summary>
    internal static readonly XlRule Keymap = Form("[a-z0-9-]{1,16}", "layout of a keyboard");

    /// <summary>A display by VNC.</summary>
    internal static readonly XlRule Vnc = Map(
        ("enable", Flag),
        ("listen", Display),
        ("passwd", Form("[A-Za-z0-9._+-]{1,8}", "password of up to eight plain characters")),
        ("display", Number(0, 59635)),
        ("findunused", Flag));

    /// <summary>A display on the control domain's own screen.</summary>
    internal static readonly XlRule Sdl = Map(("enable", Never("False")), ("opengl", Flag), ("display", Never()), ("xauthority", Never()));

    /// <summary>A display by SPICE.</summary>
    internal static readonly XlRule Spice = Map(
        ("enable", Never("False")),
        ("port", Never("0")),
        ("tls_port", Never("0")),
        ("host", Never()),
        ("disable_ticketing", Flag),
        ("passwd", Never()),
        ("agent_mouse", Flag),
        ("vdagent", Never("False")),
        ("clipboard_sharing", Never("False")),
        ("usbredirection", Never("0")),
        ("image_compression", Never()),
        ("streaming_video", Never()));

    /// <summary>A paravirtualised screen.</summary>
    internal static readonly XlRule Vfb = Judged(
        Map(
            ("backend_domid", s_backendId),
            ("backend_domname", Never()),
            ("devid", s_deviceId),
            ("vnc", Vnc),
            ("sdl", Sdl),
            ("keymap", Keymap)),
        JudgeScreen);

    /// <summary>A paravirtualised keyboard; one that Linux serves is a device of the control domain.</summary>
    internal static readonly XlRule Vkb = Judged(
        Map(
            ("backend_domid", s_backendId),
            ("backend_domname", Never()),
            ("devid", s_deviceId),
            ("backend_type", Choice("unknown", "qemu")),
            ("unique_id", Never()),
            ("feature_disable_keyboard", Bit),
            ("feature_disable_pointer", Bit),
            ("feature_abs_pointer", Bit),
            ("feature_raw_pointer", Bit),
            ("feature_multi_touch", Bit),
            ("width", Number(0, 65535)),
            ("height", Number(0, 65535)),
            ("multi_touch_width", Number(0, 65535)),
            ("multi_touch_height", Number(0, 65535)),
            ("multi_touch_num_contacts", Number(0, 64))),
        JudgeKeyboard);

    /// <summary>A folder of the control domain. Xen's own server for folders is no emulator of the domain's: it runs as root.</summary>
    internal static readonly XlRule Share = Map(
        ("backend_domid", s_backendId),
        ("backend_domname", Never()),
        ("tag", Form("[A-Za-z0-9._-]{1,31}", "tag of up to 31 plain characters")),
        ("path", File("shares", policy => policy.Shares)),
        ("security_model", Choice("none")),
        ("devid", s_deviceId),
        ("type", Choice("unknown", "qemu")),
        ("max_space", Never("0")),
        ("max_files", Never("0")),
        ("max_open_files", Never("0")),
        ("auto_delete", Never("false")));

    /// <summary>A disk.</summary>
    internal static readonly XlRule Disk = Judged(
        Map(
            ("backend_domid", s_backendId),
            ("backend_domname", Never()),
            ("pdev_path", Text(s_harmless.IsMatch, "has characters that a script or a device emulator may give a meaning")),
            ("vdev", DeviceName),
            ("backend", Choice("unknown", "phy", "tap", "qdisk")),
            ("format", Choice("unknown", "qcow", "qcow2", "vhd", "raw", "empty", "qed")),
            ("script", s_script),
            ("removable", Number(0, 1)),
            ("readwrite", Number(0, 1)),
            ("is_cdrom", Number(0, 1)),
            ("direct_io_safe", Bit),
            ("discard_enable", Flag),
            ("specification", Choice("unknown", "xen")),
            ("transport", Never("unknown")),
            ("irq", Never("0")),
            ("base", Never("0")),
            ("colo_enable", Never("False")),
            ("colo_restore_enable", Never("False")),
            ("colo_host", Never()),
            ("colo_port", Never("0")),
            ("colo_export", Never()),
            ("active_disk", Never()),
            ("hidden_disk", Never()),
            ("trusted", Flag),
            ("grant_usage", Flag)),
        JudgeDisk);

    /// <summary>Settings of a network card that must not be set at all: they belong to COLO's replication.</summary>
    private static readonly string[] s_colo =
    [
        "coloft_forwarddev",
        .. from socket in new[]
           {
               "mirror", "compare_pri_in", "compare_sec_in", "compare_notify", "redirector0", "redirector1", "redirector2",
               "sec_redirector0", "sec_redirector1",
           }
           from part in new[] { "id", "ip", "port" }
           select $"colo_sock_{socket}_{part}",
        "colo_filter_mirror_queue", "colo_filter_mirror_outdev",
        .. from filter in new[] { "redirector0", "redirector1", "sec_redirector0", "sec_redirector1" }
           from part in new[] { "queue", "indev", "outdev" }
           select $"colo_filter_{filter}_{part}",
        "colo_filter_sec_rewriter0_queue",
        "colo_compare_pri_in", "colo_compare_sec_in", "colo_compare_out", "colo_compare_notify_dev",
        "colo_checkpoint_host", "colo_checkpoint_port",
    ];

    /// <summary>A network card.</summary>
    internal static readonly XlRule Nic = Judged(
        Map(
        [
            ("backend_domid", s_backendId),
            ("backend_domname", Never()),
            ("devid", s_deviceId),
            ("mtu", Number(0, 65535)),
            ("vlan", Never()),
            ("model", Choice("rtl8139", "e1000", "e1000e", "ne2k_pci", "pcnet", "virtio-net", "virtio-net-pci", "netfront")),
            ("mac", Form("[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", "MAC address")),
            ("ip", Text(IsAddressList, "is no list of IP addresses")),
            ("bridge", Form("[A-Za-z0-9._:-]{1,64}", "name of a bridge")),
            ("ifname", s_interface),
            ("script", s_script),
            ("nictype", Choice("unknown", "vif_ioemu", "vif")),
            ("rate_bytes_per_interval", Number(0, long.MaxValue)),
            ("rate_interval_usecs", Number(0, uint.MaxValue)),
            ("gatewaydev", s_interface),
            .. s_colo.Select(key => (key, Never())),
            ("trusted", Flag),
        ]),
        JudgeNic);

    private static XlRule Judged(XlRule rule, Action<JsonObject, string, XlAdmission> judge) => (value, path, admission) =>
    {
        if (rule(value, path, admission) is not JsonObject built)
        {
            return null;
        }

        judge(built, path, admission);
        return built;
    };

    private static void JudgeDisk(JsonObject disk, string path, XlAdmission admission)
    {
        string? target = Word(disk, "pdev_path");
        string format = Word(disk, "format") ?? "unknown";
        string backend = Word(disk, "backend") ?? "unknown";
        string? script = Word(disk, "script") is { } name ? PathPattern.ScriptPath(name) : null;
        bool writes = disk["readwrite"]?.GetValue<long>() == 1;
        if (target is null)
        {
            if (format is not "empty" || Word(disk, "script") is not null)
            {
                admission.Refuse($"{path}.pdev_path", "it is missing, and only an empty drive has none");
            }

            return;
        }

        if (script is not null)
        {
            disk["script"] = script;
        }

        if (!PathPattern.IsPlain(target))
        {
            admission.Refuse($"{path}.pdev_path", $"{XlAdmission.Show(target)} is no absolute path without '..'");
            return;
        }

        DiskRule[] named = [.. admission.Policy.Disks.Where(rule => rule.Paths.Any(pattern => pattern.Matches(target)))];
        if (named.Any(rule => HasBackend(rule, backend) && rule.Formats.Contains(format) && HasScript(rule, script) && (rule.MayWrite || !writes)))
        {
            return;
        }

        string line = DiskLine(target, backend, format, script);
        (string key, string reason) =
            named.Length == 0 ? ("pdev_path", $"{XlAdmission.Show(target)} is not let in, nor what it leads to")
            : !named.Any(rule => HasBackend(rule, backend)) ? ("backend", $"{backend} is not let in for {XlAdmission.Show(target)}")
            : !named.Any(rule => rule.Formats.Contains(format)) ? ("format", $"{format} is not let in for {XlAdmission.Show(target)}")
            : !named.Any(rule => HasScript(rule, script)) ? ("script", $"{XlAdmission.Show(script)} is not let in for {XlAdmission.Show(target)}")
            : !named.Any(rule => rule.MayWrite || !writes) ? ("readwrite", $"{XlAdmission.Show(target)} may be read only")
            : ("pdev_path", $"no rule lets all of {XlAdmission.Show(target)} in: its backend, format, script and access");
        admission.Refuse($"{path}.{key}", reason, line);
    }

    private static bool HasBackend(DiskRule rule, string backend) =>
        backend == "unknown" ? rule.Backends.Contains("phy") && rule.Backends.Contains("qdisk") : rule.Backends.Contains(backend);

    private static bool HasScript(DiskRule rule, string? script) =>
        script is null || s_openers.Concat(rule.Scripts).Any(pattern => pattern.Matches(script));

    private static string DiskLine(string target, string backend, string format, string? script)
    {
        string line = $"\"paths\": [{XlAdmission.Show(target)}]";
        line += backend is "phy" or "qdisk" or "unknown" ? "" : $", \"backends\": [\"{backend}\"]";
        line += format is "raw" or "unknown" or "empty" ? "" : $", \"formats\": [\"{format}\"]";
        line += script is null ? "" : $", \"scripts\": [{XlAdmission.Show(script)}]";
        return $"\"disks\": [{{ {line} }}]";
    }

    private static void JudgeNic(JsonObject nic, string path, XlAdmission admission)
    {
        // Where the configuration names neither bridge nor script, the toolstack takes these.
        string bridge = Word(nic, "bridge") ?? "xenbr0";
        string script = PathPattern.ScriptPath(Word(nic, "script") ?? "vif-bridge");
        string? card = Word(nic, "ifname");
        string? gateway = Word(nic, "gatewaydev");
        nic["bridge"] = bridge;
        nic["script"] = script;
        NetworkRule[] named = [.. admission.Policy.Networks.Where(rule => rule.Bridges.Any(pattern => pattern.Matches(bridge)))];
        if (named.Any(rule => HasScript(rule, script) && Has(rule.Interfaces, card) && Has(rule.Gateways, gateway)))
        {
            return;
        }

        string line = NetworkLine(bridge, script, card, gateway);
        (string key, string reason) =
            named.Length == 0 ? ("bridge", $"{XlAdmission.Show(bridge)} is not let in")
            : !named.Any(rule => HasScript(rule, script)) ? ("script", $"{XlAdmission.Show(script)} is not let in for the bridge {XlAdmission.Show(bridge)}")
            : !named.Any(rule => Has(rule.Interfaces, card)) ? ("ifname", $"the name {XlAdmission.Show(card)} is not let in")
            : !named.Any(rule => Has(rule.Gateways, gateway)) ? ("gatewaydev", $"{XlAdmission.Show(gateway)} is not let in")
            : ("bridge", $"no rule lets all of it in: the bridge {XlAdmission.Show(bridge)}, its script, its name and its gateway");
        admission.Refuse($"{path}.{key}", reason, line);
    }

    private static bool HasScript(NetworkRule rule, string script) => rule.Scripts.Any(pattern => pattern.Matches(script));

    private static bool Has(IReadOnlyList<NamePattern> patterns, string? name) => name is null || patterns.Any(pattern => pattern.Matches(name));

    private static string NetworkLine(string bridge, string script, string? card, string? gateway)
    {
        string line = $"\"bridges\": [{XlAdmission.Show(bridge)}]";
        line += PathPattern.OfScript("vif-bridge").Text == script ? "" : $", \"scripts\": [{XlAdmission.Show(script)}]";
        line += card is null ? "" : $", \"interfaces\": [{XlAdmission.Show(card)}]";
        line += gateway is null ? "" : $", \"gateways\": [{XlAdmission.Show(gateway)}]";
        return $"\"networks\": [{{ {line} }}]";
    }

    /// <summary>Judges a display. Where nothing else is said, the toolstack shows it on loopback.</summary>
    internal static void RequireShown(JsonObject? vnc, string path, XlAdmission admission)
    {
        string loopback = IPAddress.Loopback.ToString();
        if (vnc is null || (Word(vnc, "enable") != "False" && vnc["listen"] is null))
        {
            if (!admission.Policy.Displays.Contains(loopback))
            {
                admission.Refuse(path, $"a display at {loopback} is not let in", Line("displays", loopback));
            }
        }
    }

    private static void JudgeScreen(JsonObject screen, string path, XlAdmission admission) =>
        RequireShown(screen["vnc"] as JsonObject, $"{path}.vnc", admission);

    /// <summary>Judges a keyboard: it starts a device emulator, as root, for a domain that otherwise has none.</summary>
    private static void JudgeKeyboard(JsonObject keyboard, string path, XlAdmission admission)
    {
        if (admission.Policy.Displays.Count == 0)
        {
            admission.Refuse(path, "screens and keyboards are not let in", Line("displays", IPAddress.Loopback.ToString()));
        }
    }

    /// <summary>Whether a text is a list of addresses without scopes: a scope could hold anything, and names an interface of one host
    /// only.</summary>
    private static bool IsAddressList(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 and <= 64 } addresses
        && addresses.All(address => address.All(c => char.IsAsciiHexDigit(c) || c is '.' or ':' or '/')
            && (IPAddress.TryParse(address, out _) || IPNetwork.TryParse(address, out _)));

    private static string? Word(JsonObject device, string key) => device[key] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
