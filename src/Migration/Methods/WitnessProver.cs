using System.Globalization;
using PreRecordMigration.Backup;
using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>
/// Asks a second witness, the hypervisor's dirty log, which knows nothing of the recording: every page that it says was written must have an original.
/// The originals must be what was backed up, by hashes that were taken of them then. Of all pages, whatever anybody says of them, some are hashed at
/// the checkpoint and again, as the full proof does it with all of them.
/// </summary>
/// <remarks>What it does while the domain stands still grows with what was written, and not with the domain's memory.</remarks>
internal sealed class WitnessProver : RollbackProver
{
    private readonly SourceCustody _custody;
    private readonly IGuestMemory _memory;
    private readonly PageBitmap _written;
    private readonly int[] _sample;
    private PageHash[] _atCheckpoint = [];
    private IDirtyTracker? _witness;
    private readonly List<string> _differences = [];

    /// <summary>Chooses the sample, and makes what takes memory: the domain still runs.</summary>
    /// <param name="custody">The domain.</param>
    /// <param name="populated">Its pages.</param>
    /// <param name="samplePages">How many of them are compared.</param>
    public WitnessProver(SourceCustody custody, PageBitmap populated, int samplePages)
    {
        _custody = custody;
        _memory = custody.Domain.Memory;
        _written = new PageBitmap(populated.PageCount);
        _sample = Choose(populated, samplePages);
    }

    /// <inheritdoc/>
    public override string Difference => string.Join("; ", _differences);

    /// <inheritdoc/>
    public override void AtCheckpoint(PageBackup backups, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        _witness = _custody.StartDirtyTracking();
        _atCheckpoint = MemoryHashing.Hash(new CheckpointMemory(_memory, backups), _sample, progress, cancellationToken);
    }

    /// <inheritdoc/>
    public override RollbackProof AfterWindow(PageBackup backups, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        _witness!.Collect(_written);
        int written = _written.Count;
        int[] missed = [.. _written.Pfns().Where(pfn => !backups.Contains(pfn))];
        (int changed, int[] damaged) = Examine(_memory, backups, cancellationToken);
        PageHash[] after = MemoryHashing.Hash(new CheckpointMemory(_memory, backups), _sample, progress, cancellationToken);
        int[] differing = [.. _sample.Where((_, i) => after[i] != _atCheckpoint[i])];
        Note(missed, written, "pages that were written have no original");
        Note(damaged, backups.Count, "originals are not what was backed up");
        Note(differing, _sample.Length, "compared pages differ");
        return new RollbackProof(
            RollbackProofKind.Witness, _sample.Length, MemoryHashing.Digest(_atCheckpoint), MemoryHashing.Digest(after), changed)
        {
            WrittenPages = written,
            MissedPages = missed.Length,
            DamagedOriginals = damaged.Length,
        };
    }

    private void Note(int[] pages, int total, string what)
    {
        if (pages.Length > 0)
        {
            _differences.Add(string.Create(CultureInfo.InvariantCulture, $"{pages.Length} of {total} {what}, the first is page {pages[0]}"));
        }
    }

    /// <summary>Any so many of the pages, each as likely as any other, ascending.</summary>
    private static int[] Choose(PageBitmap populated, int count)
    {
        if (populated.Count <= 2L * count)
        {
            int[] all = [.. populated.Pfns()];
            Random.Shared.Shuffle(all);
            return [.. all.Take(count).Order()];
        }

        SortedSet<int> chosen = [];
        while (chosen.Count < count)
        {
            int pfn = Random.Shared.Next(populated.PageCount);
            if (populated[pfn])
            {
                chosen.Add(pfn);
            }
        }

        return [.. chosen];
    }
}
