using PreRecordMigration.Files;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Admission;
using PreRecordMigration.Xen.Domains;

namespace PreRecordMigration.Tests.Xen.Admission;

/// <summary>What of a domain's devices its destination lacks is named, with what to do; what it has is not.</summary>
public sealed class DeviceNeedsTests
{
    private const string Volume = "/dev/vg0/web";
    private const string Image = "/srv/web.img";
    private const string Phy = """{ "vdev": "xvda", "pdev_path": "/dev/vg0/web", "backend": "phy", "format": "raw", "readwrite": 1 }""";
    private const string Qdisk = """{ "vdev": "xvda", "pdev_path": "/srv/web.img", "backend": "qdisk", "format": "raw", "readwrite": 1 }""";
    private const string Qcow = """{ "vdev": "xvda", "pdev_path": "/srv/web.img", "backend": "qdisk", "format": "qcow2", "readwrite": 1 }""";
    private const string OwnScript = """{ "vdev": "xvda", "pdev_path": "/anything", "backend": "phy", "format": "raw", "script": "/etc/xen/scripts/block-own" }""";
    private const string Layered = """{ "vdev": "xvda", "pdev_path": "/dev/vg0/web", "format": "raw", "readwrite": 1, "script": "block-prerecord" }""";
    private const long Size = 8L << 30;

    private readonly FakeHostDevices _host = new();

    public static TheoryData<string> WholeDevices => new(
        "{}",
        $$"""{ "disks": [{{Phy}}], "nics": [{ "devid": 0, "bridge": "xenbr0", "script": "/etc/xen/scripts/vif-bridge" }] }""",
        $$"""{ "disks": [{{Qdisk}}], "nics": [{}] }""",
        """{ "disks": [{ "vdev": "hdc", "format": "empty", "is_cdrom": 1 }, { "vdev": "hdd", "is_cdrom": 1 }] }""",
        """{ "disks": [{ "vdev": "xvda", "pdev_path": "/dev/vg0/web", "format": "raw" }] }""",
        """{ "disks": [{ "vdev": "xvda", "pdev_path": "/srv/web.img", "format": "raw" }] }""",
        """{ "disks": [{ "vdev": "xvda", "pdev_path": "/srv/web.img", "backend": "phy", "format": "raw", "script": "block" }] }""",
        """{ "nics": [{ "script": "vif-route", "bridge": "nowhere" }, { "script": "vif-route", "gatewaydev": "eth0" }] }""",
        """{ "nics": [{ "script": "vif-openvswitch", "bridge": "ovs0.10:20" }] }""",
        """{ "nics": [{ "backend_domid": 4, "bridge": "nowhere" }], "disks": [{ "pdev_path": "/dev/none", "backend_domid": 4, "format": "raw" }] }""",
        """{ "c_info": { "type": "hvm" }, "vfbs": [{}] }""",
        """{ "p9s": [{ "tag": "home", "path": "/srv/share" }] }""",
        """{ "c_info": { "run_hotplug_scripts": "False" }, "nics": [{ "script": "own", "bridge": "nowhere" }] }""");

    [Theory]
    [MemberData(nameof(WholeDevices))]
    public void Nothing_is_missing_where_all_is_there(string json)
    {
        _host.Files[Volume] = FakeHostDevices.Block(Size);
        _host.Files[Image] = FakeHostDevices.File(Size);
        _host.Files["/srv/share"] = new FollowedFile(FileKind.Folder);
        Assert.Empty(Missing(json, Size, Size));
    }

    [Fact]
    public void A_disk_that_is_not_there_is_named_with_what_to_do()
    {
        AdmissionRefusal missing = Assert.Single(Missing($$"""{ "disks": [{{Phy}}] }"""));
        Assert.Equal("disk xvda: \"/dev/vg0/web\" is not there", missing.ToString());
        Assert.True(missing.IsOfDevice);
        Assert.Contains("share it under this path", missing.AllowedBy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Phy, Size - 512, "is not the same disk")]
    [InlineData(Phy, Size + 512, "is not the same disk")]
    [InlineData(Phy, 0, "is not the same disk")]
    [InlineData(Phy, Size, null)]
    public void A_device_of_another_size_is_another_disk(string disk, long bytes, string? problem)
    {
        _host.Files[Volume] = FakeHostDevices.Block(bytes);
        Check(disk, problem);
    }

