using PreRecordMigration.Hypervisor;
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
        current.Read(pfns, pages);
        // What was read must not be newer than the look for a backup: only x86 keeps two loads in order by itself.
        Interlocked.MemoryBarrier();
        for (int i = 0; i < pfns.Length; i++)
        {
            backups.TryRead(pfns[i], Page.At(pages, i));
        }
    }

    /// <summary>Refused: the past is not written.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) =>
        throw new InvalidOperationException("The memory at a checkpoint is read-only.");
}
