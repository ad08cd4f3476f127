using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Hvm;

namespace PreRecordMigration.Tests.Xen.Hvm;

public class EmulatorRequirementsTests
{
    private const string Headless = """ "type.hvm": { "vga": { "kind": "none" } } """;

    [Fact]
    public void A_headless_QEMU_can_be_moved() => EmulatorRequirements.Check(Json(Headless + """, "dm_restrict": "False" """), "web01");

    [Theory]
    [InlineData("""
        "device_model_version": "qemu_xen_traditional",
        """, Headless, "device_model_version=")]
    [InlineData("""
        "device_model_stubdomain": true,
        """, Headless, "stubdomain_override=0")]
    [InlineData("""
        "device_model_stubdomain": "True",
        """, Headless, "stubdomain_override=0")]
    [InlineData("""
        "dm_restrict": "True",
        """, Headless, "dm_restrict=0")]
    public void Others_are_refused_with_the_line_to_change(string more, string rest, string remedy)
    {
        MigrationException error = Assert.Throws<MigrationException>(() => EmulatorRequirements.Check(Json(more + rest), "web01"));

        Assert.Equal(MigrationErrorId.NotSupported, error.ErrorId);
        Assert.Contains(remedy, error.Remedy, StringComparison.Ordinal);
        Assert.Equal("web01", error.Target);
    }

    [Theory]
    [InlineData(""" "type.hvm": { "vga": { "kind": "std" } } """)]
    [InlineData(""" "type.hvm": { "usb": "True", "soundhw": "ac97", "serial": "pty" } """)]
    [InlineData(""" "max_vcpus": 1 """)]
    public void A_QEMU_with_a_graphics_card_can_be_moved_by_what_traps_nothing_alone(string build)
    {
        EmulatorRequirements.Check(Json(build), "web01");
        MigrationException error = Assert.Throws<MigrationException>(() => EmulatorRequirements.RequireTrappable(Json(build), "web01"));

        Assert.Equal((MigrationErrorId.NotSupported, "web01"), (error.ErrorId, error.Target));
        Assert.Contains("graphics card", error.Message, StringComparison.Ordinal);
        Assert.Contains("-Method PreCopy", error.Remedy, StringComparison.Ordinal);
        Assert.Contains("vga=\"none\"", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_QEMU_with_USB_sound_and_a_serial_line_and_no_graphics_card_traps() => EmulatorRequirements.RequireTrappable(
        Json(""" "type.hvm": { "vga": { "kind": "none" }, "usb": "True", "soundhw": "ac97", "serial": "pty" } """), "web01");

    [Fact]
    public void A_headless_QEMU_without_devices_of_its_own_is_silent() =>
        EmulatorRequirements.RequireSilent(Json(""" "type.hvm": { "usb": "False", "serial_list": [], "serial": "" } """), "web01");

    [Theory]
    [InlineData(""" "type.hvm": { "serial": "pty" } """, "", "serial")]
    [InlineData(""" "type.hvm": { "serial_list": [ "pty" ] } """, "", "serial_list")]
    [InlineData(""" "type.hvm": { "soundhw": "ac97" } """, "", "soundhw")]
    [InlineData(""" "type.hvm": { "usbdevice_list": [ "tablet" ] } """, "", "usbdevice_list")]
    [InlineData(""" "extra_hvm": [ "-device", "e1000" ] """, "", "extra_hvm")]
    [InlineData(""" "max_vcpus": 1 """, """, "usbdevs": [ { "devid": 1 } ]""", "usbdevs")]
    public void What_an_emulator_sends_out_by_itself_is_refused_by_its_setting(string build, string beside, string setting)
    {
        MigrationException error = Assert.Throws<MigrationException>(
            () => EmulatorRequirements.RequireSilent($$"""{ "b_info": { {{build}} }{{beside}} }""", "web01"));

        Assert.Equal(MigrationErrorId.OutputNotIsolable, error.ErrorId);
        Assert.EndsWith($"its configuration has {setting}.", error.Message, StringComparison.Ordinal);
        Assert.Contains("Observe", error.Remedy, StringComparison.Ordinal);
        Assert.Equal("web01", error.Target);
    }

    [Fact]
    public void Parameters_name_pages_by_address()
    {
        Assert.Equal([0xfeffeUL], XenHvmParameters.AddressedFrames(XenHvmParameters.IdentPt, 0xfeffe000));
        Assert.Equal([0xfc00bUL], XenHvmParameters.AddressedFrames(XenHvmParameters.VmGenerationIdAddr, 0xfc00b010));
        Assert.Equal(
            [0xfc008UL, 0xfc009UL, 0xfc00aUL],
            XenHvmParameters.AddressedFrames(XenHvmParameters.Vm86TssSized, (0x2068UL << 32) | 0xfc008000));
        Assert.Empty(XenHvmParameters.AddressedFrames(XenHvmParameters.StorePfn, 0xfeffc));
    }

    private static string Json(string build) => $$"""{ "c_info": { "type": "hvm" }, "b_info": { {{build}} } }""";
}