    [Theory]
    [InlineData(Qdisk, Size - 512, "is not the same disk")]
    [InlineData(Qdisk, Size + 511, null)]
    [InlineData(Qcow, 200_000, null)]
    public void A_file_of_another_size_is_another_disk_unless_it_has_a_header(string disk, long bytes, string? problem)
    {
        _host.Files[Image] = FakeHostDevices.File(bytes);
        _host.Heads[Image] = Header(Size);
        Check(disk, problem);
    }

    [Theory]
    [InlineData(Size, false)]
    [InlineData(Size - 1, true)]
    [InlineData(-1, true)]
    public void What_a_header_says_counts_for_a_disk_of_QEMU_s(long bytes, bool isRefused)
    {
        _host.Files[Image] = FakeHostDevices.File(200_000);
        _host.Heads[Image] = Header(bytes);
        Check(Qcow, isRefused ? "is not the same disk" : null);
    }

    [Fact]
    public void A_file_without_that_header_is_another_disk()
    {
        _host.Files[Image] = FakeHostDevices.File(200_000);
        _host.Heads[Image] = [1, 2, 3];
        Check(Qcow, "is not the same disk");
    }

    /// <summary>Where QEMU has its format on a device, the guest's disk is smaller than that.</summary>
    [Fact]
    public void A_header_on_a_device_counts_too()
    {
        _host.Files[Image] = FakeHostDevices.Block(2 * Size);
        _host.Heads[Image] = Header(Size);
        Check(Qcow, null);
    }

    /// <summary>Who opens a pipe waits for whoever writes to it.</summary>
    [Fact]
    public void Nothing_is_read_of_what_is_no_disk()
    {
        _host.Files[Image] = new FollowedFile(FileKind.Pipe);
        _host.BeforeHead = () => Assert.Fail("It was opened.");
        Check(Qcow, "is neither a file nor a block device");
    }

    [Fact]
    public void A_size_that_the_source_does_not_know_is_not_compared()
    {
        _host.Files[Volume] = FakeHostDevices.Block(1 << 20);
        Assert.Empty(Missing($$"""{ "disks": [{{Phy}}] }""", 0));
        Assert.Empty(Missing($$"""{ "disks": [{{Phy}}] }"""));
    }

    [Theory]
    [InlineData("a file", "is a file, and its backend (phy) takes block devices alone")]
    [InlineData("a folder", "is neither a file nor a block device")]
    [InlineData("a terminal", "is neither a file nor a block device")]
    [InlineData("a pipe", "is neither a file nor a block device")]
    [InlineData("a device that takes no writes", "can only be read, and the domain writes it")]
    [InlineData("a device that nobody reads", "cannot be read")]
    [InlineData("a device that fails", "cannot be looked at (Input/output error)")]
    public void What_stands_in_a_disk_s_place_and_is_none_is_named(string what, string problem)
    {
        _host.Files[Volume] = what switch
        {
            "a file" => FakeHostDevices.File(Size),
            "a folder" => new FollowedFile(FileKind.Folder),
            "a terminal" => new FollowedFile(FileKind.Device),
            "a pipe" => new FollowedFile(FileKind.Pipe),
            "a device that takes no writes" => FakeHostDevices.Block(Size, isWritable: false),
            "a device that nobody reads" => FakeHostDevices.Block(Size) with { IsReadable = false },
            _ => new FollowedFile(FileKind.None) { Problem = "Input/output error" },
        };
        Check(Phy, problem);
    }

    [Fact]
    public void A_disk_that_is_only_read_may_be_read_only()
    {
        _host.Files[Volume] = FakeHostDevices.Block(Size, isWritable: false);
        Check(Phy.Replace("\"readwrite\": 1", "\"readwrite\": 0", StringComparison.Ordinal), null);
    }

