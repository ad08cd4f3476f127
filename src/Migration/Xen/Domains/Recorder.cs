using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Domains;

/// <summary>What records a domain, and serves its missing pages.</summary>
internal enum Recorder
{
    /// <summary>Xen's paging ring.</summary>
    Ring,

    /// <summary>The hypervisor's extension; each touch in an epoch is a fault.</summary>
    ExtensionByFaults,

    /// <summary>The hypervisor's extension; after a page's first touch the processor's own bits tell of the others.</summary>
    ExtensionByHarvest,
}

/// <summary>What matters about a domain for the choice of its recorder.</summary>
/// <param name="Kind">Its kind. Beside an HVM domain stands an emulator.</param>
/// <param name="HasNestedPaging">Whether it has nested paging; PV domains and those with hap=0 have not.</param>
/// <param name="VcpuCount">How many vCPUs it has.</param>
/// <param name="HasBackends">Whether something beside the guest touches its memory: an emulator, or what is behind its devices.</param>
internal readonly record struct DomainTraits(DomainKind Kind, bool HasNestedPaging, int VcpuCount, bool HasBackends)
{
    /// <summary>A PV domain. Its vCPUs and devices do not matter for the choice.</summary>
    internal static DomainTraits Paravirtualised => new(DomainKind.PV, HasNestedPaging: false, VcpuCount: 1, HasBackends: false);
}

/// <summary>What matters about a host for the choice of a recorder.</summary>
/// <param name="Facts">What it says of itself.</param>
/// <param name="Extension">What its extension says.</param>
/// <param name="TakesDomain">Whether the extension took the very domain when it was tried; null where it was not tried.</param>
internal readonly record struct HostTraits(XenHostFacts Facts, XenExtensionAnswer Extension, bool? TakesDomain = null)
{
    /// <summary>Asks the host. Touches no domain.</summary>
    /// <exception cref="MigrationException">It does not answer.</exception>
    internal static HostTraits Of(XenControl control) => new(XenHostFacts.Read(control), control.ProbeExtension());
}

/// <summary>Who records a domain, or why nobody does.</summary>
/// <param name="Recorder">Who; null where nobody does.</param>
/// <param name="Reason">Why, as a sentence about the hypervisor or the domain.</param>
/// <param name="Remedy">What to do about it; empty where somebody does.</param>
internal sealed record RecorderChoice(Recorder? Recorder, string Reason, string Remedy)
{
    /// <summary>Whether the extension records.</summary>
    internal bool IsByExtension => Recorder is Domains.Recorder.ExtensionByFaults or Domains.Recorder.ExtensionByHarvest;

    /// <summary>Who records.</summary>
    /// <param name="subject">The domain's name.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>: nobody does.</exception>
    internal Recorder Require(string subject) => Recorder ?? throw new MigrationException(
        MigrationErrorId.NotSupported, $"{subject} can be neither recorded nor served here. {Reason}", Remedy, subject);

    /// <summary>
    /// Chooses. The extension takes PV domains and those on shadow page tables, which nothing else can record, and those with nested
    /// paging where this host's extension can. The ring takes those with nested paging that the extension does not take, and all of them
    /// where an administrator prefers it.
    /// </summary>
    /// <param name="domain">The domain.</param>
    /// <param name="host">The host that it is on, or comes to.</param>
    /// <param name="prefersRing">Whether the ring goes before the extension where both are there.</param>
    internal static RecorderChoice Make(DomainTraits domain, HostTraits host, bool prefersRing)
    {
        RecorderChoice extension = ByExtension(domain, host);
        if (!domain.HasNestedPaging)
        {
            return extension;
        }

        RecorderChoice ring = ByRing(domain, host.Facts);
        return extension.Recorder is not null && !(prefersRing && ring.Recorder is not null) ? extension : ring;
    }

    private static RecorderChoice ByExtension(DomainTraits domain, HostTraits host)
    {
        if (host.Extension != XenExtensionAnswer.Present)
        {
            return domain switch
            {
                { Kind: DomainKind.PV } => No(
                    "The hypervisor lacks this project's extension, which alone records and serves paravirtualised (PV) domains.", XenErrno.BuildRemedy),
                { HasNestedPaging: false } => No(
                    "The hypervisor lacks this project's extension, which alone records and serves domains without hardware-assisted paging (hap=0).",
                    XenErrno.BuildRemedy + " Or remove hap=0 from the domain's configuration and start it again."),
                _ => No("The hypervisor lacks this project's extension.", XenErrno.BuildRemedy),
            };
        }

        if (domain.Kind == DomainKind.Hvm)
        {
            return No(
                "Of what the QEMU beside an HVM domain does only Xen's paging ring hears, which takes domains with hardware-assisted paging alone.",
                "Remove hap=0 from the domain's configuration and start it again.");
        }

        if (!(host.TakesDomain ?? (!domain.HasNestedPaging || host.Facts.HasNestedExtension)))
        {
            return No("The hypervisor's extension does not take it.", "Look at `xl dmesg` for what the hypervisor says of it.");
        }

        return new(
            domain.HasNestedPaging ? Domains.Recorder.ExtensionByHarvest : Domains.Recorder.ExtensionByFaults,
            "The hypervisor has this project's extension.",
            "");
    }

    private static RecorderChoice ByRing(DomainTraits domain, XenHostFacts host)
    {
        if (!host.HasHap)
        {
            return No(
                "The processor has no hardware-assisted paging (EPT or NPT), or it is switched off.",
                "Switch virtualisation on in the firmware, and boot Xen without hap=0.");
        }

        if (host.IsControlDomainHvm)
        {
            return No("The control domain is PVH: Xen then refuses memory paging.", "Boot a PV control domain (without dom0=pvh).");
        }

        if (!host.HasMemoryPaging)
        {
            return No("The hypervisor was built without MEM_PAGING.", XenErrno.BuildRemedy);
        }

        if (domain.VcpuCount > 1 && !host.HasSeveralVcpuFix)
        {
            return No(
                "The hypervisor lacks this project's fix: recording a domain with several vCPUs could hang the host.",
                XenErrno.BuildRemedy + " Or give the domain one vCPU.");
        }

        // Xen crashes a domain of which a backend touches a trapped or missing page while there is no ring, and without that fix there is
        // none between that of a process which was killed and its successor's.
        return domain.HasBackends && !host.GivesRingsOver
            ? No(
                "The hypervisor lacks this project's fix: a domain with an emulator or devices would be lost if the process that records or serves it is killed.",
                XenErrno.BuildRemedy + " Or use `xl migrate`.")
            : new(Domains.Recorder.Ring, domain.VcpuCount > 1 ? "The hypervisor carries this project's fix." : "The hypervisor has memory paging.", "");
    }

    private static RecorderChoice No(string reason, string remedy) => new(null, reason, remedy);
}
