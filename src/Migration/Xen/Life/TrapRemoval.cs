using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Ring;

namespace PreRecordMigration.Xen.Life;

/// <summary>Removes what a killed process left of a recording in the hypervisor: its ring, its traps, its waiting vCPUs.</summary>
internal static class TrapRemoval
{
    /// <summary>Removes it; the domain is paused.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="facts">The domain.</param>
    internal static void RemoveAll(XenControl control, DomainFacts facts)
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
}
