using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;
using PreRecordMigration.Tests.Xen.Streams;
using PreRecordMigration.Texts;
using PreRecordMigration.Xen.Admission;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Admission;

/// <summary>What of a peer's configuration reaches the toolstack, and what is refused and by which line it would be let in.</summary>
public partial class XlAdmissionTests
{
    /// <summary>The policy of the lab's hosts, which its own guests must pass.</summary>
    private static readonly string Lab = Resource("lab-policy.json");

    private static readonly JsonDocumentOptions s_withComments = new() { CommentHandling = JsonCommentHandling.Skip };

    [Theory]
    [InlineData(StrippedSaveFile.OneVcpu, "i88", DomainKind.Pvh)]
    [InlineData(StrippedSaveFile.TwoVcpus, "writer2", DomainKind.Pvh)]
    [InlineData(StrippedSaveFile.Hvm, "hvm", DomainKind.Hvm)]
    public void What_a_real_toolstack_says_of_a_domain_goes_on_as_it_was(string file, string name, DomainKind kind)
    {
        string json = new XenStreamReader(new MemoryStream(StrippedSaveFile.Load(file))).ReadAll().OfType<XlHeader>().Single().Configuration!;
        DomainDescription announced = Announced(name, kind) with { VcpuCount = file == StrippedSaveFile.TwoVcpus ? 2 : 1 };
        string built = XlAdmission.Build(Read(Lab), announced, json, long.MaxValue, out IReadOnlyList<AdmissionRefusal> refusals, out _);
        Assert.Empty(refusals);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(json), JsonNode.Parse(built)), built);
    }

    [Fact]
    public void Without_a_policy_a_domain_is_refused_and_each_line_says_what_it_needs()
    {
        AdmissionRefusal[] refusals = Refusals(new AdmissionPolicy("/none"), Domain());
        Assert.Equal(
            ["\"kinds\": [\"pvh\"]", "\"kernels\": [\"/lab/vmlinux\"]", "\"ramdisks\": [\"/lab/guest.cpio.gz\"]"],
            refusals.Select(refusal => refusal.AllowedBy).OrderByDescending(line => line.StartsWith("\"kinds", StringComparison.Ordinal)).ToArray());
    }

    [Theory]
    [InlineData("pv", DomainKind.PV, "pvh")]
    [InlineData("pvh", DomainKind.Pvh, "hvm")]
    [InlineData("hvm", DomainKind.Hvm, "pv\", \"pvh")]
    public void A_kind_that_the_policy_does_not_name_is_refused_with_the_line_that_lets_it_in(string type, DomainKind kind, string named)
    {
        JsonObject policy = JsonNode.Parse(Lab, null, s_withComments)!.AsObject();
        policy["kinds"] = JsonNode.Parse($"[\"{named}\"]");
        string json = Domain(type);
        AdmissionRefusal refusal = Assert.Single(
            Refusals(Read(policy.ToJsonString()), json, kind), refused => refused.Setting == "c_info.type");
        Assert.Equal($"{type} domains are not let in", refusal.Reason);
        Assert.Equal($"\"kinds\": [\"{type}\"]", refusal.AllowedBy);
        policy["kinds"] = JsonNode.Parse($"[\"{named}\", \"{type}\"]");
        Assert.DoesNotContain(Refusals(Read(policy.ToJsonString()), json, kind), refused => refused.Setting == "c_info.type");
    }

    public static TheoryData<string, string, string?> Hostile => new()
    {
        { "b_info.device_model", "\"/tmp/evil\"", "deviceModels" },
        { "b_info.extra", "[\"-chardev\", \"file,id=x,path=/etc/cron.d/x\"]", "deviceModelArguments" },
        { "b_info.extra_pv", "[\"-monitor\"]", "deviceModelArguments" },
        { "b_info.extra_hvm", "[\"-hda\"]", "deviceModelArguments" },
        { "b_info.kernel", "\"/etc/shadow\"", "kernels" },
        { "b_info.kernel", "\"/lab/../etc/shadow\"", null },
        { "b_info.kernel", "\"etc/shadow\"", null },
        { "b_info.ramdisk", "\"/etc/shadow\"", "ramdisks" },
        { "b_info.bootloader", "\"/tmp/evil\"", "bootloaders" },
        { "b_info.bootloader_args", "[\"--output-directory=/etc\"]", "bootloaderArguments" },
        { "b_info.stubdomain_kernel", "\"/etc/shadow\"", null },
        { "b_info.stubdomain_ramdisk", "\"/etc/shadow\"", null },
        { "b_info.device_model_user", "\"root\"", null },
        { "b_info.device_model_stubdomain", "\"True\"", null },
        { "b_info.device_model_version", "\"qemu_xen_traditional\"", null },
        { "b_info.device_tree", "\"/etc/shadow\"", null },
        { "b_info.ioports", "[{ \"first\": 112, \"number\": 2 }]", null },
        { "b_info.irqs", "[9]", null },
        { "b_info.iomem", "[{ \"start\": 1, \"number\": 1 }]", null },
        { "b_info.exec_ssid_label", "\"system_u:system_r:dom0_t\"", "labels" },
        { "b_info.nested_hvm", "\"True\"", "features" },
        { "b_info.altp2m", "\"external\"", "features" },
        { "b_info.vpmu", "\"True\"", "features" },
        { "b_info.vmtrace_buf_kb", "1048576", "features" },
        { "b_info.sched_params", "{ \"sched\": \"credit2\", \"weight\": 65535 }", "features" },
        { "b_info.sched_params", "{ \"weight\": 257 }", "features" },
        { "b_info.sched_params", "{ \"sched\": \"rtds\", \"period\": 10000, \"budget\": 10000 }", "features" },
        { "b_info.sched_params", "{ \"extratime\": 1 }", "features" },
        { "b_info.sched_params", "{ \"weight\": 65536 }", null },
        { "b_info.cpumap", "[0]", "features" },
        { "b_info.nodemap", "[0]", "features" },
        { "b_info.vcpu_hard_affinity", "[[0]]", "features" },
        { "b_info.vcpu_soft_affinity", "[[0]]", "features" },
        { "b_info.arch_x86", "{ \"msr_relaxed\": \"True\" }", "features" },
        { "b_info.max_vcpus", "4096", null },
        { "b_info.max_vcpus", "1.0", null },
        { "b_info.avail_vcpus", "[7]", null },
        { "b_info.event_channels", "-1", null },
        { "b_info.cmdline", "\"a\\nb\"", null },
        { "b_info.type.hvm", "{ \"serial\": \"file:/etc/passwd\" }", null },
        { "b_info.type.pv", "{}", null },
        { "b_info.type.pvh", "{ \"pvshim_path\": \"/etc/shadow\" }", "firmware" },
        { "c_info.ssidref", "3", null },
        { "c_info.ssid_label", "\"system_u:system_r:dom0_t\"", "labels" },
        { "c_info.poolid", "7", null },
        { "c_info.pool_name", "\"second\"", "pools" },
        { "c_info.driver_domain", "\"True\"", "features" },
        { "c_info.passthrough", "\"enabled\"", null },
        { "c_info.xsdata", "{ \"device/vbd\": \"x\" }", null },
        { "c_info.platformdata", "{ \"x\": \"y\" }", null },
        { "c_info.name", "\"another\"", null },
        { "c_info.uuid", "\"no-uuid\"", null },
        { "c_info.uuid", "\"00000000-0000-0000-0000-000000000000\"", null },
        { "c_info.type", "\"hvm\"", null },
        { "on_crash", "\"coredump_destroy\"", "features" },
        { "on_reboot", "\"exec\"", null },
        { "disks", "[{ \"pdev_path\": \"/dev/sda\", \"vdev\": \"xvda\", \"backend\": \"phy\", \"format\": \"raw\", \"readwrite\": 1 }]", "disks" },
        { "disks", "[{ \"pdev_path\": \"/tmp/devices.img\", \"format\": \"qcow2\" }]", "disks" },
        { "disks", "[{ \"pdev_path\": \"/tmp/devices.img\", \"format\": \"raw\", \"backend\": \"tap\" }]", "disks" },
        { "disks", "[{ \"pdev_path\": \"/tmp/devices.img\", \"format\": \"raw\", \"script\": \"/tmp/evil\" }]", "disks" },
        { "disks", "[{ \"pdev_path\": \"/tmp/devices.img\", \"format\": \"raw\", \"script\": \"../../../tmp/evil\" }]", null },
        { "disks", "[{ \"pdev_path\": \"/tmp/../dev/sda\", \"format\": \"raw\" }]", null },
        { "disks", "[{ \"pdev_path\": \"nbd:10.0.0.1:80\", \"format\": \"raw\" }]", null },
        { "disks", "[{ \"pdev_path\": \"/tmp/x,file=/etc/shadow\", \"format\": \"raw\" }]", null },
        { "disks", "[{ \"pdev_path\": \"/tmp/$(evil)\", \"format\": \"raw\" }]", null },
        { "disks", "[{ \"format\": \"raw\" }]", null },
        { "disks", "[{ \"pdev_path\": \"/tmp/devices.img\", \"format\": \"raw\", \"backend_domid\": 3 }]", null },
        { "disks", "[{ \"pdev_path\": \"/tmp/devices.img\", \"format\": \"raw\", \"backend_domname\": \"other\" }]", null },
        { "disks", "[{ \"pdev_path\": \"/tmp/devices.img\", \"format\": \"raw\", \"colo_host\": \"x\" }]", null },
        { "disks", "[{ \"pdev_path\": \"/tmp/devices.img\", \"format\": \"raw\", \"active_disk\": \"/etc/shadow\" }]", null },
        { "nics", "[{ \"bridge\": \"control\" }]", "networks" },
        { "nics", "[{ \"bridge\": \"xenbr0\", \"script\": \"/tmp/evil\" }]", "networks" },
        { "nics", "[{ \"bridge\": \"xenbr0\", \"script\": \"lab-vif\", \"ifname\": \"eth0\" }]", "networks" },
        { "nics", "[{ \"bridge\": \"xenbr0\", \"script\": \"lab-vif\", \"gatewaydev\": \"eth0\" }]", "networks" },
        { "nics", "[{ \"script\": \"lab-vif\", \"bridge\": \"xenbr0;reboot\" }]", null },
        { "nics", "[{ \"script\": \"lab-vif\", \"ip\": \"10.0.0.1;reboot\" }]", null },
        { "nics", "[{ \"script\": \"lab-vif\", \"mac\": \"00:16:3e:00:00:01,x\" }]", null },
        { "nics", "[{ \"script\": \"lab-vif\", \"model\": \"rtl8139,script=/tmp/evil\" }]", null },
        { "nics", "[{ \"script\": \"lab-vif\", \"mtu\": 70000 }]", null },
        { "nics", "[{ \"script\": \"lab-vif\", \"rate_bytes_per_interval\": -1 }]", null },
        { "nics", "[{ \"script\": \"lab-vif\", \"backend_domname\": \"other\" }]", null },
        { "nics", "[{ \"script\": \"lab-vif\", \"colo_checkpoint_host\": \"x\" }]", null },
        { "p9s", "[{ \"tag\": \"root\", \"path\": \"/\", \"security_model\": \"none\" }]", null },
        { "p9s", "[{ \"tag\": \"root\", \"path\": \"/etc\", \"security_model\": \"none\" }]", "shares" },
        { "pcidevs", "[{ \"dev\": 3, \"bus\": 0 }]", null },
        { "rdms", "[{ \"start\": 0, \"size\": 4096 }]", null },
        { "dtdevs", "[{ \"path\": \"/soc\" }]", null },
        { "usbctrls", "[{ \"type\": \"pv\" }]", null },
        { "usbdevs", "[{ \"type.hostdev\": { \"hostbus\": 1, \"hostaddr\": 2 } }]", null },
        { "vtpms", "[{ \"backend_domname\": \"vtpm\" }]", null },
        { "pvcallsifs", "[{ \"devid\": 0 }]", null },
        { "vdispls", "[{ \"devid\": 0 }]", null },
        { "vsnds", "[{ \"devid\": 0 }]", null },
        { "channels", "[{ \"name\": \"a\", \"connection.socket\": { \"path\": \"/etc/x\" } }]", null },
        { "channels", "[{ \"name\": \"a\", \"connection.pty\": {} }]", null },
        { "vfbs", "[{ \"vnc\": { \"enable\": \"True\", \"listen\": \"0.0.0.0\" } }]", "displays" },
        { "vfbs", "[{ \"vnc\": { \"enable\": \"True\" } }]", "displays" },
        { "vfbs", "[{}]", "displays" },
        { "vfbs", "[{ \"vnc\": { \"enable\": \"False\" }, \"sdl\": { \"enable\": \"True\" } }]", null },
        { "vfbs", "[{ \"vnc\": { \"listen\": \"127.0.0.1:1,tls\" } }]", null },
        { "vkbs", "[{ \"devid\": 0 }]", "displays" },
        { "vkbs", "[{ \"backend_type\": \"linux\", \"unique_id\": \"/dev/input/event0\" }]", null },
        { "unheard_of", "\"x\"", null },
        { "b_info.unheard_of", "\"x\"", null },
        { "event_hook", "\"/tmp/evil\"", null },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void What_the_policy_does_not_name_is_refused_by_its_name_with_the_line_that_lets_it_in(string path, string value, string? key)
    {
        string json = With(Domain(), path, value);
        AdmissionRefusal[] refusals = Refusals(Read(Lab), json);
        Assert.NotEmpty(refusals);
        Assert.Contains(refusals, refusal => refusal.Setting.StartsWith(path.Split('[')[0], StringComparison.Ordinal) || path == "b_info.type.hvm");
        if (key is null)
        {
            Assert.Contains(refusals, refusal => refusal.AllowedBy.Length == 0);
            return;
        }

        // With the lines that the refusals name the domain comes in.
        Assert.All(refusals, refusal => Assert.StartsWith($"\"{key}\"", refusal.AllowedBy, StringComparison.Ordinal));
        JsonObject policy = JsonNode.Parse(Lab, null, s_withComments)!.AsObject();
        foreach (AdmissionRefusal refusal in refusals)
        {
            JsonArray line = JsonNode.Parse($"{{ {refusal.AllowedBy} }}")!.AsObject().Single().Value!.AsArray();
            JsonArray there = policy[key] as JsonArray ?? (JsonArray)(policy[key] = new JsonArray());
            foreach (JsonNode? item in line)
            {
                there.Add(item!.DeepClone());
            }
        }

        Assert.Empty(Refusals(Read(policy.ToJsonString()), json));
    }

    [Theory]
    [InlineData("hvm", "vnc", "{ \"enable\": \"True\" }", "displays")]
    [InlineData("hvm", "vnc", "{}", "displays")]
    [InlineData("hvm", "vnc", "{ \"enable\": \"True\", \"listen\": \"0.0.0.0\" }", "displays")]
    [InlineData("hvm", "sdl", "{ \"enable\": \"True\" }", null)]
    [InlineData("hvm", "spice", "{ \"enable\": \"True\" }", null)]
    [InlineData("hvm", "gfx_passthru", "\"True\"", null)]
    [InlineData("hvm", "serial", "\"file:/etc/passwd\"", null)]
    [InlineData("hvm", "serial_list", "[\"tcp:10.0.0.1:80\"]", null)]
    [InlineData("hvm", "soundhw", "\"all\"", "features")]
    [InlineData("hvm", "soundhw", "\"ac97,model=x\"", null)]
    [InlineData("hvm", "usbdevice", "\"host:1.2\"", null)]
    [InlineData("hvm", "usbdevice_list", "[\"disk:/etc/shadow\"]", null)]
    [InlineData("hvm", "boot", "\"d,menu=on\"", null)]
    [InlineData("hvm", "keymap", "\"../../etc/shadow\"", null)]
    [InlineData("hvm", "firmware", "\"/etc/shadow\"", "firmware")]
    [InlineData("hvm", "system_firmware", "\"/etc/shadow\"", "firmware")]
    [InlineData("hvm", "smbios_firmware", "\"/etc/shadow\"", "firmware")]
    [InlineData("hvm", "acpi_firmware", "\"/etc/shadow\"", "firmware")]
    [InlineData("hvm", "timeoffset", "\"1;x\"", null)]
    public void What_an_emulator_would_be_told_is_judged_too(string type, string key, string value, string? line)
    {
        string json = With(Domain("hvm"), "b_info", "{ \"max_vcpus\": 1, \"max_memkb\": 1024, \"type.hvm\": { \"vnc\": { \"enable\": \"False\" } } }");
        Assert.Empty(Refusals(Read(Lab), json, DomainKind.Hvm));
        JsonNode root = JsonNode.Parse(json)!;
        root["b_info"]![$"type.{type}"]![key] = JsonNode.Parse(value);
        AdmissionRefusal refusal = Refusals(Read(Lab), root.ToJsonString(), DomainKind.Hvm)[0];
        Assert.StartsWith($"b_info.type.{type}.{key}", refusal.Setting, StringComparison.Ordinal);
        Assert.Equal(line is not null, refusal.AllowedBy.StartsWith($"\"{line}\"", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("../x")]
    [InlineData("a\u001b[2J")]
    [InlineData("a\u202eb")]
    [InlineData("7")]
    [InlineData("")]
    [InlineData(" a")]
    public void A_name_that_means_something_else_is_refused(string name)
    {
        JsonNode root = JsonNode.Parse(Domain())!;
        root["c_info"]!["name"] = name;
        AdmissionRefusal[] refusals = Refusals(Read(Lab), root.ToJsonString(), DomainKind.Pvh, name);
        Assert.Contains(refusals, refusal => refusal.Setting == "c_info.name");
        Assert.DoesNotContain(refusals, refusal => !ForeignText.IsPlain(refusal.Reason));
    }

    [Fact]
    public void Whatever_is_shown_of_a_peer_s_text_is_escaped_and_short()
    {
        string json = With(Domain(), "b_info.kernel", JsonSerializer.Serialize("/\u001b]0;x\u0007\u009b\u202e名前" + new string('x', 5000)));
        json = With(json, "b_info.\u001b[2J" + new string('y', 5000), "1");
        foreach (AdmissionRefusal refusal in Refusals(Read(Lab), json))
        {
            string shown = refusal.Setting + refusal.Reason + refusal.AllowedBy;
            Assert.True(ForeignText.IsPlain(shown));
            Assert.InRange(shown.Length, 1, 600);
        }
    }

    [Fact]
    public void Refusals_are_bounded()
    {
        JsonObject root = JsonNode.Parse(Domain())!.AsObject();
        for (int i = 0; i < 1000; i++)
        {
            root[$"unheard_of_{i}"] = i;
        }

        Assert.InRange(Refusals(Read(Lab), root.ToJsonString()).Length, 1, 64);
    }

    [Fact]
    public void What_stands_twice_is_refused()
    {
        string json = Domain().Replace("\"b_info\": {", "\"b_info\": { \"kernel\": \"/etc/shadow\",", StringComparison.Ordinal);
        Assert.Contains(Refusals(Read(Lab), json), refusal => refusal is { Setting: "b_info.kernel", Reason: "it stands twice" });
    }

    [Fact]
    public void A_script_goes_on_by_the_path_that_was_judged_and_a_card_by_the_bridge()
    {
        string json = With(Domain(), "nics", """[{ "devid": 0, "script": "lab-vif", "mac": "00:16:3e:00:00:01" }]""");
        json = With(json, "disks", """[{ "pdev_path": "/tmp/devices.img", "vdev": "xvda", "format": "RAW", "script": "lab-block", "readwrite": 1 }]""");
        string built = XlAdmission.Build(Read(Lab), Announced("vm", DomainKind.Pvh), json, long.MaxValue, out IReadOnlyList<AdmissionRefusal> refusals, out _);
        Assert.Empty(refusals);
        JsonNode root = JsonNode.Parse(built)!;
        Assert.Equal("/etc/xen/scripts/lab-vif", (string?)root["nics"]![0]!["script"]);
        Assert.Equal("xenbr0", (string?)root["nics"]![0]!["bridge"]);
        Assert.Equal("/etc/xen/scripts/lab-block", (string?)root["disks"]![0]!["script"]);
        Assert.Equal("raw", (string?)root["disks"]![0]!["format"]);
    }

    /// <summary>Scripts that do no more with a path than open it.</summary>
    [Theory]
    [InlineData("block", true)]
    [InlineData("/etc/xen/scripts/block-prerecord", true)]
    [InlineData("block-iscsi", false)]
    public void Scripts_that_only_open_what_is_let_in_need_no_line(string script, bool isLetIn)
    {
        AdmissionPolicy policy = Read(Lab.Replace(", \"scripts\": [\"lab-block\"]", "", StringComparison.Ordinal));
        AdmissionRefusal[] refusals = Refusals(policy, With(Domain(), "disks", $$"""[{ "pdev_path": "/tmp/devices.img", "format": "raw", "script": "{{script}}", "readwrite": 1 }]"""));
        Assert.Equal(isLetIn ? [] : ["disks[0].script"], refusals.Select(refusal => refusal.Setting));
    }

    [Fact]
    public void A_disk_may_be_let_in_for_reading_alone()
    {
        AdmissionPolicy policy = Read(Lab.Replace("\"scripts\": [\"lab-block\"]", "\"access\": \"read\"", StringComparison.Ordinal));
        const string disk = """[{ "pdev_path": "/tmp/devices.img", "format": "raw" }]""";
        Assert.Empty(Refusals(policy, With(Domain(), "disks", disk)));
        Assert.Equal(
            "disks[0].readwrite",
            Assert.Single(Refusals(policy, With(Domain(), "disks", disk.Replace("}", ", \"readwrite\": 1 }", StringComparison.Ordinal)))).Setting);
    }

    [Fact]
    public void An_empty_drive_comes_in() =>
        Assert.Empty(Refusals(Read(Lab), With(Domain(), "disks", """[{ "vdev": "hdc", "format": "empty", "is_cdrom": 1, "removable": 1 }]""")));

    [Fact]
    public void A_domain_may_ask_for_less_of_the_processors_than_others_get() => Assert.Empty(Refusals(
        Read(Lab),
        With(Domain(), "b_info.sched_params", """{ "sched": "credit", "weight": 256, "cap": 50, "period": 0, "budget": -1, "extratime": 0, "slice": 0, "latency": 0 }""")));

    [Fact]
    public void What_is_no_JSON_is_no_configuration()
    {
        foreach (string json in new[] { "", "{", "nul", "\u0000" })
        {
            Assert.Equal(MigrationErrorId.ProtocolViolation, Assert.Throws<MigrationException>(() => Refusals(Read(Lab), json)).ErrorId);
        }

        Assert.NotEmpty(Refusals(Read(Lab), "[]"));
    }

    internal static string Resource(string name)
    {
        using StreamReader reader = new(typeof(XlAdmissionTests).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    internal static AdmissionPolicy Read(string text) => AdmissionPolicyReader.Read("/etc/prerecord/policy.json", Encoding.UTF8.GetBytes(text));

    internal static DomainDescription Announced(string name, DomainKind kind) => new(name, kind, 0, [], 1, ReadOnlyMemory<byte>.Empty);

    internal static string Domain(string type = "pvh") => $$"""
        {
            "c_info": { "type": "{{type}}", "name": "vm", "uuid": "ea9b4b2c-0a0f-4f0d-9a1e-7b1c5b0d8f10", "run_hotplug_scripts": "True" },
            "b_info": { "max_vcpus": 1, "avail_vcpus": [0], "max_memkb": 131072, "target_memkb": 131072, "kernel": "/lab/vmlinux", "ramdisk": "/lab/guest.cpio.gz" }
        }
        """;

    internal static AdmissionRefusal[] Refusals(AdmissionPolicy policy, string json, DomainKind kind = DomainKind.Pvh, string name = "vm")
    {
        XlAdmission.Build(policy, Announced(name, kind), json, long.MaxValue, out IReadOnlyList<AdmissionRefusal> refusals, out _);
        return [.. refusals];
    }

    /// <summary>A configuration with one value more: at a key of the root, or of c_info or b_info.</summary>
    internal static string With(string json, string path, string value)
    {
        JsonObject root = JsonNode.Parse(json)!.AsObject();
        string[] parts = path.Split('.', 2);
        JsonObject place = parts.Length == 1 ? root : root[parts[0]]!.AsObject();
        place[parts[^1]] = JsonNode.Parse(value);
        return root.ToJsonString();
    }
}
