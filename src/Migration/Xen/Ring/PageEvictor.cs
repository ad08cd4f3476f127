using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Ring;

/// <summary>Takes pages of a paused domain away, with what is in them, so that the first touch of each is a fault.</summary>
internal static class PageEvictor
{
    private const int Chunk = 256;
    private const int EvictAttempts = 20;
    private static readonly TimeSpan s_evictPause = TimeSpan.FromMilliseconds(5);

    /// <summary>Takes pages away, and sets their bits. Those that Xen holds on to stay.</summary>
    internal static void Evict(XenControl control, int domid, PageBitmap wanted, PageBitmap missing, string subject)
    {
        using XenPagingBatch batch = new(control, Chunk, withPages: false);
        Span<int> results = stackalloc int[Chunk];
        Span<ulong> gfns = stackalloc ulong[Chunk];
        foreach (int[] chunk in wanted.Pfns().Chunk(Chunk))
        {
            for (int i = 0; i < chunk.Length; i++)
            {
                gfns[i] = (ulong)chunk[i];
            }

            batch.Run(domid, XenPagingOperation.Nominate, gfns[..chunk.Length], [], results);
            int nominated = KeepNominated(gfns[..chunk.Length], results, subject);
            Evict(batch, domid, gfns[..nominated], results, missing, subject);
        }
    }

    private static int KeepNominated(Span<ulong> gfns, ReadOnlySpan<int> results, string subject)
    {
        int kept = 0;
        for (int i = 0; i < gfns.Length; i++)
        {
            if (results[i] == 0)
            {
                gfns[kept++] = gfns[i];
            }
            else if (results[i] != -XenErrno.Busy)
            {
                throw new XenException("XENMEM_paging_op_nominate", -results[i], $"{subject}, page {gfns[i]}", "");
            }
        }

        return kept;
    }

    private static void Evict(
        XenPagingBatch batch, int domid, Span<ulong> gfns, Span<int> results, PageBitmap missing, string subject)
    {
        for (int attempt = 0; !gfns.IsEmpty; attempt++)
        {
            batch.Run(domid, XenPagingOperation.Evict, gfns, [], results);
            int left = 0;
            for (int i = 0; i < gfns.Length; i++)
            {
                if (results[i] == 0)
                {
                    missing.TrySet((int)gfns[i]);
                }
                else if (results[i] == -XenErrno.Busy && attempt < EvictAttempts)
                {
                    gfns[left++] = gfns[i];
                }
                else
                {
                    // A page that stayed nominated would crash the guest once RemotePF is off, so the domain is refused.
                    throw new XenException("XENMEM_paging_op_evict", -results[i], $"{subject}, page {gfns[i]}", "");
                }
            }

            gfns = gfns[..left];
            if (left > 0)
            {
                Thread.Sleep(s_evictPause);
            }
        }
    }
}
