using System.Globalization;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Emulators;
using PreRecordMigration.Xen.Native;

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
        RequireEmulator(control, facts);
        SourceMarker marker = Claim(control, domid, name, uuid, out SourceStage? left);
        try
        {
            if (left is { } stage)
            {
                DomainMending.Mend(control, facts, stage);
                marker.Write(SourceStage.Running);
            }

            RequireRunning(control, domid, name);
            ProbeRing(control, facts);
            return new XenSourceDomain(control, facts, marker);
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
            throw NotSupported(
                name, "is paravirtualised (PV), which cannot be recorded yet",
                "Set type=\"pvh\" in its configuration and start it again, or use `xl migrate`.");
        }

        if (!info.Flags.HasFlag(XenDomainFlags.Hap))
        {
            throw NotSupported(
                name, "runs without hardware-assisted paging", "Remove hap=0 from its configuration and start it again.");
        }

        if (!control.SupportsPaging())
        {
            XenCapabilities.Of(control, name).Require(MigrationCapability.Recording);
        }

        uint vcpus = info.MaxVcpuId + 1;
        if (vcpus > 1 && !XenCapabilities.HasSeveralVcpuFix(control))
        {
            throw NotSupported(
                name,
                $"has {vcpus} vCPUs, and this hypervisor lacks the fix for more than one: recording it could hang the host",
                "Boot the hypervisor with this project's patches (native/hypervisor), or give the domain one vCPU.");
        }
    }

    private static void RequireEmulator(XenControl control, DomainFacts facts)
    {
        if (facts.Info.Kind == DomainKind.Hvm)
        {
            EmulatorRequirements.Check(control.GetConfigurationJson(facts.DomId), facts.Info.Name);
            DomainEmulator.Of(control, facts.DomId, facts.Info.Name).Probe();
        }
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

    /// <summary>The hypervisor refuses IOMMU, populate-on-demand and foreign rings only when paging is switched on: now.</summary>
    private static void ProbeRing(XenControl control, DomainFacts facts)
    {
        using XenPagingRing ring = new(control, facts.DomId);
        ring.TryClose();
    }

    private static MigrationException NotSupported(string name, string reason, string remedy) =>
        new(MigrationErrorId.NotSupported, $"{name} {reason}.", remedy, name);
}
