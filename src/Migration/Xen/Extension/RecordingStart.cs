using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>Starts recordings, with a store that holds at least what the start itself puts into it.</summary>
internal static class RecordingStart
{
    /// <summary>The store's first size in pages: 16 MiB.</summary>
    internal const int FirstSlots = 4096;

    /// <summary>Prepares and starts.</summary>
    /// <param name="port">The extension.</param>
    /// <param name="pageCount">The domain's page count.</param>
    /// <param name="flags">What is kept.</param>
    /// <param name="limit">The store's largest size in pages; 0 where no originals are kept.</param>
    /// <param name="firstSlots">The store's size to begin with.</param>
    /// <returns>The store's size.</returns>
    /// <exception cref="XenException">The domain has an owner, the memory does not suffice, or the limit is too small to
    /// begin with; nothing is left of the attempt.</exception>
    internal static int Begin(
        IExtensionPort port, int pageCount, XenExtensionFlags flags, int limit, int firstSlots = FirstSlots)
    {
        int slots = Math.Min(limit, firstSlots);
        while (!TryBegin(port, pageCount, flags, limit, slots))
        {
            slots = (int)Math.Min(limit, 4L * slots);
        }

        return slots;
    }

    /// <summary>
    /// The pages that are written without any notice: by Xen through mappings of its own, and by backends through grants
    /// that they hold. The start of a recording that keeps originals names them; this one ends at once.
    /// </summary>
    /// <param name="port">The extension, which nobody owns.</param>
    /// <param name="pageCount">The domain's page count.</param>
    internal static int[] FindFixedPages(IExtensionPort port, int pageCount)
    {
        const int few = 256;
        Begin(port, pageCount, XenExtensionFlags.Backups, pageCount, few);
        try
        {
            return ReadFixedPages(port);
        }
        finally
        {
            port.Stop();
            port.Release();
        }
    }

    /// <summary>Reads those pages right after the recording of a stopped domain has begun, and ends the recording where they cannot be
    /// read.</summary>
    internal static int[] ReadFixedPagesOrEnd(IExtensionPort port)
    {
        try
        {
            return ReadFixedPages(port);
        }
        catch
        {
            port.Stop();
            port.Release();
            throw;
        }
    }

    /// <summary>Reads those pages of a recording that has just begun.</summary>
    internal static int[] ReadFixedPages(IExtensionPort port)
    {
        int[] pages = new int[port.Query().Used];
        for (int slot = 0; slot < pages.Length; slot++)
        {
            pages[slot] = port.ReadSlot(slot, []);
        }

        return pages;
    }

    /// <summary>
    /// Tries to begin with a store of a given size. The pages that are written without notice go into the store at once, and a reserve
    /// must be left that grows with the number of vCPUs: where the store proves too small, a larger one is tried, as long as the limit
    /// allows.
    /// </summary>
    private static bool TryBegin(IExtensionPort port, int pageCount, XenExtensionFlags flags, int limit, int slots)
    {
        port.Prepare(pageCount, limit);
        try
        {
            if (slots > 0)
            {
                port.Grow(slots);
            }

            port.Start(flags);
        }
        catch (XenException exception) when (exception.Errno == XenErrno.NoSpace && slots < limit)
        {
            port.Release();
            return false;
        }
        catch
        {
            port.Release();
            throw;
        }

        if (slots == limit || (port.Query().Flags & (XenExtensionFlags.Full | XenExtensionFlags.Lost)) == 0)
        {
            return true;
        }

        port.Stop();
        port.Release();
        return false;
    }
}
