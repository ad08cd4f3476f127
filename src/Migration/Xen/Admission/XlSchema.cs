using static PreRecordMigration.Xen.Admission.XlRules;

namespace PreRecordMigration.Xen.Admission;

/// <summary>
/// The keys of libxl's JSON (libxl_domain_config of Xen 4.20, which has all that 4.17 has), each with what is let in of it. What a key does in the control
/// domain decides: what only the guest sees is read for its form, what root's tools open, start or hand on is the policy's to name,
/// and what has no such bound is never let in. Devices are in <see cref="XlDevices"/>.
/// </summary>
internal static class XlSchema
{
    private const long Kibibytes = 1L << 42;
    private const int Vcpus = 512;
    private const int Processors = 4096;

    /// <summary>The scheduler's default weight, which every domain has, the control domain included, unless somebody sets
    /// another.</summary>
    private const int UsualWeight = 256;

    private static readonly XlRule s_bitmap = List(Number(0, Processors), Processors);
    private static readonly XlRule s_kibibytes = Number(0, Kibibytes);
    private static readonly XlRule s_timerMode =
        Choice("unknown", "delay_for_missed_ticks", "no_delay_for_missed_ticks", "no_missed_ticks_pending", "one_missed_tick_pending");

    private static readonly XlRule s_register = Form("[01xksX]{32}", "mask of 32 bits");

    private static readonly XlRule s_leaves = List(
        Map(
            ("leaf", Number(0, uint.MaxValue)),
            ("subleaf", Number(0, uint.MaxValue)),
            ("eax", s_register),
            ("ebx", s_register),
            ("ecx", s_register),
            ("edx", s_register)),
        1024);

    private static readonly XlRule s_cpuidAndMsrs = Map(
        ("cpuid", s_leaves),
        ("msr", List(Map(("index", Number(0, uint.MaxValue)), ("policy", Form("[01xksX]{64}", "mask of 64 bits"))), 1024)));

    /// <summary>Xen up to 4.17 writes a list, later versions an object.</summary>
    private static readonly XlRule s_cpuid = static (value, path, admission) =>
        (value.ValueKind == System.Text.Json.JsonValueKind.Array ? s_leaves : s_cpuidAndMsrs)(value, path, admission);

    /// <summary>
    /// A domain may ask for less of the processors than others get. More than the default weight, or a promised share of time, would be at
    /// the expense of the control domain.
    /// </summary>
    private static readonly XlRule s_scheduler = Map(
        ("sched", Choice("unknown", "sedf", "credit", "credit2", "arinc653", "rtds", "null")),
        ("weight", FeatureAbove("scheduling", Number(-1, 65535), UsualWeight)),
        ("cap", Number(-1, 100 * Processors)),
        ("period", FeatureAbove("scheduling", Number(-1, int.MaxValue), 0)),
        ("budget", FeatureAbove("scheduling", Number(-1, int.MaxValue), 0)),
        ("extratime", FeatureAbove("scheduling", Number(-1, 1), 0)),
        ("slice", FeatureAbove("scheduling", Number(-1, int.MaxValue), 0)),
        ("latency", FeatureAbove("scheduling", Number(-1, int.MaxValue), 0)));

    /// <summary>Which processors a domain runs on: it could be pinned to those of the control domain and stand in its way.</summary>
    private static readonly XlRule s_pinning = Feature("pinning", s_bitmap);

    /// <summary>What a domain does when it ends; a dump of its memory is a file of the control domain.</summary>
    private static readonly XlRule s_atEnd = Feature(
        "coredump",
        Choice("destroy", "restart", "restart_rename", "preserve", "soft_reset", "coredump_destroy", "coredump_restart"),
        "destroy", "restart", "restart_rename", "preserve", "soft_reset");