    [Fact]
    public void What_a_script_of_one_s_own_makes_of_its_target_is_its_matter_but_the_script_must_be_there()
    {
        Check(OwnScript, "its script \"/etc/xen/scripts/block-own\" is not there");
        _host.Files["/etc/xen/scripts/block-own"] = FakeHostDevices.Program with { IsExecutable = false };
        Check(OwnScript, "may not be executed");
        _host.Files["/etc/xen/scripts/block-own"] = FakeHostDevices.Program;
        Check(OwnScript, null);
        Assert.DoesNotContain("/anything", _host.Looked);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_this_module_s_script_opens_must_be_there_and_is_the_same_disk(bool isBlock)
    {
        _host.Files[Volume] = isBlock ? FakeHostDevices.Block(Size) : FakeHostDevices.File(Size);
        Check(Layered, "its script \"/etc/xen/scripts/block-prerecord\" is not there");
        Assert.Contains("install -m 755 scripts/block-prerecord", Assert.Single(Missing($$"""{ "disks": [{{Layered}}] }""", Size)).AllowedBy, StringComparison.Ordinal);
        _host.Files["/etc/xen/scripts/block-prerecord"] = FakeHostDevices.Program;
        Check(Layered, null);
        _host.Files[Volume] = isBlock ? FakeHostDevices.Block(Size - 512) : FakeHostDevices.File(Size - 512);
        Check(Layered, "is not the same disk");
        _host.Files.Remove(Volume);
        Check(Layered, "\"/dev/vg0/web\" is not there");
    }

    [Theory]
    [InlineData("dmsetup")]
    [InlineData("losetup")]
    public void What_this_module_s_script_runs_must_be_there(string program)
    {
        _host.Files[Volume] = FakeHostDevices.Block(Size);
        _host.Files["/etc/xen/scripts/block-prerecord"] = FakeHostDevices.Program;
        _host.Files.Remove($"/usr/sbin/{program}");
        Check(Layered, $"needs {program}, which is not there");
        _host.Files[$"/sbin/{program}"] = FakeHostDevices.Program;
        Check(Layered, null);
    }

    [Fact]
    public void A_device_of_the_kernel_s_needs_the_toolstack_s_script()
    {
        _host.Files[Volume] = FakeHostDevices.Block(Size);
        _host.Files.Remove(FakeHostDevices.Scripts + "block");
        Check(Phy, "its script \"/etc/xen/scripts/block\" is not there");
    }

    [Theory]
    [InlineData("{}", "there is no bridge \"xenbr0\"")]
    [InlineData("""{ "bridge": "xenbr7" }""", "there is no bridge \"xenbr7\"")]
    [InlineData("""{ "bridge": "eth0" }""", "\"eth0\" is no bridge")]
    [InlineData("""{ "bridge": "../../block/sda" }""", "there is no bridge")]
    [InlineData("""{ "script": "vif-openvswitch", "bridge": "ovs7.10" }""", "there is no switch \"ovs7.10\"")]
    [InlineData("""{ "script": "vif-route", "gatewaydev": "eth7" }""", "there is no interface \"eth7\"")]
    [InlineData("""{ "script": "/opt/vif-own" }""", "its script \"/opt/vif-own\" is not there")]
    [InlineData("""{ "backend_domname": "driver" }""", "the domain \"driver\", which has its backend, is not there")]
    public void What_a_network_card_lacks_is_named(string card, string problem)
    {
        _host.Bridges.Clear();
        _host.Interfaces.Remove("xenbr0");
        AdmissionRefusal missing = Assert.Single(Missing($$"""{ "nics": [{{card}}] }"""));
        Assert.StartsWith("network card 0: ", missing.ToString(), StringComparison.Ordinal);
        Assert.Contains(problem, missing.Reason, StringComparison.Ordinal);
        Assert.EndsWith(".", missing.AllowedBy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bridge_of_an_old_name_is_that_of_the_interface()
    {
        _host.Bridges.Clear();
        _host.Bridges.Add("eth3");
        Assert.Empty(Missing("""{ "nics": [{ "bridge": "xenbr3" }] }"""));
        _host.Interfaces.Add("xenbr3");
        Assert.Contains("\"xenbr3\" is no bridge", Assert.Single(Missing("""{ "nics": [{ "bridge": "xenbr3" }] }""")).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_backend_s_domain_that_is_there_is_enough()
    {
        _host.Domains.Add("driver");
        Assert.Empty(Missing("""{ "nics": [{ "backend_domname": "driver", "bridge": "nowhere" }] }"""));
    }

    [Theory]
    [InlineData($$"""{ "disks": [{{Qdisk}}] }""", "disk xvda")]
    [InlineData("""{ "vfbs": [{}] }""", "screen 0")]
    [InlineData("""{ "p9s": [{ "tag": "home", "path": "/srv/share" }] }""", "share home")]
    [InlineData("""{ "c_info": { "type": "hvm" } }""", "every HVM domain")]
    public void What_QEMU_serves_needs_QEMU(string json, string what)
    {
        _host.Files[Image] = FakeHostDevices.File(Size);
        _host.Files["/srv/share"] = new FollowedFile(FileKind.Folder);
        _host.Files.Remove(FakeHostDevices.Emulator);
        AdmissionRefusal missing = Assert.Single(Missing(json, Size));
        Assert.Equal($"emulator: there is no QEMU, which {what} needs", missing.ToString());
        Assert.Contains("qemu-system-xen", missing.AllowedBy, StringComparison.Ordinal);
    }

    [Fact]
    public void An_emulator_of_one_s_own_must_be_there()
    {
        const string json = """{ "c_info": { "type": "hvm" }, "b_info": { "device_model": "/opt/qemu" } }""";
        Assert.Contains("\"/opt/qemu\" is no program", Assert.Single(Missing(json)).Reason, StringComparison.Ordinal);
        _host.Files["/opt/qemu"] = FakeHostDevices.Program;
        Assert.Empty(Missing(json));
    }

    [Fact]
    public void A_folder_that_is_shared_must_be_there() => Assert.Equal(
        "share home: there is no folder \"/srv/share\"", Assert.Single(Missing("""{ "p9s": [{ "tag": "home", "path": "/srv/share" }] }""")).ToString());

    [Fact]
    public void Whoever_sends_a_device_that_the_policy_refuses_does_not_hear_what_stands_there()
    {
        IReadOnlyList<AdmissionRefusal> missing = new DeviceNeeds(
            Of($$"""{ "disks": [{{Phy}}, {{Phy}}], "nics": [{ "bridge": "none" }] }"""), place => place is "disks[0]" or "nics[0]", _host).FindMissing();
        Assert.Equal("disk xvda", Assert.Single(missing).ToString().Split(':')[0]);
        Assert.Single(_host.Looked, Volume);
    }

    [Fact]
    public void Every_missing_device_is_told_of_up_to_a_limit()
    {
        string json = $$"""{ "disks": [{{string.Join(", ", Enumerable.Repeat(Phy, 200))}}] }""";
        Assert.Equal(AdmissionVerdict.MostRefusals, Missing(json).Count);
    }

    private void Check(string disk, string? problem)
    {
        IReadOnlyList<AdmissionRefusal> missing = Missing($$"""{ "disks": [{{disk}}] }""", Size);
        if (problem is null)
        {
            Assert.Empty(missing);
        }
        else
        {
            Assert.Contains(problem, Assert.Single(missing).Reason, StringComparison.Ordinal);
        }
    }

    private static byte[] Header(long bytes)
    {
        byte[] header = [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3, .. new byte[24]];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(24), bytes);
        return header;
    }

    private static XenDomainConfiguration Of(string json, params long[] diskBytes) => new(json, 4, 17, default, default, [], []) { DiskBytes = diskBytes };

    private IReadOnlyList<AdmissionRefusal> Missing(string json, params long[] diskBytes) =>
        new DeviceNeeds(Of(json, diskBytes), static _ => false, _host).FindMissing();
}
