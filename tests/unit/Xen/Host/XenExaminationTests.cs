using PreRecordMigration.Hypervisor;
using PreRecordMigration.Tests.Xen.Life;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Host;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Host;

/// <summary>What a host's abilities rest on, judged from what a host says of itself.</summary>
public sealed class XenExaminationTests
{
    private static readonly XlAnswer s_xl = new(true, 0, "4.17.5-prerecord");

    [Fact]
    public void A_host_with_everything_lacks_only_what_Xen_cannot_do()
    {
        Capability missing = Assert.Single(Examine(Facts()), item => !item.IsAvailable);
        Assert.Equal(MigrationCapability.InPlaceRollback, missing.Kind);
        Assert.Contains("fresh domain", missing.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(17u, true)]
    [InlineData(19u, false)]
    [InlineData(20u, true)]
    public void A_host_is_taken_with_each_Xen_that_there_is_a_library_for(uint minor, bool isTaken)
    {
        Capability hypervisor = Assert.Single(
            Examine(Facts() with { Info = Info(minor: minor) }), item => item.Kind == MigrationCapability.Hypervisor);
        Assert.Equal(isTaken, hypervisor.IsAvailable);
        Assert.Equal(isTaken, !hypervisor.Remedy.Contains("4.17 or 4.20", StringComparison.Ordinal));
    }

    [Fact]
    public void Examination_and_capabilities_together_report_every_capability_once()
    {
        MigrationCapability[] kinds =
            [.. Capabilities(Facts()).Items.Concat(Examine(Facts())).Select(item => item.Kind)];
        Assert.Equal(Enum.GetValues<MigrationCapability>(), kinds);
    }

    [Theory]
    [InlineData(MigrationCapability.Hypervisor, "4.18")]
    [InlineData(MigrationCapability.MemoryPaging, "without MEM_PAGING")]
    [InlineData(MigrationCapability.ShadowPaging, "without SHADOW_PAGING")]
    [InlineData(MigrationCapability.FreeMemory, "100 MiB of 2048 MiB")]
    public void What_a_host_lacks_is_said_with_a_reason_a_remedy_and_a_gain(MigrationCapability kind, string reason)
    {
        XenHostFacts facts = kind switch
        {
            MigrationCapability.Hypervisor => Facts() with { Info = Info(minor: 18) },
            MigrationCapability.MemoryPaging => Facts() with { HasMemoryPaging = false },
            MigrationCapability.ShadowPaging => Facts() with { Info = Info(XenHostCapabilities.Hvm | XenHostCapabilities.Hap) },
            _ => Facts() with { Info = Info(freePages: 100 << 8) },
        };
        RequireMissing(Examine(facts), kind, reason);
    }

    [Theory]
    [InlineData(XenExtensionAnswer.None, "does not know")]
    [InlineData(XenExtensionAnswer.OtherVersion, "another version")]
    internal void A_missing_extension_is_told_from_one_of_another_version(XenExtensionAnswer answer, string reason) =>
        RequireMissing(XenExamination.Of(Facts(), answer, s_xl), MigrationCapability.Extension, reason);

    [Theory]
    [InlineData(XenExtensionAnswer.Present, "prerecord-paging-2 ", "AMD")]
    [InlineData(XenExtensionAnswer.None, "prerecord-paging-2 prerecord-nested ", "lacks the extension")]
    internal void An_extension_that_does_not_take_nested_paging_is_told(XenExtensionAnswer answer, string words, string reason) =>
        RequireMissing(
            XenExamination.Of(Facts() with { CapabilityWords = words }, answer, s_xl), MigrationCapability.NestedExtension, reason);

    [Fact]
    public void A_host_without_the_programs_that_hold_devices_back_rolls_back_domains_without_devices()
    {
        FakeXen xen = new();
        Capability whole = XenCapabilities.OutputIsolation(xen.Layers);
        Assert.True(whole.IsAvailable);
        Assert.DoesNotContain("lacks", whole.Reason, StringComparison.Ordinal);

        xen.Outputs.Missing = "dmsetup (apt-get install dmsetup)";
        Capability poor = XenCapabilities.OutputIsolation(xen.Layers);
        Assert.True(poor.IsAvailable);
        Assert.EndsWith("lacks dmsetup (apt-get install dmsetup).", poor.Reason, StringComparison.Ordinal);
        Assert.NotEmpty(poor.Remedy);
    }

    [Fact]
    public void A_host_whose_extension_takes_nested_paging_needs_no_memory_paging()
    {
        CapabilityReport report = Capabilities(Facts() with { HasMemoryPaging = false });
        Assert.True(report[MigrationCapability.Recording].IsAvailable);
        Assert.True(report[MigrationCapability.RemotePF].IsAvailable);
        Assert.True(report[MigrationCapability.SeveralVcpus].IsAvailable);
    }

    [Theory]
    [InlineData(true, "has memory paging")]
    [InlineData(false, "project's extension")]
    public void What_serves_nested_paging_is_told_as_it_was_chosen(bool prefersRing, string reason)
    {
        CapabilityReport report = Capabilities(Facts(), prefersRing);
        Assert.Contains(reason, report[MigrationCapability.RemotePF].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_toolstack_that_is_not_there_is_told_from_one_that_does_not_work()
    {
        RequireMissing(Examine(Facts(), new XlAnswer(false, -1, "")), MigrationCapability.Toolstack, "no xl");
        RequireMissing(
            Examine(Facts(), new XlAnswer(true, 1, "cannot open privcmd")), MigrationCapability.Toolstack, "cannot open privcmd");
    }

    [Theory]
    [InlineData("", "Xen-3.0 hvm-3.0 prerecord-paging-2 ", true)]
    [InlineData("-prerecord", "Xen-3.0 ", true)]
    [InlineData("-deb12", "Xen-3.0 ", false)]
    public void Several_vcpus_need_a_hypervisor_with_the_fix(string extra, string words, bool isAvailable)
    {
        XenHostFacts facts = Facts() with { ExtraVersion = extra, CapabilityWords = words };
        Assert.Equal(isAvailable, Capabilities(facts)[MigrationCapability.SeveralVcpus].IsAvailable);
    }

    [Theory]
    [InlineData(false, false, true, "hardware-assisted")]
    [InlineData(true, true, true, "control domain is PVH")]
    [InlineData(true, false, false, "without MEM_PAGING")]
    public void Recording_is_refused_for_the_first_reason_that_stands_against_it(
        bool hasHap, bool isControlDomainHvm, bool hasPaging, string reason)
    {
        XenHostFacts facts = Facts() with
        {
            Info = Info(hasHap ? XenHostCapabilities.Hap : XenHostCapabilities.PV),
            CapabilityWords = "Xen-3.0 prerecord-paging-2 ",
            IsControlDomainHvm = isControlDomainHvm,
            HasMemoryPaging = hasPaging,
        };
        RequireMissing(Capabilities(facts).Items, MigrationCapability.Recording, reason);
    }

    [Fact]
    public void A_program_s_answer_is_what_it_prints_or_why_it_could_not()
    {
        Assert.Equal(new XlAnswer(true, 0, "info xen_version"), XlAnswer.Ask("echo"));
        Assert.False(XlAnswer.Ask("/nonexistent/xl").IsFound);
        XlAnswer failed = XlAnswer.Ask("cat");
        Assert.NotEqual(0, failed.ExitCode);
        Assert.Contains("info", failed.Text, StringComparison.Ordinal);
    }

    private static IReadOnlyList<Capability> Examine(XenHostFacts facts, XlAnswer? toolstack = null) =>
        XenExamination.Of(facts, XenExtensionAnswer.Present, toolstack ?? s_xl);

    private static void RequireMissing(IEnumerable<Capability> items, MigrationCapability kind, string reason)
    {
        Capability item = Assert.Single(items, item => item.Kind == kind);
        Assert.False(item.IsAvailable);
        Assert.Contains(reason, item.Reason, StringComparison.Ordinal);
        Assert.NotEmpty(item.Remedy);
        Assert.NotEmpty(item.Gain);
    }

    private static CapabilityReport Capabilities(XenHostFacts facts, bool prefersRing = false) =>
        XenCapabilities.Of(facts, XenExtensionAnswer.Present, "xen1", prefersRing);

    private static XenHostFacts Facts() => new(Info(), ".5-prerecord", "Xen-3.0 prerecord-paging-2 prerecord-nested ", false, true);

    private static XenHostInfo Info(
        XenHostCapabilities capabilities = XenHostCapabilities.Hvm | XenHostCapabilities.PV | XenHostCapabilities.Hap | XenHostCapabilities.Shadow,
        uint minor = 17,
        ulong freePages = 1 << 18) => new()
        {
            Major = 4,
            Minor = minor,
            Capabilities = capabilities,
            TotalPages = 1 << 19,
            FreePages = freePages,
        };
}
