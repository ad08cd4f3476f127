using PreRecordMigration.Backup;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>Hashes every page at the checkpoint, and again after pre-execution with the backups laid over.</summary>
/// <param name="memory">The domain's memory.</param>
/// <param name="populated">Its pages.</param>
internal sealed class HashingProver(IGuestMemory memory, PageBitmap populated) : RollbackProver
{
    private int[] _pfns = [];
    private PageHash[] _atCheckpoint = [];
    private int _differing = -1;
    private int _firstDiffering;

    /// <inheritdoc/>
    public override string Difference => $"{_differing} of {_pfns.Length} pages differ, the first is page {_firstDiffering}";

    /// <inheritdoc/>
    public override void AtCheckpoint(PageBackup backups, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        _pfns = [.. populated.Pfns()];
        _atCheckpoint = MemoryHashing.Hash(new CheckpointMemory(memory, backups), _pfns, progress, cancellationToken);
    }

    /// <inheritdoc/>
    public override RollbackProof AfterWindow(PageBackup backups, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        PageHash[] after = MemoryHashing.Hash(new CheckpointMemory(memory, backups), _pfns, progress, cancellationToken);
        _differing = 0;
        for (int i = 0; i < _pfns.Length; i++)
        {
            if (after[i] != _atCheckpoint[i])
            {
                _firstDiffering = _differing++ == 0 ? _pfns[i] : _firstDiffering;
            }
        }

        return new RollbackProof(
            RollbackProofKind.Full,
            _pfns.Length,
            MemoryHashing.Digest(_atCheckpoint),
            MemoryHashing.Digest(after),
            Examine(memory, backups, cancellationToken).Changed);
    }
}
