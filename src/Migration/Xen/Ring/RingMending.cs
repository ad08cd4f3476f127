using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Ring;

/// <summary>Ends what a killed process left of a recording by Xen's paging ring: the ring, its traps, its waiting vCPUs; and goes on with
/// what it served.</summary>
internal static class RingMending
{
    /// <summary>Takes charge of the faults of a paused domain that another process has left. Whoever waits for a page asks for it again.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="subject">Its name, for errors.</param>
    /// <param name="vcpuCount">How many vCPUs it has.</param>
    /// <param name="pages">Its pages, of which those become missing that may be.</param>
    /// <returns>Null where there is no ring, and nothing is missing.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: vCPUs wait for room in the old ring, of a hypervisor that
    /// does not give it over.</exception>
    internal static RingRemotePaging? Adopt(XenControl control, int domid, string subject, int vcpuCount, IncomingPages pages)
    {
        bool isMissing = control.GetDomain(domid).PagedPages > 0;
        if (isMissing)
        {
            WakeAll(control, domid, vcpuCount);
        }
        else if (!EndRing(control, domid, vcpuCount))
        {
            return null;
        }

        XenPagingPort port = new(control, domid, withContents: true);
        try
        {
            if (isMissing)
            {
                pages.Missing.Or(pages.OrdinaryPages());
            }

            return new RingRemotePaging(port, pages.Missing, subject, takeAway: null);
        }
        catch
        {
            port.Dispose();
            throw;
        }
    }

    /// <summary>Removes it; the domain is paused.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="subject">Its name, for errors.</param>
    /// <param name="vcpuCount">How many vCPUs it has.</param>
    /// <param name="findPages">Finds its pages; called once nobody waits any more for an answer of the old ring.</param>
    internal static void RemoveTraps(XenControl control, int domid, string subject, int vcpuCount, Func<PageBitmap> findPages)
    {
        WakeAll(control, domid, vcpuCount);
        PageBitmap populated = findPages();
        using PageTraps traps = new(
            new XenPagingPort(control, domid, withContents: false), populated.PageCount, vcpuCount, subject,
            RingRecording.UntrapPatience, TimeProvider.System);
        traps.Adopt(populated);
        traps.Remove();
    }

    /// <summary>Wakes whoever waited for a ring that nobody serves any more. Who asks next goes to the ring that is opened next; until then there
    /// is one that nobody reads, where the hypervisor gives rings over, and none where it does not.</summary>
    private static void WakeAll(XenControl control, int domid, int vcpuCount)
    {
        if (XenHostFacts.Read(control).GivesRingsOver)
        {
            using XenPagingRing ring = new(control, domid);
            WakeVcpus(ring, vcpuCount);
        }
        else
        {
            _ = EndRing(control, domid, vcpuCount);
        }
    }

    /// <summary>Ends a ring that nobody serves any more, and wakes whoever waited for it.</summary>
    /// <returns>Whether there was one.</returns>
    private static bool EndRing(XenControl control, int domid, int vcpuCount)
    {
        bool wasActive = true;
        try
        {
            if (!XenPagingRing.TryDisable(control, domid))
            {
                throw new MigrationException(
                    MigrationErrorId.DomainState,
                    $"Domain {domid}: vCPUs wait for room in a paging ring that nobody serves any more; Xen does not let go of it.",
                    "Destroy the domain, and restore it from a backup, or where it is a source that has not left, start it anew.");
            }
        }
        catch (XenException exception) when (exception.Errno == XenErrno.Invalid)
        {
            // No ring was active: the process was killed before it had one, or after it let it go.
            wasActive = false;
        }

        // Every request went to a ring that is gone, so any page may be trapped and any vCPU may wait.
        using XenPagingRing ring = new(control, domid);
        WakeVcpus(ring, vcpuCount);
        ring.TryClose();
        return wasActive;
    }

    /// <summary>
    /// Wakes vCPUs whose requests nobody answered. Answers without requests leave the ring's counters apart, so that Xen
    /// would overwrite requests: the ring is used for nothing else.
    /// </summary>
    private static void WakeVcpus(XenPagingRing ring, int vcpuCount)
    {
        // A vCPU is paused once for a request; an unpatched hypervisor may have counted its duplicates too. An answer that
        // finds a vCPU running changes nothing.
        const int mostPauses = 16;
        for (uint vcpu = 0; vcpu < vcpuCount; vcpu++)
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
    }
}
