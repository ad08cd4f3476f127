using PreRecordMigration.Errors;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Backup;

/// <summary>Memory as it was at the checkpoint: the backup where there is one, else the current content.</summary>
/// <remarks>
/// Exact at any time for pages that are backed up. A page that is not may be changing: it is read, and read again from
/// the backup if one appeared meanwhile, because the original is stored before the first write.
/// </remarks>
/// <param name="current">The domain's live memory.</param>
/// <param name="backups">What was backed up since the checkpoint.</param>
public sealed class CheckpointMemory(IGuestMemory current, PageBackup backups) : IGuestMemory
{
    /// <inheritdoc/>
    public int PageCount => current.PageCount;

    /// <inheritdoc/>
    public void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
    {
        // A page that is backed up may be gone from the domain, which may have given it back, so it is not looked for there.
        List<int> rest = Lay(pfns, pages, Enumerable.Range(0, pfns.Length));
        if (rest.Count == 0)
        {
            return;
        }

        try
        {
            ReadCurrent(pfns, pages, rest);
        }
        catch (MigrationException)
        {
            backups.CatchUp();
            if (Lay(pfns, pages, rest).Count == rest.Count)
            {
                throw;
            }

            // A page was given back while the rest was being read. It was backed up before that, so another reading finds it.
            Read(pfns, pages);
            return;
        }

        // The memory must have been read before the backups are looked at again, and only x86 keeps two loads in order by itself.
        Interlocked.MemoryBarrier();
        backups.CatchUp();
        Lay(pfns, pages, rest);
    }

    /// <summary>Always refuses: the past is not written.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) =>
        throw new InvalidOperationException("The memory at a checkpoint is read-only.");

    /// <summary>Lays the backups over, and returns the indexes of those pages that have none.</summary>
    private List<int> Lay(ReadOnlySpan<int> pfns, Span<byte> pages, IEnumerable<int> indexes)
    {
        List<int> without = [];
        foreach (int i in indexes)
        {
            if (!backups.TryRead(pfns[i], Page.At(pages, i)))
            {
                without.Add(i);
            }
        }

        return without;
    }

    private void ReadCurrent(ReadOnlySpan<int> pfns, Span<byte> pages, List<int> indexes)
    {
        if (indexes.Count == pfns.Length)
        {
            current.Read(pfns, pages);
            return;
        }

        int[] wanted = new int[indexes.Count];
        for (int i = 0; i < wanted.Length; i++)
        {
            wanted[i] = pfns[indexes[i]];
        }

        byte[] found = new byte[wanted.Length * Page.Size];
        current.Read(wanted, found);
        for (int i = 0; i < wanted.Length; i++)
        {
            Page.At(found.AsSpan(), i).CopyTo(Page.At(pages, indexes[i]));
        }
    }
}
