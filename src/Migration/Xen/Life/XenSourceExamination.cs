using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Pv;
using PreRecordMigration.Xen.Ring;

namespace PreRecordMigration.Xen.Life;

/// <summary>Examines a domain of this host: whether, and by what, it can be recorded and moved.</summary>
internal sealed class XenSourceExamination : ISourceExamination
{
    private readonly XenControl _control;
    private readonly DomainFacts _facts;
    private readonly DomainTraits _traits;
    private readonly DomainEmulator? _emulator;
    private readonly bool _isTrappable;

    /// <summary>Examines.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="hostName">The host's name.</param>
    /// <param name="info">The domain.</param>
    /// <param name="name">Its name.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>, with what to change.</exception>
    internal XenSourceExamination(XenControl control, string hostName, XenDomainInfo info, string name)
    {
        int domid = (int)info.DomId;
        _control = control;
        _traits = new DomainTraits(
            DomainFacts.KindOf(control, info), info.Flags.HasFlag(XenDomainFlags.Hap), (int)info.MaxVcpuId + 1, DomainFacts.HasBackends(control, domid));
        RequireKind(control, _traits, domid, name);
        int pageCount = _traits.Kind == DomainKind.PV
            ? PvSource.ReadMap(control, domid, name).PageCount
            : DomainExtent.Count(control.GetMaximumGfn(domid), info.MaxPages, name);
        _facts = new DomainFacts(control, hostName, name, domid, pageCount);
        _emulator = FindEmulator(control, _facts, out _isTrappable);
    }

    /// <inheritdoc/>
    public DomainInfo Info => _facts.Info;

    /// <inheritdoc/>
    public void RemoveTraps()
    {
        bool wasExtensions = XenExtension.IsSupported(_control) && ExtensionMending.EndRecording(_control, _facts.DomId, _facts.Info.Name);
        if (!wasExtensions && _traits.HasNestedPaging)
        {
            RingMending.RemoveTraps(_control, _facts.DomId, _facts.Info.Name, _traits.VcpuCount, () => _facts.FindPages(_control));
        }

        XenDirtyTracker.EndLeft(_control, _facts.DomId, _emulator);
    }

    /// <inheritdoc/>
    public void ContinueEmulator() => _emulator?.Continue();

    /// <inheritdoc/>
    public ISourceMechanism Build() => MechanismFor(_control, _facts, _traits, _emulator, _isTrappable);

    /// <summary>Refuses a domain of a kind that nobody records. Whether the extension takes the very domain is asked later, after mending:
    /// the domain may still have an owner that a killed process left.</summary>
    private static void RequireKind(XenControl control, DomainTraits traits, int domid, string name)
    {
        RecorderChoice.Make(traits, HostTraits.Of(control), ExtensionSupport.IsRingAskedFor).Require(name);
        if (traits.Kind == DomainKind.PV && control.GetAddressSize(domid) is var width and not sizeof(ulong))
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"{name} is a paravirtualised guest of {width * 8} bits; those of 64 bits can be moved.", "Use `xl migrate`.", name);
        }
    }

    /// <summary>The emulator that stands beside an HVM domain, where it can be moved and answers; null for other domains.</summary>
    private static DomainEmulator? FindEmulator(XenControl control, DomainFacts facts, out bool isTrappable)
    {
        isTrappable = true;
        if (facts.Info.Kind != DomainKind.Hvm)
        {
            return null;
        }

        string json = control.GetConfigurationJson(facts.DomId);
        EmulatorRequirements.Check(json, facts.Info.Name);
        isTrappable = EmulatorRequirements.IsTrappable(json);
        DomainEmulator emulator = DomainEmulator.Of(control, facts.DomId, facts.Info.Name);
        emulator.Probe();
        return emulator;
    }

    private static ISourceMechanism MechanismFor(XenControl control, DomainFacts facts, DomainTraits traits, DomainEmulator? emulator, bool isTrappable)
    {
        if (traits.Kind == DomainKind.PV)
        {
            using XenExtensionPort port = new(control, facts.DomId);
            port.Prepare(facts.PageCount, 0);
            port.Release();
            return new PvSource(control, facts);
        }

        Recorder recorder = ExtensionSupport.Choose(control, facts.DomId, traits).Require(facts.Info.Name);
        if (recorder == Recorder.Ring)
        {
            // IOMMU, populate-on-demand and foreign rings are refused when paging is switched on.
            using XenPagingRing ring = new(control, facts.DomId);
            ring.TryClose();
        }

        return new HvmSource(control, facts, emulator, recorder, isTrappable);
    }
}
