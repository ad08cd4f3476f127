using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Domains;

/// <summary>Who records and serves a domain, as a table of what the domain and the host are and what an administrator prefers.</summary>
public sealed class RecorderChoiceTests
{
    /// <summary>What a host may have, by the words of the table: everything, or what is missing.</summary>
    private static HostTraits HostOf(string host) => host switch
    {
        "all" => All,
        "no extension" => All with { Extension = XenExtensionAnswer.None },
        "other version" => All with { Extension = XenExtensionAnswer.OtherVersion },
        "Intel" => All with { Facts = All.Facts with { CapabilityWords = "Xen-3.0 prerecord-paging-3 " } },
        "older fix" => new(All.Facts with { CapabilityWords = "Xen-3.0 prerecord-paging-2 " }, XenExtensionAnswer.None),
        "refused" => All with { TakesDomain = false },
        "no paging" => All with { Facts = All.Facts with { HasMemoryPaging = false } },
        "Debian's" => new(All.Facts with { HasMemoryPaging = false, CapabilityWords = "Xen-3.0 ", ExtraVersion = ".5" }, XenExtensionAnswer.None),
        "no fix" => new(All.Facts with { CapabilityWords = "Xen-3.0 ", ExtraVersion = ".5" }, XenExtensionAnswer.None),
        "no HAP" => new(All.Facts with { Info = All.Facts.Info with { Capabilities = XenHostCapabilities.PV } }, XenExtensionAnswer.None),
        "PVH dom0" => new(All.Facts with { IsControlDomainHvm = true }, XenExtensionAnswer.None),
        _ => throw new ArgumentException(host, nameof(host)),
    };

    [Theory]
    // domain: kind, nested paging, vCPUs; host; prefers the ring; who records
    [InlineData(DomainKind.PV, false, 1, "all", false, Recorder.ExtensionByFaults)]
    [InlineData(DomainKind.PV, false, 4, "all", true, Recorder.ExtensionByFaults)]
    [InlineData(DomainKind.PV, false, 1, "Intel", false, Recorder.ExtensionByFaults)]
    [InlineData(DomainKind.PV, false, 1, "no paging", false, Recorder.ExtensionByFaults)]
    [InlineData(DomainKind.Pvh, false, 1, "all", false, Recorder.ExtensionByFaults)]
    [InlineData(DomainKind.Pvh, false, 2, "Intel", true, Recorder.ExtensionByFaults)]
    [InlineData(DomainKind.Pvh, true, 1, "all", false, Recorder.ExtensionByHarvest)]
    [InlineData(DomainKind.Pvh, true, 2, "all", false, Recorder.ExtensionByHarvest)]
    [InlineData(DomainKind.Pvh, true, 1, "no paging", false, Recorder.ExtensionByHarvest)]
    [InlineData(DomainKind.Pvh, true, 1, "no paging", true, Recorder.ExtensionByHarvest)]
    [InlineData(DomainKind.Pvh, true, 1, "all", true, Recorder.Ring)]
    [InlineData(DomainKind.Pvh, true, 2, "all", true, Recorder.Ring)]
    [InlineData(DomainKind.Pvh, true, 1, "Intel", false, Recorder.Ring)]
    [InlineData(DomainKind.Pvh, true, 1, "refused", false, Recorder.Ring)]
    [InlineData(DomainKind.Pvh, true, 1, "no extension", false, Recorder.Ring)]
    [InlineData(DomainKind.Pvh, true, 1, "other version", false, Recorder.Ring)]
    [InlineData(DomainKind.Pvh, true, 1, "no fix", false, Recorder.Ring)]
    [InlineData(DomainKind.Hvm, true, 1, "all", false, Recorder.Ring)]
    [InlineData(DomainKind.Hvm, true, 2, "all", false, Recorder.Ring)]
    internal void A_domain_is_recorded_by(DomainKind kind, bool hasNestedPaging, int vcpus, string host, bool prefersRing, Recorder recorder)
    {
        RecorderChoice choice = RecorderChoice.Make(new(kind, hasNestedPaging, vcpus, kind == DomainKind.Hvm), HostOf(host), prefersRing);
        Assert.Equal(recorder, choice.Require("vm"));
        Assert.Equal(recorder != Recorder.Ring, choice.IsByExtension);
        Assert.NotEmpty(choice.Reason);
        Assert.Empty(choice.Remedy);
    }

