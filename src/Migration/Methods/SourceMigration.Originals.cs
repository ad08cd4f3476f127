using PreRecordMigration.Backup;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <content>In Rollback the memory of the checkpoint travels, and what changed since is in a store of originals: who else could go on.</content>
internal sealed partial class SourceMigration
{
    /// <summary>The originals that another process kept, of a migration that was taken over.</summary>
    private readonly PageBackup? _originals;

    /// <summary>The way to the destination as the next tool can go it, found out while the domain still runs; null where it cannot.</summary>
    private string? _way;

    /// <summary>The memory that travels.</summary>
    private IGuestMemory Memory => Recorded?.Memory ?? (_originals is null ? Domain.Memory : new CheckpointMemory(Domain.Memory, _originals));

    /// <summary>Whether pages that may be missing there are backed up here, and what is in the domain's memory is newer.</summary>
    private bool IsFromOriginals => Recorded?.Backups is not null && Options.IsSplit;

    /// <summary>Beside the push: notes that the domain runs there.</summary>
    private void NoteThatItRan()
    {
        if (Custody.Departure is not { HasRun: false } || _attempt!.State.Stage is not (SourceStage.Running or SourceStage.Draining))
        {
            return;
        }

        try
        {
            Custody.NoteThatItRan();
        }
        catch (MigrationException error)
        {
            Options.Trace?.Report(MigrationTrace.Step($"what is noted for another tool stays as it is: {error.Message}"));
        }
    }

    /// <summary>Says of the domain that is about to leave where it goes, and how another tool could go on with that.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.BackupStoreFull"/>: none could, so the domain stays.</exception>
    private void NoteDeparture()
    {
        Guid? kept = IsFromOriginals ? Recorded!.Backups!.Keep(_announced!.Name) : null;
        Custody.Departure = new Departure(_destination.ToString(), _continuation! with { Originals = kept }, Way: _way);
    }

    /// <summary>Opens the originals of a migration that is taken over; null where what is in the domain's memory travels.</summary>
    private PageBackup? OpenOriginals(Continuation continuation)
    {
        if (continuation.Originals is not { } kept)
        {
            return null;
        }

        PageBackup originals = PageBackup.Reopen(kept, _populated.PageCount);

        // What the guest gave back in its window it has at the checkpoint.
        foreach (int pfn in originals.Pfns())
        {
            _populated.TrySet(pfn);
        }

        return originals;
    }

    /// <summary>Takes the originals away, unless the migration may still need them, in this process or another.</summary>
    private void LetOriginalsGo()
    {
        if (Custody.Holding != SourceHolding.Leaving)
        {
            (Recorded?.Backups ?? _originals)?.Discard();
        }
    }
}