    private static readonly XlRule s_identity = Map(
        ("type", Choice("pv", "pvh", "hvm")),
        ("hap", Flag),
        ("oos", Flag),
        ("ssidref", Never("0")),
        ("ssid_label", Named("labels", policy => policy.Labels)),
        ("name", Text(XlAgreement.IsName, "is no name for a domain: it has a slash or a control character, or is a number")),
        ("domid", Ignored()),
        ("uuid", Form("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "UUID")),
        ("xsdata", Never()),
        ("platformdata", Never()),
        ("poolid", Never("0")),
        ("pool_name", Named("pools", policy => [.. policy.Pools, "Pool-0"])),
        ("run_hotplug_scripts", Flag),
        ("driver_domain", Feature("driver_domain", Flag, "False")),
        ("passthrough", Never("disabled", "default")),
        ("xend_suspend_evtchn_compat", Flag));

    private static readonly XlRule s_pv = Map(
        ("kernel", File("kernels", policy => policy.Kernels)),
        ("slack_memkb", s_kibibytes),
        ("bootloader", Bootloader()),
        ("bootloader_args", List(Named("bootloaderArguments", policy => policy.BootloaderArguments), 64)),
        ("cmdline", GuestText),
        ("ramdisk", File("ramdisks", policy => policy.Ramdisks)),
        ("e820_host", Feature("e820_host", Flag, "False")));

    private static readonly XlRule s_pvh = Map(
        ("pvshim", Flag),
        ("pvshim_path", File("firmware", policy => policy.Firmware)),
        ("pvshim_cmdline", GuestText),
        ("pvshim_extra", GuestText));

    /// <summary>What a guest's firmware says of the machine that it is on.</summary>
    private static readonly XlRule s_smbios = Choice(
        "bios_vendor", "bios_version", "system_manufacturer", "system_product_name", "system_version", "system_serial_number",
        "baseboard_manufacturer", "baseboard_product_name", "baseboard_version", "baseboard_serial_number", "baseboard_asset_tag",
        "baseboard_location_in_chassis", "enclosure_manufacturer", "enclosure_serial_number", "enclosure_asset_tag", "battery_manufacturer",
        "battery_device_name", "oem");

    private static readonly XlRule s_hvm = Map(
        ("firmware", File("firmware", policy => policy.Firmware)),
        ("bios", Choice("unknown", "rombios", "seabios", "ovmf")),
        ("pae", Flag),
        ("apic", Flag),
        ("acpi", Flag),
        ("acpi_s3", Flag),
        ("acpi_s4", Flag),
        ("acpi_laptop_slate", Flag),
        ("nx", Flag),
        ("viridian", Flag),
        ("viridian_enable", s_bitmap),
        ("viridian_disable", s_bitmap),
        ("timeoffset", Form("-?[0-9]{1,10}", "number of seconds")),
        ("hpet", Flag),
        ("vpt_align", Flag),
        ("mmio_hole_memkb", s_kibibytes),
        ("timer_mode", s_timerMode),
        ("nested_hvm", Feature("nested_hvm", Flag, "False")),
        ("altp2m", Feature("altp2m", Flag, "False")),
        ("smbios", List(Map(("key", s_smbios), ("value", GuestText)), 64)),
        ("system_firmware", File("firmware", policy => policy.Firmware)),
        ("smbios_firmware", File("firmware", policy => policy.Firmware)),
        ("acpi_firmware", File("firmware", policy => policy.Firmware)),
        ("hdtype", Choice("ide", "ahci")),
        ("nographic", Flag),
        ("vga", Map(("kind", Choice("unknown", "cirrus", "std", "none", "qxl")))),
        ("vnc", XlDevices.Vnc),
        ("keymap", XlDevices.Keymap),
        ("sdl", XlDevices.Sdl),
        ("spice", XlDevices.Spice),
        ("gfx_passthru", Never("False")),
        ("gfx_passthru_kind", Never("default")),
        ("serial", Serial()),
        ("boot", Form("[acdn]{1,4}", "boot order")),
        ("usb", Flag),
        ("usbversion", Number(0, 3)),
        ("usbdevice", Choice("tablet", "mouse", "keyboard")),
        ("vkb_device", Flag),
        ("soundhw", Feature("soundhw", Form("[a-z0-9]{1,16}(,[a-z0-9]{1,16}){0,7}", "list of sound cards"))),
        ("xen_platform_pci", Flag),
        ("usbdevice_list", List(Choice("tablet", "mouse", "keyboard"), 8)),
        ("vendor_device", Choice("none", "xenserver")),
        ("ms_vm_genid", List(Number(0, byte.MaxValue), 16)),
        ("serial_list", List(Serial(), 8)),
        ("rdm", Map(("strategy", Never("ignore")), ("policy", Never("invalid", "strict", "relaxed")))),
        ("rdm_mem_boundary_memkb", s_kibibytes),
        ("mca_caps", Number(0, 1L << 32)),
        ("pirq", Flag));

    private static readonly XlRule s_build = Map(
        ("max_vcpus", Number(1, Vcpus)),
        ("avail_vcpus", s_bitmap),
        ("cpumap", s_pinning),
        ("nodemap", s_pinning),
        ("vcpu_hard_affinity", Feature("pinning", List(s_bitmap, Vcpus))),
        ("vcpu_soft_affinity", Feature("pinning", List(s_bitmap, Vcpus))),
        ("numa_placement", Flag),
        ("tsc_mode", Choice("default", "always_emulate", "native", "native_paravirt")),
        ("max_memkb", s_kibibytes),
        ("target_memkb", s_kibibytes),
        ("video_memkb", s_kibibytes),
        ("shadow_memkb", s_kibibytes),
        ("iommu_memkb", s_kibibytes),
        ("rtc_timeoffset", Number(0, uint.MaxValue)),
        ("exec_ssidref", Never("0")),
        ("exec_ssid_label", Named("labels", policy => policy.Labels)),
        ("localtime", Flag),
        ("disable_migrate", Never("False")),
        ("cpuid", s_cpuid),
        ("blkdev_start", XlDevices.DeviceName),
        ("vnuma_nodes", Feature(
            "vnuma_nodes",
            List(
                Map(
                    ("memkb", s_kibibytes),
                    ("distances", List(Number(0, byte.MaxValue), 64)),
                    ("pnode", Number(0, 1024)),
                    ("vcpus", s_bitmap)),
                64))),
        ("max_grant_frames", Number(0, 4096)),
        ("max_maptrack_frames", Number(0, 4096)),
        ("max_grant_version", Number(-1, 2)),
        ("device_model_version", Never("qemu_xen", "unknown")),
        ("device_model_stubdomain", Never("False")),
        ("stubdomain_memkb", Never("0")),
        ("stubdomain_kernel", Never()),
        ("stubdomain_cmdline", Never()),
        ("stubdomain_ramdisk", Never()),
        ("device_model", Named("deviceModels", policy => policy.DeviceModels)),
        ("device_model_ssidref", Never("0")),
        ("device_model_ssid_label", Named("labels", policy => policy.Labels)),
        ("device_model_user", Never()),
        ("extra", Arguments()),
        ("extra_pv", Arguments()),
        ("extra_hvm", Arguments()),
        ("sched_params", s_scheduler),
        ("ioports", Never()),
        ("irqs", Never()),
        ("iomem", Never()),
        ("llc_colors", Never()),
        ("claim_mode", Flag),
        ("event_channels", Number(0, 131071)),
        ("kernel", File("kernels", policy => policy.Kernels)),
        ("cmdline", GuestText),
        ("ramdisk", File("ramdisks", policy => policy.Ramdisks)),
        ("device_tree", Never()),
        ("acpi", Flag),
        ("bootloader", Bootloader()),
        ("bootloader_args", List(Named("bootloaderArguments", policy => policy.BootloaderArguments), 64)),
        ("bootloader_restrict", Never("True")),
        ("bootloader_user", Never()),
        ("timer_mode", s_timerMode),
        ("nested_hvm", Feature("nested_hvm", Flag, "False")),
        ("apic", Flag),
        ("dm_restrict", Never("False")),
        ("tee", Never("none")),
        ("type.hvm", s_hvm),
        ("type.pv", s_pv),
        ("type.pvh", s_pvh),
        ("type.invalid", Never()),
        ("arch_arm", Map(("gic_version", Never("default")), ("vuart", Never("unknown")), ("sve_vl", Never("disabled")), ("nr_spis", Never("0")))),
        ("arch_x86", Map(("msr_relaxed", Feature("msr_relaxed", Flag, "False")))),
        ("altp2m", Feature("altp2m", Choice("disabled", "mixed", "external", "limited"), "disabled")),
        ("vmtrace_buf_kb", Feature("vmtrace_buf_kb", Number(0, 1 << 20), "0")),
        ("vpmu", Feature("vpmu", Flag, "False")));

    /// <summary>The whole configuration.</summary>
    internal static readonly XlRule Configuration = Map(
        ("c_info", s_identity),
        ("b_info", s_build),
        ("disks", List(XlDevices.Disk, 256)),
        ("nics", List(XlDevices.Nic, 256)),
        ("pcidevs", Never()),
        ("rdms", Never()),
        ("dtdevs", Never()),
        ("vfbs", List(XlDevices.Vfb, 8)),
        ("vkbs", List(XlDevices.Vkb, 8)),
        ("virtios", Never()),
        ("vtpms", Never()),
        ("p9s", List(XlDevices.Share, 64)),
        ("pvcallsifs", Never()),
        ("vdispls", Never()),
        ("vsnds", Never()),
        ("channels", Never()),
        ("usbctrls", Never()),
        ("usbdevs", Never()),
        ("on_poweroff", s_atEnd),
        ("on_reboot", s_atEnd),
        ("on_watchdog", s_atEnd),
        ("on_crash", s_atEnd),
        ("on_soft_reset", s_atEnd));

    /// <summary>What is read and left out: the number that the domain had at the source, because the toolstack gives it another.</summary>
    private static XlRule Ignored() => static (_, _, _) => null;

    /// <summary>Words for the device emulator, each of which may make any device or open any file.</summary>
    private static XlRule Arguments() => List(Named("deviceModelArguments", policy => policy.DeviceModelArguments), 256);

    /// <summary>The program that reads a kernel out of a guest's disk. A name alone means one of the toolstack's own programs.</summary>
    private static XlRule Bootloader() => Named("bootloaders", policy => policy.Bootloaders);

    /// <summary>Where a guest's serial line goes; everything but a terminal of its own is a file, a device or a connection.</summary>
    private static XlRule Serial() => Choice("none", "pty", "null");
}