    [Theory]
    [InlineData(DomainKind.PV, false, 1, "no extension", "paravirtualised (PV)", "native/hypervisor/build")]
    [InlineData(DomainKind.PV, false, 1, "other version", "paravirtualised (PV)", "native/hypervisor/build")]
    [InlineData(DomainKind.PV, false, 1, "refused", "does not take it", "xl dmesg")]
    [InlineData(DomainKind.Pvh, false, 1, "no extension", "hap=0", "remove hap=0")]
    [InlineData(DomainKind.Pvh, false, 1, "refused", "does not take it", "xl dmesg")]
    [InlineData(DomainKind.Pvh, true, 1, "Debian's", "without MEM_PAGING", "native/hypervisor/build")]
    [InlineData(DomainKind.Pvh, true, 2, "no fix", "could hang the host", "one vCPU")]
    [InlineData(DomainKind.Pvh, true, 1, "no HAP", "no hardware-assisted paging", "firmware")]
    [InlineData(DomainKind.Pvh, true, 1, "PVH dom0", "control domain is PVH", "PV control domain")]
    [InlineData(DomainKind.Hvm, true, 1, "no paging", "without MEM_PAGING", "native/hypervisor/build")]
    [InlineData(DomainKind.Hvm, true, 1, "older fix", "would be lost if the process", "native/hypervisor/build")]
    [InlineData(DomainKind.Hvm, true, 1, "no fix", "would be lost if the process", "native/hypervisor/build")]
    [InlineData(DomainKind.Hvm, false, 1, "all", "QEMU beside an HVM domain", "hap=0")]
    internal void A_domain_is_refused_with_the_reason_and_the_remedy(
        DomainKind kind, bool hasNestedPaging, int vcpus, string host, string reason, string remedy)
    {
        RecorderChoice choice = RecorderChoice.Make(new(kind, hasNestedPaging, vcpus, kind == DomainKind.Hvm), HostOf(host), prefersRing: false);
        Assert.False(choice.IsByExtension);
        MigrationException error = Assert.Throws<MigrationException>(() => choice.Require("vm"));
        Assert.Equal(MigrationErrorId.NotSupported, error.ErrorId);
        Assert.StartsWith("vm can be neither recorded nor served here. ", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, error.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("all", true)]
    [InlineData("older fix", false)]
    [InlineData("no fix", false)]
    internal void A_domain_with_devices_is_given_to_a_ring_that_outlives_its_process(string host, bool isTaken)
    {
        DomainTraits domain = new(DomainKind.Pvh, true, 1, HasBackends: true);
        Assert.Equal(isTaken ? Recorder.Ring : null, RecorderChoice.Make(domain, HostOf(host), prefersRing: true).Recorder);
        Assert.Equal(Recorder.Ring, RecorderChoice.Make(domain with { HasBackends = false }, HostOf(host), prefersRing: true).Recorder);
    }

    [Theory]
    [InlineData("Xen-3.0 prerecord-paging-3 prerecord-nested", true)]
    [InlineData("prerecord-paging-14", true)]
    [InlineData("prerecord-paging-2 ", false)]
    [InlineData("prerecord-paging- 3", false)]
    [InlineData("prerecord-paging--3", false)]
    [InlineData("xprerecord-paging-3", false)]
    [InlineData("", false)]
    internal void A_hypervisor_gives_rings_over_by_its_word(string words, bool givesOver) =>
        Assert.Equal(givesOver, (All.Facts with { CapabilityWords = words }).GivesRingsOver);

    private static HostTraits All => new(
        new XenHostFacts(
            new XenHostInfo
            {
                Major = 4,
                Minor = 17,
                Capabilities = XenHostCapabilities.Hvm | XenHostCapabilities.PV | XenHostCapabilities.Hap | XenHostCapabilities.Shadow,
            },
            ".5-prerecord",
            "Xen-3.0 prerecord-paging-3 prerecord-nested ",
            IsControlDomainHvm: false,
            HasMemoryPaging: true),
        XenExtensionAnswer.Present);
}
