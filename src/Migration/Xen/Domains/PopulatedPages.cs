using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Domains;

/// <summary>Finds which page frames a domain has.</summary>
internal static class PopulatedPages
{
    private const int Chunk = 1024;

    /// <summary>From here to FFFFF the firmware of an HVM domain keeps its tables, beside the special pages.</summary>
    private const int FirstFirmwarePage = 0xFC000;

    /// <summary>
    /// Scans the frames from below until a stretch is empty, then from the top downwards until as many were found as the
    /// domain holds: the great holes between memory and the special pages are then passed over. The firmware's pages are
    /// looked for in any case, because pages of the hypervisor (shared info, grant tables) are found that the count has not.
    /// </summary>
    /// <param name="control">The connection.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="pageCount">One past the highest frame.</param>
    /// <param name="excluded">Frames to leave out: rings of the hypervisor whose content does not migrate.</param>
    internal static PageBitmap Find(XenControl control, int domid, int pageCount, IReadOnlySet<int> excluded)
    {
        PageBitmap found = new(pageCount);
        long expected = (long)control.GetDomain(domid).TotalPages;
        int low = 0;
        while (low < pageCount)
        {
            int count = Scan(control, domid, low, Math.Min(Chunk, pageCount - low), found);
            low = Math.Min(low + Chunk, pageCount);
            if (count == 0)
            {
                break;
            }
        }

        for (int end = pageCount; end > low && (end > FirstFirmwarePage || found.Count < expected);)
        {
            int first = Math.Max(low, end - Chunk);
            Scan(control, domid, first, end - first, found);
            end = first;
        }

        foreach (int pfn in excluded.Where(pfn => pfn < pageCount))
        {
            found.TryClear(pfn);
        }

        return found;
    }

    private static int Scan(XenControl control, int domid, int first, int count, PageBitmap found)
    {
        Span<ulong> gfns = stackalloc ulong[count];
        Span<uint> types = stackalloc uint[count];
        for (int i = 0; i < count; i++)
        {
            gfns[i] = (ulong)(first + i);
        }

        control.GetPageTypes(domid, gfns, types);
        int populated = 0;
        for (int i = 0; i < count; i++)
        {
            if (types[i] != XenPageType.None && found.TrySet(first + i))
            {
                populated++;
            }
        }

        return populated;
    }
}
