using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Host;

/// <summary>What a Xen host can do, and why not, found out without touching a domain.</summary>
internal static class XenCapabilities
{
    private const string BuildRemedy =
        "Build the hypervisor with CONFIG_UNSUPPORTED, CONFIG_EXPERT and CONFIG_MEM_PAGING=y and this project's patches (native/hypervisor), and boot it.";

    /// <summary>Asks the host, for domains with nested paging: the extension, where it takes them, or Xen's paging ring.</summary>
    internal static CapabilityReport Of(XenControl control, string hostName) =>
        Of(XenHostFacts.Read(control), control.ProbeExtension(), hostName, ExtensionSupport.IsRingAskedFor);

    /// <summary>Asks the host, for domains with nested paging that the extension does not take.</summary>
    internal static CapabilityReport OfPagingRing(XenControl control, string hostName)
    {
        XenHostFacts facts = XenHostFacts.Read(control);
        Verdict paging = Paging(facts);
        return Report(facts, hostName, paging, SeveralVcpus(facts, paging), Extension(control.ProbeExtension()));
    }

    /// <summary>What a migration asks of a host that says this of itself, for domains with nested paging.</summary>
    /// <param name="facts">What the host says.</param>
    /// <param name="answer">What its extension says.</param>
    /// <param name="hostName">Its name.</param>
    /// <param name="prefersRing">Whether the ring goes before the extension where both are there.</param>
    internal static CapabilityReport Of(XenHostFacts facts, XenExtensionAnswer answer, string hostName, bool prefersRing)
    {
        Verdict extension = Extension(answer);
        Verdict paging = Paging(facts);
        if (extension.IsAvailable && facts.HasNestedExtension && !(prefersRing && paging.IsAvailable))
        {
            return Report(facts, hostName, extension, extension.For(MigrationCapability.SeveralVcpus), extension);
        }

        return Report(facts, hostName, paging, SeveralVcpus(facts, paging), extension);
    }

    /// <summary>Asks the host, for paravirtualised domains: the extension does all of it.</summary>
    internal static CapabilityReport OfParavirtualised(XenControl control, string hostName)
    {
        Verdict extension = Extension(control.ProbeExtension());
        return Report(
            XenHostFacts.Read(control), hostName, extension, extension.For(MigrationCapability.SeveralVcpus), extension);
    }

    /// <summary>Whether the hypervisor carries the fix without which several vCPUs hang the host.</summary>
    internal static bool HasSeveralVcpuFix(XenControl control) => XenHostFacts.Read(control).HasSeveralVcpuFix;

    private static CapabilityReport Report(
        XenHostFacts facts, string hostName, Verdict recording, Capability severalVcpus, Verdict extension) => new(
        hostName,
        [
            new(MigrationCapability.Control, true, $"The hypervisor answers (Xen {facts.Info.Major}.{facts.Info.Minor}).", ""),
            recording.For(MigrationCapability.Recording),
            recording.For(MigrationCapability.Rollback),
            new(MigrationCapability.OutputIsolation, true,
                "Domains without network cards, disks and other outputs can be rolled back; others are refused.", ""),
            new(MigrationCapability.DirtyTracking, true, "Xen's log-dirty mode.", ""),
            recording.For(MigrationCapability.RemotePF),
            severalVcpus,
            extension.For(MigrationCapability.ParavirtualisedDomains),
            new(MigrationCapability.Receiver, true, "This session can receive for it: Start-MigrationReceiver.", ""),
        ]);

    private static Verdict Extension(XenExtensionAnswer answer) => answer == XenExtensionAnswer.Present
        ? new(true, "The hypervisor has this project's extension.", "")
        : new(false, "The hypervisor lacks this project's extension, which records and serves domains without nested paging.",
            XenErrno.ExtensionRemedy);

    private static Verdict Paging(XenHostFacts facts)
    {
        if (!facts.HasHap)
        {
            return new(false, "The processor has no hardware-assisted paging (EPT or NPT), or it is switched off.",
                "Switch virtualisation on in the firmware, and boot Xen without hap=0.");
        }

        if (facts.IsControlDomainHvm)
        {
            return new(false, "The control domain is PVH: Xen then refuses memory paging.", "Boot a PV control domain (without dom0=pvh).");
        }

        return facts.HasMemoryPaging
            ? new(true, "The hypervisor has memory paging.", "")
            : new(false, "The hypervisor was built without MEM_PAGING.", BuildRemedy);
    }

    private static Capability SeveralVcpus(XenHostFacts facts, Verdict paging)
    {
        if (!paging.IsAvailable)
        {
            return paging.For(MigrationCapability.SeveralVcpus);
        }

        return facts.HasSeveralVcpuFix
            ? new(MigrationCapability.SeveralVcpus, true, "The hypervisor carries this project's fix.", "")
            : new(MigrationCapability.SeveralVcpus, false,
                "The hypervisor lacks this project's fix: recording a domain with several vCPUs could hang the host.", BuildRemedy);
    }

    private sealed record Verdict(bool IsAvailable, string Reason, string Remedy)
    {
        internal Capability For(MigrationCapability kind) => new(kind, IsAvailable, Reason, Remedy);
    }
}
