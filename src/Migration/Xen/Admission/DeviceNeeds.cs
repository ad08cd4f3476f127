using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using PreRecordMigration.Files;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Admission;

/// <summary>
/// Finds what the devices of a domain need and its new host has not, or has otherwise than the domain knows it: what libxl and its scripts would
/// stumble over when the domain has stopped at its source already.
/// </summary>
/// <param name="configuration">The domain's configuration, of which a policy let all in that is looked at.</param>
/// <param name="isRefused">Whether a policy refused the device at a place such as "disks[0]": whoever sends it does not hear what stands there.</param>
/// <param name="host">The host.</param>
internal sealed class DeviceNeeds(XenDomainConfiguration configuration, Func<string, bool> isRefused, IHostDevices host)
{
    private const int Sector = 512;

    /// <summary>Where the header of a disk in QEMU's own formats has its size, behind these bytes.</summary>
    private const int SizeOffset = 24;

    private const string OldBridge = "xenbr";
    private const string DefaultBridge = "xenbr0";
    private const string TakeSame = "Let the two hosts share it under this path, or keep a copy in step with it; or give the domain another disk.";

    private static readonly string s_block = PathPattern.ScriptPath(HotplugScripts.Block);
    private static readonly string s_layer = PathPattern.ScriptPath(HotplugScripts.Layer);

    /// <summary>What the script that puts a mapped device under a disk runs, where Debian has it, and in which package.</summary>
    private static readonly (string Name, string[] Paths, string Package)[] s_layerPrograms =
    [
        ("dmsetup", ["/usr/sbin/dmsetup", "/sbin/dmsetup"], "dmsetup"),
        ("losetup", ["/usr/sbin/losetup", "/sbin/losetup"], "mount"),
    ];

    /// <summary>Where libxl of Debian, of its predecessors and as it is built from source has its device emulator.</summary>
    private static readonly string[] s_emulators =
    [
        "/usr/libexec/xen-qemu-system-i386", "/usr/lib/xen-4.17/bin/qemu-system-i386", "/usr/lib/xen/bin/qemu-system-i386",
        "/usr/local/lib/xen/bin/qemu-system-i386", "/usr/libexec/xen/bin/qemu-system-i386", "/usr/bin/qemu-system-i386", "/usr/bin/qemu-system-x86_64",
    ];

    private readonly List<AdmissionRefusal> _missing = [];
    private readonly List<string> _emulated = [];
    private volatile string _at = "device";
    private bool _runsScripts;

    /// <summary>The device that is looked at, for whoever waits.</summary>
    internal string At => _at;

    /// <summary>Looks at each device.</summary>
    /// <returns>What is missing, each with what to do; nothing where all is there.</returns>
    internal IReadOnlyList<AdmissionRefusal> FindMissing()
    {
        using JsonDocument document = JsonDocument.Parse(configuration.Json);
        JsonElement root = document.RootElement;
        JsonElement identity = LibxlJson.Member(root, "c_info");
        _runsScripts = LibxlJson.Text(identity, "run_hotplug_scripts") != "False";
        Each(root, "disks", Disk);
        Each(root, "nics", Card);
        Each(root, "p9s", Share);
        Each(root, "vfbs", (_, index) => _emulated.Add(Numbered("screen", index)));
        if (LibxlJson.Text(identity, "type") == "hvm")
        {
            _emulated.Add("every HVM domain");
        }

        Emulator(LibxlJson.Text(LibxlJson.Member(root, "b_info"), "device_model"));
        return _missing;
    }

    private void Disk(JsonElement disk, int index)
    {
        string name = LibxlJson.Text(disk, "vdev") is { } vdev ? $"disk {vdev}" : Numbered("disk", index);
        if (LibxlJson.Text(disk, "pdev_path") is not { Length: > 0 } target || LibxlJson.Text(disk, "format") == "empty" || IsElsewhere(disk, name))
        {
            return;
        }

        long expected = index < configuration.DiskBytes.Count ? configuration.DiskBytes[index] : 0;
        string script = PathPattern.ScriptPath(LibxlJson.Text(disk, "script") ?? s_block);
        if (script != s_block && script != s_layer)
        {
            // What a script of one's own makes of its target is its matter.
            Script(name, script);
        }
        else if (PathPattern.IsPlain(target))
        {
            _at = name;
            Target(disk, name, target, expected, host.Look(target), script);
        }
        else if (LibxlJson.Text(disk, "backend") != "phy")
        {
            // A target of QEMU's own, such as nbd:…; only of a domain of this host, whose policy would have refused it.
            _emulated.Add(name);
        }
    }

