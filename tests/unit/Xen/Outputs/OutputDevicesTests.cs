using PreRecordMigration.Errors;
using PreRecordMigration.Tests.Xen.Life;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Tests.Xen.Outputs;

/// <summary>Which devices can be held back, and what is said of those that cannot.</summary>
public sealed class OutputDevicesTests
{
    private const string Backends = "/local/domain/0/backend";
    private readonly FakeXen _xen = new();

    public OutputDevicesTests() => _xen.Add("vm");

    [Fact]
    public void A_card_and_a_disk_of_device_mapper_are_held_back()
    {
        AddCard();
        AddDisk();
        OutputDevices devices = Find();
        Assert.Equal([new OutputCard(0, "vif1.0")], devices.Cards);
        Assert.Equal([new OutputDisk(51712, FakeControlDomain.Disk)], devices.Disks);
        Assert.Empty(devices.Refused);
    }

    [Fact]
    public void What_only_reads_and_a_drive_with_nothing_in_it_need_nothing_and_the_console_carries_nothing_out()
    {
        AddDisk(mode: "r");
        AddDisk(51728, what: "", device: "");
        _xen.Write("/local/domain/1/device/console/0", "");
        _xen.Write("/local/domain/1/device/vkbd/0/state", "1");
        OutputDevices devices = Find();
        Assert.Empty(devices.Disks);
        Assert.Empty(devices.Refused);
    }

