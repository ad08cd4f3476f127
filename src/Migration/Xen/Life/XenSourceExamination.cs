using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Host;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Pv;

namespace PreRecordMigration.Xen.Life;

/// <summary>Examines a domain of this host: whether, and by what, it can be recorded and moved.</summary>
internal sealed class XenSourceExamination : ISourceExamination
{
    private readonly XenControl _control;
    private readonly DomainFacts _facts;
    private readonly DomainEmulator? _emulator;

    /// <summary>Examines.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="hostName">The host's name.</param>
    /// <param name="info">The domain.</param>
    /// <param name="name">Its name.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>, with what to change.</exception>
    internal XenSourceExamination(XenControl control, string hostName, XenDomainInfo info, string name)
    {
        _control = control;
        RequireKind(control, info, name);
        _facts = new DomainFacts(control, hostName, name, (int)info.DomId);
        _emulator = FindEmulator(control, _facts);
    }

    /// <inheritdoc/>
    public DomainInfo Info => _facts.Info;

    /// <inheritdoc/>
    public void RemoveTraps() => TrapRemoval.RemoveAll(_control, _facts);

    /// <inheritdoc/>
    public void ContinueEmulator() => _emulator?.Continue();

    /// <inheritdoc/>
    public ISourceMechanism Build() => MechanismFor(_control, _facts, _emulator);

    private static void RequireKind(XenControl control, XenDomainInfo info, string name)
    {
        if (!info.Flags.HasFlag(XenDomainFlags.Hvm))
        {
            RequirePv(control, (int)info.DomId, name);
            return;
        }

        // Whether the extension takes the domain is asked when it is the domain's turn; what it does not take needs the ring.
        if (info.Flags.HasFlag(XenDomainFlags.Hap) && !XenExtension.IsSupported(control))
        {
            RequireRing(control, name, info.MaxVcpuId + 1);
        }
    }

    private static void RequireRing(XenControl control, string name, uint vcpus)
    {
        if (!control.SupportsPaging())
        {
            XenCapabilities.OfPagingRing(control, name).Require(MigrationCapability.Recording);
        }

        if (vcpus > 1 && !XenCapabilities.HasSeveralVcpuFix(control))
        {
            throw NotSupported(
                name,
                $"has {vcpus} vCPUs, and this hypervisor lacks the fix for more than one: recording it could hang the host",
                "Boot the hypervisor with this project's patches (native/hypervisor), or give the domain one vCPU.");
        }
    }

    private static void RequirePv(XenControl control, int domid, string name)
    {
        if (!XenExtension.IsSupported(control))
        {
            throw NotSupported(
                name, "is paravirtualised (PV), and this hypervisor lacks the extension that records such domains",
                XenErrno.ExtensionRemedy);
        }

        int width = control.GetAddressSize(domid);
        if (width != sizeof(ulong))
        {
            throw NotSupported(
                name, $"is a paravirtualised guest of {width * 8} bits; those of 64 bits can be moved", "Use `xl migrate`.");
        }
    }

    /// <summary>The emulator that stands beside an HVM domain, where it can be moved and answers; null for other domains.</summary>
    private static DomainEmulator? FindEmulator(XenControl control, DomainFacts facts)
    {
        if (facts.Info.Kind != DomainKind.Hvm)
        {
            return null;
        }

        EmulatorRequirements.Check(control.GetConfigurationJson(facts.DomId), facts.Info.Name);
        DomainEmulator emulator = DomainEmulator.Of(control, facts.DomId, facts.Info.Name);
        emulator.Probe();
        return emulator;
    }

    private static ISourceMechanism MechanismFor(XenControl control, DomainFacts facts, DomainEmulator? emulator)
    {
        if (facts.Info.Kind == DomainKind.PV)
        {
            using XenExtensionPort port = new(control, facts.DomId);
            port.Prepare(facts.PageCount, 0);
            port.Release();
            return new PvSource(control, facts);
        }

        bool hasNestedPaging = control.GetDomain(facts.DomId).Flags.HasFlag(XenDomainFlags.Hap);
        // What an emulator does to memory by its own mappings only the ring hears of.
        bool isByExtension = emulator is null && ExtensionSupport.IsChosenFor(control, facts.DomId, hasNestedPaging, facts.Info.Name);
        if (!isByExtension)
        {
            RequireRing(control, facts.Info.Name, (uint)facts.Info.VcpuCount);

            // IOMMU, populate-on-demand and foreign rings are refused when paging is switched on.
            using XenPagingRing ring = new(control, facts.DomId);
            ring.TryClose();
        }

        return new HvmSource(control, facts, emulator, isByExtension, hasNestedPaging);
    }

    private static MigrationException NotSupported(string name, string reason, string remedy) =>
        new(MigrationErrorId.NotSupported, $"{name} {reason}.", remedy, name);
}