    private void Target(JsonElement disk, string name, string target, long expected, FollowedFile file, string script)
    {
        string backend = LibxlJson.Text(disk, "backend") ?? "unknown";

        // Where the script is named, libxl leaves all to it, and that makes a loop device of a file.
        bool isOfScript = LibxlJson.Text(disk, "script") is not null;
        bool isByKernel = backend == "phy" || (backend == "unknown" && (isOfScript || (file.IsBlock && LibxlJson.Text(disk, "format") == "raw")));
        if (ProblemOf(disk, target, expected, file, isByKernel && !isOfScript) is { } problem)
        {
            Miss(name, $"{XlAdmission.Show(target)} {problem.Reason}", problem.Remedy);
        }

        if (isByKernel)
        {
            Script(name, script);
        }
        else if (backend == "qdisk" || (backend == "unknown" && file.Kind != FileKind.None))
        {
            _emulated.Add(name);
        }
    }

    private (string Reason, string Remedy)? ProblemOf(JsonElement disk, string target, long expected, FollowedFile file, bool mustBeBlock)
    {
        if (file.Problem is { } problem)
        {
            return ($"cannot be looked at ({problem})", "See there what is the matter with it.");
        }

        if (file.Kind == FileKind.None)
        {
            return ("is not there", TakeSame);
        }

        if (!file.IsBlock && file.Kind != FileKind.Regular)
        {
            return ("is neither a file nor a block device", TakeSame);
        }

        if (mustBeBlock && !file.IsBlock)
        {
            return ("is a file, and its backend (phy) takes block devices alone",
                "Put it on a block device (LVM, losetup) at both hosts, or have QEMU serve it (backendtype=qdisk).");
        }

        long? actual = LibxlJson.Text(disk, "format") switch
        {
            "raw" => file.Bytes / Sector * Sector,
            "qcow" or "qcow2" => SizeIn(host.Head(target, SizeOffset + sizeof(long)).Span),
            _ => null,
        };
        if (expected > 0 && actual is { } bytes && bytes != expected)
        {
            return (string.Create(CultureInfo.InvariantCulture, $"has {bytes} bytes, and {expected} at the source: it is not the same disk"), TakeSame);
        }

        if (!file.IsReadable)
        {
            return ("cannot be read", "Let root read it there.");
        }

        return file.IsWritable || Number(disk, "readwrite") != 1
            ? null
            : ("can only be read, and the domain writes it", "Make it writable there (blockdev --setrw, the mount's options), or give the domain the disk to read (access=ro).");
    }

    private void Card(JsonElement card, int index)
    {
        string name = Numbered("network card", Number(card, "devid") is >= 0 and <= int.MaxValue and { } devid ? (int)devid : index);
        if (IsElsewhere(card, name))
        {
            return;
        }

        _at = name;
        string script = PathPattern.ScriptPath(LibxlJson.Text(card, "script") ?? "vif-bridge");
        Script(name, script);
        string bridge = LibxlJson.Text(card, "bridge") ?? DefaultBridge;
        string shown = XlAdmission.Show(bridge);
        switch (Path.GetFileName(script))
        {
            case "vif-bridge" when !IsBridge(bridge):
                string what = host.IsInterface(bridge) ? $"{shown} is no bridge" : $"there is no bridge {shown}";
                Miss(name, what, $"Make the bridge there (ip link add name {bridge} type bridge, with the interface that leads outside), or give the card another one (bridge=).");
                break;
            case "vif-openvswitch" when !host.IsInterface(bridge.Split('.', ':')[0]):
                Miss(name, $"there is no switch {shown}", "Make the switch there (ovs-vsctl add-br), or give the card another one (bridge=).");
                break;
            case "vif-route" when LibxlJson.Text(card, "gatewaydev") is { Length: > 0 } gateway && !host.IsInterface(gateway):
                Miss(name, $"there is no interface {XlAdmission.Show(gateway)}", "Give the card an interface that is there (gatewaydev=).");
                break;
            default:
                break;
        }
    }

    /// <summary>Whether the toolstack's script finds a bridge of a name. It takes a name of long ago for that of today: xenbr0 for eth0.</summary>
    private bool IsBridge(string name) =>
        host.IsBridge(name)
        || (name.StartsWith(OldBridge, StringComparison.Ordinal) && !host.IsInterface(name) && host.IsBridge($"eth{name[OldBridge.Length..]}"));