    [Fact]
    public void A_disk_that_is_no_device_of_device_mapper_is_refused_by_name_with_what_to_do()
    {
        AddDisk(device: "7:0", what: "/var/lib/web.img");
        MigrationException error = Refusal();
        Assert.Equal(MigrationErrorId.OutputNotIsolable, error.ErrorId);
        Assert.Contains("vbd 51712 (/var/lib/web.img) is no device of device-mapper", error.Message, StringComparison.Ordinal);
        Assert.Contains("script=block-prerecord", error.Remedy, StringComparison.Ordinal);
        Assert.Contains("LVM", error.Remedy, StringComparison.Ordinal);
        Assert.Contains("Observe", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_driver_domain_s_disk_and_card_are_refused()
    {
        _xen.Write("/libxl/1/device/vbd/51712/backend", "/local/domain/7/backend/vbd/1/51712");
        _xen.Write("/libxl/1/device/vif/0/backend", "/local/domain/7/backend/vif/1/0");
        MigrationException error = Refusal();
        Assert.Contains("vbd 51712 is not served by the control domain", error.Message, StringComparison.Ordinal);
        Assert.Contains("vif 0 has its backend in another domain", error.Message, StringComparison.Ordinal);
        Assert.Contains("script=block-prerecord", error.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("aio:/srv/web.img", "xvda-raw", "/srv/web.img")]
    [InlineData("qcow2:/srv/a:b.qcow2", "xvda-qcow2", "/srv/a:b.qcow2")]
    [InlineData("vhd:/srv/web.vhd", "xvda-vpc", "/srv/web.vhd")]
    [InlineData("/srv/web.img", "xvda-raw", "/srv/web.img")]
    public void A_disk_that_QEMU_serves_is_held_back_by_what_QEMU_calls_it(string said, string node, string file)
    {
        AddImage(said);
        _xen.Outputs.PutImage();
        OutputDevices devices = Find();
        Assert.Equal([new OutputImage(51712, node, file)], devices.Images);
        Assert.Empty(devices.Refused);
    }

    [Fact]
    public void A_disk_whose_QEMU_has_ended_is_refused_and_what_only_reads_or_is_empty_needs_nothing()
    {
        AddImage("aio:/srv/web.img");
        _xen.Outputs.PutImage();
        _xen.Outputs.KillQemu();
        Assert.Contains("vbd 51712 (/srv/web.img) is served by a QEMU that has ended", Refusal().Message, StringComparison.Ordinal);

        _xen.Write($"{Backends}/qdisk/1/51712/mode", "r");
        Assert.Empty(Find().Refused);
        _xen.Write($"{Backends}/qdisk/1/51712/mode", "w");
        _xen.Write($"{Backends}/qdisk/1/51712/params", "aio:");
        Assert.Empty(Find().Refused);
    }

    [Theory]
    [InlineData("libxl")]
    [InlineData("local/domain")]
    public void Devices_of_other_kinds_are_refused_whoever_tells_of_them(string root)
    {
        _xen.Write($"/{root}/1/device/9pfs/0/backend", "");
        Assert.Contains("9pfs 0 is of a kind", Refusal().Message, StringComparison.Ordinal);
    }

    /// <summary>A guest writes its own part of XenStore.</summary>
    [Fact]
    public void A_guest_cannot_hide_a_device()
    {
        AddCard();
        _xen.Write("/local/domain/1/device/vif", "nothing here");
        Assert.Single(Find().Cards);
    }

    [Fact]
    public void The_twins_that_an_emulator_has_are_held_back_with_the_card_and_the_disk()
    {
        AddCard();
        AddDisk();
        _xen.Outputs.PutEmulator();
        OutputDevices devices = EmulatedDevices.AddTo(Find(), 1, _xen.Layers);
        Assert.Equal([new OutputCard(0, "vif1.0"), new OutputCard(0, "vif1.0-emu", IsTwin: true)], devices.Cards);
        Assert.True(devices.AreEmulated);
        Assert.Empty(devices.Refused);
    }

    [Fact]
    public void Cards_and_disks_with_twins_are_refused_unless_that_is_to_be_tried()
    {
        AddCard();
        AddDisk();
        _xen.Outputs.PutEmulator();
        MigrationException error = Assert.Throws<MigrationException>(() => EmulatedDevices.AddTo(Find(), 1, _xen.Layers with { HoldsTwins = false }).Require("vm"));
        Assert.Contains("its vif 0 has an emulated twin in the device emulator; its vbd 51712 has an emulated twin", error.Message, StringComparison.Ordinal);
        Assert.Contains("Observe", error.Remedy, StringComparison.Ordinal);
        Assert.Contains("PVH", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void What_an_emulator_writes_beside_them_is_refused_by_name()
    {
        AddDisk();
        Assert.Contains("its device emulator has ended", Refused(), StringComparison.Ordinal);
        _xen.Outputs.Written = ["/dev/vg/lv", "/srv/flash.img"];
        Assert.Contains("its device emulator writes to /srv/flash.img, which is none of the disks", Refused(), StringComparison.Ordinal);
        AddImage("aio:/srv/web.img");
        _xen.Outputs.PutImage();
        Assert.Contains("its vbd 51712 has an emulated twin", Refused(), StringComparison.Ordinal);

        string Refused() => Assert.Throws<MigrationException>(() => EmulatedDevices.AddTo(Find(), 1, _xen.Layers).Require("vm")).Message;
    }

    [Theory]
    [InlineData("prerec5.0", 0, false)]
    [InlineData("prerec5.99e", 99, true)]
    public void A_plug_is_named_for_its_card(string plug, int card, bool isTwin)
    {
        Assert.Equal(plug, OutputNames.Plug(5, card, isTwin));
        Assert.Equal([(card, isTwin)], OutputNames.CardsOf(5, [plug, "prerec51.0", "prerec5.x", "prerec5.", "vif5.0"]));
    }

    [Fact]
    public void A_card_whose_interface_is_not_there_is_refused()
    {
        AddCard();
        _xen.Write($"{Backends}/vif/1/0/vifname", "web0");
        Assert.Contains("vif 0 has no interface web0", Refusal().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_host_lacks_is_said_before_the_domain_is_touched()
    {
        AddDisk();
        _xen.Outputs.Missing = "dmsetup (apt-get install dmsetup)";
        Assert.Contains("without dmsetup (apt-get install dmsetup)", Refusal().Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0 8 linear 8:16 0\n8 16 striped 2 128 8:16 8 8:32 0", null)]
    [InlineData("0 8 crypt aes-xts-plain64 00 0 8:16 0", null)]
    [InlineData("0 8 linear 8:16 0\n8 16 thin 254:1 5", "thin")]
    [InlineData("0 8 snapshot 254:1 254:2 P 8", "snapshot")]
    [InlineData("0 8 raid raid1 3 0 region_size 1024 2 8:16 8:17 8:32 8:33", "raid")]
    public void A_target_that_keeps_records_of_its_own_cannot_be_twice(string table, string? immovable)
    {
        Assert.Equal(immovable, MappedTable.Immovable(table));
    }

    [Theory]
    [InlineData("0 1024 snapshot 48/2048 16", 48, 16)]
    [InlineData("0 1024 snapshot-merge 16/2048 16", 16, 16)]
    public void The_status_says_how_much_is_used(string status, long used, long records)
    {
        Assert.Equal((used, records), MappedTable.UsedOf(status));
    }

    [Theory]
    [InlineData("0 1024 snapshot Invalid")]
    [InlineData("0 1024 snapshot Overflow")]
    [InlineData("0 1024 snapshot-merge Merge failed")]
    [InlineData("0 1024 linear")]
    [InlineData("")]
    public void A_lost_overlay_is_an_error(string status)
    {
        Assert.Equal(MigrationErrorId.VerificationFailed, Assert.Throws<MigrationException>(() => MappedTable.UsedOf(status)).ErrorId);
    }

    [Fact]
    public void What_tc_says_of_disciplines_is_understood_or_is_an_error()
    {
        Assert.Equal(
            [("plug", 1514L), ("clsact", 0L)],
            TrafficControl.DisciplinesOf("""
                [{"kind":"plug","handle":"8001:","root":true,"refcnt":2,"options":{},"bytes":0,"packets":0,"drops":0,"backlog":1514,"qlen":1},
                 {"kind":"clsact","handle":"ffff:","parent":"ffff:fff1","options":{},"bytes":0},{}]
                """));
        Assert.Equal(MigrationErrorId.NotSupported, Assert.Throws<MigrationException>(() => TrafficControl.DisciplinesOf("qdisc plug 8001: root")).ErrorId);
        Assert.Equal(MigrationErrorId.NotSupported, Assert.Throws<MigrationException>(() => TrafficControl.DisciplinesOf("""[{"kind":5}]""")).ErrorId);
    }

    [Fact]
    public void A_card_at_which_somebody_else_looks_is_refused_and_stays_his()
    {
        AddCard();
        _xen.Outputs.OccupyIngress();
        FakeSource source = new(_xen, _xen.Domains.Single());
        using XenSourceDomain open = source.Open();
        MigrationException error = Assert.Throws<MigrationException>(() => open.PlugOutputs(PreRecordMigration.Options.OutputLimits.Default).Prepare());
        Assert.Contains("something else looks at what comes in at vif1.0", error.Message, StringComparison.Ordinal);
        Assert.True(_xen.Outputs.HasIngress("vif1.0"));
        Assert.Empty(_xen.Outputs.ListPlugs());
    }

    [Fact]
    public void A_limit_that_has_no_room_for_what_can_be_under_way_is_refused_with_one_that_has()
    {
        AddDisk();
        _xen.Write("/local/domain/1/device/vbd/51712/state", "4");
        _xen.Write("/local/domain/1/device/vbd/51712/multi-queue-num-queues", "4");
        FakeSource source = new(_xen, _xen.Domains.Single());
        using XenSourceDomain open = source.Open();
        MigrationException error = Assert.Throws<MigrationException>(() => open.PlugOutputs(new PreRecordMigration.Options.OutputLimits(1 << 20, 64 << 20)).Prepare());
        Assert.Equal(MigrationErrorId.InvalidOption, error.ErrorId);
        Assert.Contains("OverlayLimit", error.Message, StringComparison.Ordinal);
        Assert.Contains("258 MiB", error.Remedy, StringComparison.Ordinal);
        Assert.Empty(_xen.Outputs.Ours);
    }

    private void AddCard() => Add("vif", "0", "state", "4");

    private void AddDisk(int number = 51712, string mode = "w", string what = "/dev/vg/lv", string device = "fe:0")
    {
        string disk = $"{number}";
        Add("vbd", disk, "mode", mode);
        Add("vbd", disk, "params", what);
        Add("vbd", disk, "physical-device", device);
    }

    private void AddImage(string said)
    {
        _xen.Write("/libxl/1/device/vbd/51712/backend", $"{Backends}/qdisk/1/51712");
        _xen.Write($"{Backends}/qdisk/1/51712/mode", "w");
        _xen.Write($"{Backends}/qdisk/1/51712/dev", "xvda");
        _xen.Write($"{Backends}/qdisk/1/51712/params", said);
    }

    private void Add(string kind, string number, string key, string value)
    {
        _xen.Write($"/libxl/1/device/{kind}/{number}/backend", $"{Backends}/{kind}/1/{number}");
        _xen.Write($"{Backends}/{kind}/1/{number}/{key}", value);
    }

    private OutputDevices Find()
    {
        using IDomainControl control = _xen.Connect();
        return OutputDevices.Find(control, 1, "0", _xen.Layers);
    }

    private MigrationException Refusal() => Assert.Throws<MigrationException>(() => Find().Require("vm"));
}
