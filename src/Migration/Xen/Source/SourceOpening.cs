using System.Globalization;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Emulators;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Pv;

namespace PreRecordMigration.Xen.Source;

/// <summary>Opens a domain as a source: checks what can be checked beforehand, and mends what a killed process left.</summary>
internal static class SourceOpening
{
    private static readonly Lock s_claiming = new();

    /// <summary>Opens.</summary>
    /// <param name="control">A connection of its own, given over where this succeeds.</param>
    /// <param name="hostName">The host's name.</param>
    /// <param name="name">The domain's name.</param>
    internal static XenSourceDomain Open(XenControl control, string hostName, string name)
    {
        XenDomainInfo info = Find(control, name);
        int domid = (int)info.DomId;
        string uuid = Convert.ToHexStringLower(info.Uuid);
        RequireKind(control, info, name);
        DomainFacts facts = new(control, hostName, name, domid);
        DomainEmulator? emulator = FindEmulator(control, facts);
        SourceMarker marker = Claim(control, domid, name, uuid, out SourceStage? left);
        try
        {
            if (left is { } stage)
            {
                DomainMending.Mend(control, facts, stage);
                marker.Write(SourceStage.Running);
            }

            RequireRunning(control, domid, name);
            return new XenSourceDomain(control, facts, MechanismFor(control, facts, emulator), marker);
        }
        catch
        {
            Unclaim(marker, left);
            throw;
        }
    }

    private static XenDomainInfo Find(XenControl control, string name)
    {
        foreach (XenDomainInfo info in control.ListDomains())
        {
            string path = string.Create(CultureInfo.InvariantCulture, $"/local/domain/{info.DomId}/name");
            if (!info.Flags.HasFlag(XenDomainFlags.Dying) && control.ReadStore(path) == name)
            {
                return info;
            }
        }

        throw new MigrationException(
            MigrationErrorId.DomainNotFound, $"There is no domain {name} on this host.", "`xl list` shows the domains.", name);
    }

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

    private static void RequireRunning(XenControl control, int domid, string name)
    {
        XenDomainFlags flags = control.GetDomain(domid).Flags;
        if (flags.HasFlag(XenDomainFlags.Shutdown) || flags.HasFlag(XenDomainFlags.Paused))
        {
            bool isPaused = flags.HasFlag(XenDomainFlags.Paused);
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{name} {(isPaused ? "is paused" : "has shut down or is suspended")}; a source must run.",
                isPaused ? $"xl unpause {domid}" : "Start it, or end what suspended it.",
                name);
        }
    }

    private static SourceMarker Claim(XenControl control, int domid, string name, string uuid, out SourceStage? left)
    {
        lock (s_claiming)
        {
            SourceMarker.Found? found = SourceMarker.Read(control, domid, uuid);
            if (found is { Owner.IsAlive: true } busy)
            {
                throw new MigrationException(
                    MigrationErrorId.DomainBusy,
                    $"{name} is being recorded or migrated by process {busy.Owner.Id}.",
                    "Wait for it, or end it (Stop-Migration in its shell).",
                    name);
            }

            left = found?.Stage;
            return SourceMarker.Place(control, domid, uuid, left ?? SourceStage.Running);
        }
    }

    /// <summary>What could not be mended stays marked, by an owner that will be found dead, so that the next run tries again.</summary>
    private static void Unclaim(SourceMarker marker, SourceStage? left)
    {
        if (left is { } stage)
        {
            marker.WriteOrphaned(stage);
        }
        else
        {
            marker.Remove();
        }
    }

    /// <summary>Chooses how the domain is recorded, and finds out now what the hypervisor would refuse later.</summary>
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