    private void Share(JsonElement share, int index)
    {
        string name = LibxlJson.Text(share, "tag") is { } tag ? $"share {tag}" : Numbered("share", index);
        if (IsElsewhere(share, name) || LibxlJson.Text(share, "path") is not { } path || !PathPattern.IsPlain(path))
        {
            return;
        }

        _at = name;
        _emulated.Add(name);
        if (host.Look(path).Kind != FileKind.Folder)
        {
            Miss(name, $"there is no folder {XlAdmission.Show(path)}", "Let the two hosts share it under this path, or detach it from the domain.");
        }
    }

    /// <summary>What QEMU serves needs QEMU.</summary>
    private void Emulator(string? named)
    {
        if (_emulated.Count == 0)
        {
            return;
        }

        _at = "emulator";
        string[] programs = named is null ? s_emulators : PathPattern.IsPlain(named) ? [named] : [];
        if (programs.Length > 0 && !programs.Any(IsProgram))
        {
            Miss(
                "emulator", named is null ? $"there is no QEMU, which {_emulated[0]} needs" : $"{XlAdmission.Show(named)} is no program that can be started",
                "Install it there (Debian: apt-get install qemu-system-xen).");
        }
    }

    private void Script(string device, string script)
    {
        if (!_runsScripts || !PathPattern.IsPlain(script))
        {
            return;
        }

        _at = device;
        FollowedFile file = host.Look(script);
        if (file.Kind != FileKind.Regular)
        {
            string where = script == s_layer
                ? "Install it there (Debian: this module's package has it; else: install -m 755 scripts/block-prerecord /etc/xen/scripts/, from the module's folder)."
                : "Install it there as it is at the source (Debian: xen-utils-common has the toolstack's own).";
            Miss(device, $"its script {XlAdmission.Show(script)} is not there", where);
        }
        else if (!file.IsExecutable)
        {
            Miss(device, $"its script {XlAdmission.Show(script)} may not be executed", "Make it executable there (chmod +x).");
        }

        foreach ((string program, string[] paths, string package) in script == s_layer ? s_layerPrograms : [])
        {
            if (!paths.Any(IsProgram))
            {
                Miss(device, $"its script {XlAdmission.Show(script)} needs {program}, which is not there", $"Install it there (apt-get install {package}).");
            }
        }
    }

    private bool IsProgram(string path) => host.Look(path) is { Kind: FileKind.Regular, IsExecutable: true };

    /// <summary>Whether a device has its backend in another domain, where nothing can be looked at but that the domain is there.</summary>
    private bool IsElsewhere(JsonElement device, string name)
    {
        if (LibxlJson.Text(device, "backend_domname") is { Length: > 0 } domain)
        {
            if (!host.IsDomain(domain))
            {
                Miss(name, $"the domain {XlAdmission.Show(domain)}, which has its backend, is not there", "Start that domain first.");
            }

            return true;
        }

        return Number(device, "backend_domid") is not (null or 0);
    }

    private void Each(JsonElement root, string kind, Action<JsonElement, int> look)
    {
        if (LibxlJson.Member(root, kind) is not { ValueKind: JsonValueKind.Array } list)
        {
            return;
        }

        int index = 0;
        foreach (JsonElement device in list.EnumerateArray())
        {
            if (device.ValueKind == JsonValueKind.Object && !isRefused(string.Create(CultureInfo.InvariantCulture, $"{kind}[{index}]")))
            {
                look(device, index);
            }

            index++;
        }
    }

    private void Miss(string device, string reason, string remedy)
    {
        if (_missing.Count < AdmissionVerdict.MostRefusals)
        {
            _missing.Add(AdmissionRefusal.OfDevice(device, reason, remedy));
        }
    }

    /// <summary>The size that stands in the header of a disk in QEMU's format, which a guest may have written; 0 where it is none.</summary>
    private static long SizeIn(ReadOnlySpan<byte> head) =>
        head.Length == SizeOffset + sizeof(long) && head.StartsWith("QFI"u8) && head["QFI"u8.Length] == 0xfb
            ? (long)Math.Min(BinaryPrimitives.ReadUInt64BigEndian(head[SizeOffset..]), long.MaxValue)
            : 0;

    private static string Numbered(string what, int index) => string.Create(CultureInfo.InvariantCulture, $"{what} {index}");

    private static long? Number(JsonElement element, string key) =>
        LibxlJson.Member(element, key) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out long value) ? value : null;
}
