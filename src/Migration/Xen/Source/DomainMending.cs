using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Emulators;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Paging;

namespace PreRecordMigration.Xen.Source;

/// <summary>Mends a domain that a killed process left: its ring, its traps, its waiting vCPUs, and its standstill.</summary>
internal static class DomainMending
{
    /// <summary>Mends.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="facts">The domain.</param>
    /// <param name="stage">What the killed process did last.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: the domain may run elsewhere by now,
    /// and must not be woken here.</exception>
    internal static void Mend(XenControl control, DomainFacts facts, SourceStage stage)
    {
        string name = facts.Info.Name;
        if (stage == SourceStage.Leaving)
        {
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{name} was about to move when the tool was killed: it stands still here and may run at the destination.",
                $"Look at the destination. If {name} runs there, destroy the one here (xl destroy {facts.DomId}). Only if it does not: "
                + $"xenstore-write {SourceMarker.PathOf(facts.DomId)} \"$(xenstore-read {SourceMarker.PathOf(facts.DomId)} | sed s/Leaving/Stopped/)\", "
                + "and run this again: that mends it.",
                name);
        }

        bool wasPaused = control.GetDomain(facts.DomId).Flags.HasFlag(XenDomainFlags.Paused);
        control.Pause(facts.DomId);
        try
        {
            RemoveTraps(control, facts);
        }
        finally
        {
            control.Unpause(facts.DomId);
        }

        if (stage == SourceStage.Stopped)
        {
            WakeDomain(control, facts, wasPaused);
        }
    }

    private static void RemoveTraps(XenControl control, DomainFacts facts)
    {
        bool wasExtensions = XenExtension.IsSupported(control) && ExtensionMending.EndRecording(control, facts);
        if (!wasExtensions && control.GetDomain(facts.DomId).Flags.HasFlag(XenDomainFlags.Hap))
        {
            RemoveRingTraps(control, facts);
        }
    }

    private static void RemoveRingTraps(XenControl control, DomainFacts facts)
    {
        try
        {
            XenPagingRing.TryDisable(control, facts.DomId);
        }
        catch (XenException exception) when (exception.Errno == XenErrno.Invalid)
        {
            // No ring was active: the process was killed before it had one, or after it let it go.
        }

        // Every request went to a ring that is gone, so any page may be trapped and any vCPU may wait.
        WakeVcpus(control, facts);
        PageBitmap populated = facts.FindPages(control);
        using PageTraps traps = new(
            new XenPagingPort(control, facts.DomId, withContents: false), facts.PageCount, facts.Info.VcpuCount, facts.Info.Name,
            RingRecording.UntrapPatience, TimeProvider.System);
        traps.Adopt(populated);
        traps.Remove();
    }

    /// <summary>
    /// Wakes vCPUs whose requests nobody answered. Answers without requests leave the ring's counters apart, so that Xen
    /// would overwrite requests: the ring is used for nothing else.
    /// </summary>
    private static void WakeVcpus(XenControl control, DomainFacts facts)
    {
        // A vCPU is paused once for a request; an unpatched hypervisor may have counted its duplicates too. An answer that
        // finds a vCPU running changes nothing.
        const int mostPauses = 16;
        using XenPagingRing ring = new(control, facts.DomId);
        for (uint vcpu = 0; vcpu < facts.Info.VcpuCount; vcpu++)
        {
            XenPagingEvent wake = new()
            {
                Vcpu = vcpu,
                EventFlags = XenEventFlags.VcpuPaused,
                PagingFlags = XenPagingFlags.DropPage,
            };
            for (int i = 0; i < mostPauses; i++)
            {
                ring.Answer([wake]);
            }
        }

        ring.TryClose();
    }

    private static void WakeDomain(XenControl control, DomainFacts facts, bool wasPaused)
    {
        int domid = facts.DomId;
        XenDomainInfo info = control.GetDomain(domid);
        if (facts.Info.Kind == DomainKind.Hvm)
        {
            DomainEmulator.Of(control, domid, facts.Info.Name).Continue();
        }

        if (info.IsSuspended)
        {
            control.Resume(domid);
            control.ResumeStore(domid);
        }
        else if (wasPaused)
        {
            control.Unpause(domid);
        }
    }
}
