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
    internal static RingRemotePaging Adopt(XenControl control, int domid, string subject, int vcpuCount, IncomingPages pages)
    {
        EndRing(control, domid, vcpuCount);
        XenPagingPort port = new(control, domid, withContents: true);
        try
        {
            if (port.CountPagedOut() > 0)
            {
                foreach (int pfn in pages.Ordinary())
                {
                    pages.Missing.TrySet(pfn);
                }
            }

            return new RingRemotePaging(port, pages.Missing, subject, isAdopted: true);
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
    /// <param name="findPages">Finds its pages; called once no ring is active any more.</param>
    internal static void RemoveTraps(XenControl control, int domid, string subject, int vcpuCount, Func<PageBitmap> findPages)
    {
        EndRing(control, domid, vcpuCount);
        PageBitmap populated = findPages();
        using PageTraps traps = new(
            new XenPagingPort(control, domid, withContents: false), populated.PageCount, vcpuCount, subject,
            RingRecording.UntrapPatience, TimeProvider.System);
        traps.Adopt(populated);
        traps.Remove();
    }

    private static void EndRing(XenControl control, int domid, int vcpuCount)
    {
        try
        {
            XenPagingRing.TryDisable(control, domid);
        }
        catch (XenException exception) when (exception.Errno == XenErrno.Invalid)
        {
            // No ring was active: the process was killed before it had one, or after it let it go.
        }

        // Every request went to a ring that is gone, so any page may be trapped and any vCPU may wait.
        WakeVcpus(control, domid, vcpuCount);
    }

    /// <summary>
    /// Wakes vCPUs whose requests nobody answered. Answers without requests leave the ring's counters apart, so that Xen
    /// would overwrite requests: the ring is used for nothing else.
    /// </summary>
    private static void WakeVcpus(XenControl control, int domid, int vcpuCount)
    {
        // A vCPU is paused once for a request; an unpatched hypervisor may have counted its duplicates too. An answer that
        // finds a vCPU running changes nothing.
        const int mostPauses = 16;
        using XenPagingRing ring = new(control, domid);
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

        ring.TryClose();
    }
}
