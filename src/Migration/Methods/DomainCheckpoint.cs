using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>A domain's state at the window's start: its core state, the originals of what changed since, and the proof that it can
/// be had again.</summary>
internal sealed class DomainCheckpoint
{
    private readonly SourceCustody _custody;
    private readonly MigrationOptions _options;
    private RollbackProver? _prover;

    public DomainCheckpoint(SourceCustody custody, MigrationOptions options, int pageCount)
    {
        _custody = custody;
        _options = options;
        bool hashes = RollbackProver.HasWitness(custody.Domain, options);
        Backups = options.OriginalsOutliveProcess
            ? PageBackup.Outliving(pageCount, options.BackupLimitPages, hashes, endsWithProcess: custody.Domain.Info.Kind == DomainKind.Simulated)
            : new PageBackup(pageCount, options.BackupLimitPages, hashes);
        Memory = new CheckpointMemory(custody.Domain.Memory, Backups);
    }

    /// <summary>The original contents of changed pages.</summary>
    public PageBackup Backups { get; }

    /// <summary>The memory as it was at the checkpoint.</summary>
    public IGuestMemory Memory { get; }

    /// <summary>The core state at the checkpoint; null before that is taken.</summary>
    public CoreState? Core { get; private set; }

    /// <summary>The proof of the rollback, once the window is over; null where none was asked for.</summary>
    public RollbackProof? Proof { get; private set; }

    /// <summary>How long the domain stood still for the checkpoint.</summary>
    public TimeSpan Pause { get; private set; }

    /// <summary>The timestamp from which outputs are held back; null before that.</summary>
    public long? HeldSince { get; private set; }

    /// <summary>Takes the checkpoint: holds outputs back, suspends, traps, captures; then the domain runs on.</summary>
    public void Take(
        DomainRecording recording, PageBitmap populated, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        _custody.PlugOutputs(_options.OutputLimits);
        _prover = RollbackProver.Choose(_custody, _options, populated);
        Trace("outputs can be held back");
        long start = TimeProvider.System.GetTimestamp();
        HeldSince = start;
        _custody.Suspend(_options.SuspendTimeout, cancellationToken);
        Trace("suspended at the checkpoint");
        _custody.HoldOutputs();
        Trace("outputs are held back");
        recording.Begin(Backups);
        Trace("accesses are recorded, pages are backed up");
        Core = CoreStateCapture.Capture(_custody.Domain, populated);
        Trace($"core state captured, {Core.Pages.Count} pages");
        _prover?.AtCheckpoint(Backups, progress, cancellationToken);
        _custody.Continue();
        Trace("runs on after the checkpoint");
        Pause = TimeProvider.System.GetElapsedTime(start);
    }

    /// <summary>The window's end: stops the domain.</summary>
    public void Stop()
    {
        _custody.Pause();
        Trace("paused at the window's end");
    }

    /// <summary>Proves of the stopped domain that the checkpoint is still there.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.VerificationFailed"/>.</exception>
    public void Prove(IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        // The domain writes no more, so the originals that are kept now are all there will be; whether any was lost must be known before
        // anything is committed.
        Backups.CatchUp();
        Proof = _prover?.AfterWindow(Backups, progress, cancellationToken);
        Trace(Proof is null ? "nothing is proved" : $"the rollback is {Proof}");
        if (Proof is { IsProved: false })
        {
            string name = _custody.Domain.Info.Name;
            throw new MigrationException(
                MigrationErrorId.VerificationFailed,
                $"The checkpoint of {name} cannot be restored: {_prover!.Difference}.",
                "Report this with the domain's devices and kernel version; the domain runs on.",
                name);
        }
    }

    private void Trace(string step) => _options.Trace?.Report(MigrationTrace.Step(step));
}
