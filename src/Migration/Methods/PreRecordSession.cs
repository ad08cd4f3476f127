using System.Collections.Concurrent;
using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>
/// One recording of a domain. In Rollback the domain ends paused with its checkpoint kept; disposing lets it run on from
/// where it is, as if nothing had been. In Observe the domain runs throughout.
/// </summary>
public sealed class PreRecordSession : IDisposable
{
    private const int DrainRecords = 4096;
    private readonly List<AccessRecord> _records = [];
    private readonly PageBitmap _seen;
    private static readonly ConcurrentDictionary<PreRecordSession, byte> s_kept = new();
    private IOutputPlug? _plug;
    private IAccessRecorder? _recorder;
    private RollbackProver? _prover;
    private int _epochs;
    private bool _isReleased;
    private bool _isKept;

    private PreRecordSession(ISourceDomain domain, MigrationOptions options)
    {
        Domain = domain;
        Options = options;
        Populated = domain.GetPopulatedPages();
        _seen = new PageBitmap(Populated.PageCount);
        Backups = options.Mode == RecordingMode.Rollback
            ? new PageBackup(Populated.PageCount, options.BackupLimitPages)
            : null;
    }

    /// <summary>The domain, as it was when it was opened.</summary>
    public DomainInfo Info => Domain.Info;

    /// <summary>The options of the recording.</summary>
    public MigrationOptions Options { get; }

    /// <summary>What was recorded so far, complete once the window is over.</summary>
    public AccessTrajectory Trajectory => new(
        [.. _records], Populated.PageCount, Options.Epoch, _epochs, _recorder?.IsEpochOrdered ?? IsEpochOrdered);

    /// <summary>The original contents of changed pages; null in Observe.</summary>
    public PageBackup? Backups { get; }

    /// <summary>The proof of the rollback, once the window is over; null where none was asked for.</summary>
    public RollbackProof? Proof { get; private set; }

    /// <summary>The core state at the checkpoint; null in Observe, and before the checkpoint.</summary>
    public CoreState? Checkpoint { get; private set; }

    /// <summary>How many distinct pages were recorded so far.</summary>
    public int RecordedPages => _seen.Count;

    internal ISourceDomain Domain { get; }

    internal PageBitmap Populated { get; }

    internal TimeSpan CheckpointPause { get; private set; }

    internal TimeSpan WindowTime { get; private set; }

    /// <summary>The memory that travels: as it was at the checkpoint, or as it is.</summary>
    internal IGuestMemory Memory => Backups is null ? Domain.Memory : new CheckpointMemory(Domain.Memory, Backups);

    private bool IsEpochOrdered { get; set; }

    /// <summary>Records one window. In Rollback the domain is paused at its end, in Observe it runs on.</summary>
    /// <param name="domain">A running domain; the session takes it over and disposes it.</param>
    /// <param name="options">Window, epoch, mode, limits.</param>
    /// <param name="progress">Told after every epoch, and while the rollback is proved; null for nobody.</param>
    /// <param name="cancellationToken">Gives up; the domain runs on.</param>
    /// <exception cref="MigrationException">The domain runs on.</exception>
    public static PreRecordSession Record(
        ISourceDomain domain,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        CancellationToken cancellationToken)
    {
        PreRecordSession session = Open(domain, options);
        try
        {
            session.Begin(progress, cancellationToken);
            session.RunWindow(progress, _ => { }, cancellationToken);
            if (options.Mode == RecordingMode.Rollback)
            {
                session.StopAndProve(progress, cancellationToken);
            }
            else
            {
                session.EndRecording();
            }

            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Ends the recording: every trap is removed and the domain runs on here.</summary>
    public void Dispose()
    {
        if (_isKept)
        {
            return;
        }

        if (!_isReleased)
        {
            _isReleased = true;
            EndRecording();
            Domain.Resume();
            _plug?.Release();
        }

        _plug?.Dispose();
        Domain.Dispose();
    }

    /// <summary>
    /// Whether <see cref="RollBack"/> can put the domain back in place. Where not, its checkpoint is moved into a fresh domain
    /// of the same host, as a migration moves it to another.
    /// </summary>
    public bool CanRollBackInPlace => Checkpoint is not null && Domain is ICheckpointedDomain;

    /// <summary>
    /// Rolls the domain back to its checkpoint in place, where it runs on: what the window did never happened. Ends the
    /// recording.
    /// </summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>: there is no checkpoint, or this
    /// hypervisor's domains cannot go back in place; the recording goes on.</exception>
    public void RollBack()
    {
        RequireCheckpoint();
        if (Domain is not ICheckpointedDomain domain)
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"{Info.Name} cannot go back to its checkpoint in place.",
                "Move its checkpoint into a fresh domain of the same host, as Restore-PageBackup does.",
                Info.Name);
        }

        EndRecording();
        byte[] content = new byte[Page.Size];
        foreach (int pfn in Backups!.Pfns())
        {
            Backups.TryRead(pfn, content);
            domain.Memory.Write([pfn], content);
        }

        domain.RestoreCoreState(Checkpoint!);
        _isReleased = true;
        _plug?.Drop();
        domain.Resume();
        Dispose();
    }

    /// <summary>Refuses a recording that has nothing to roll back to.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>: it only observed.</exception>
    public void RequireCheckpoint()
    {
        if (Checkpoint is null)
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"The recording of {Info.Name} has no checkpoint: it only observed.",
                "Let the domain run on with Stop-PreRecord, or record it again with -Mode Rollback.",
                Info.Name);
        }
    }

    internal static PreRecordSession Open(ISourceDomain domain, MigrationOptions options)
    {
        try
        {
            options.Validate();
            return new PreRecordSession(domain, options);
        }
        catch
        {
            domain.Dispose();
            throw;
        }
    }

    /// <summary>Rollback: the checkpoint, after which the domain runs on. Observe: traps the running domain.</summary>
    internal void Begin(IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        if (Backups is null)
        {
            _recorder = Domain.StartRecording(null);
            Trace("accesses are recorded");
            return;
        }

        _plug = Domain.PlugOutputs();
        Trace("outputs are held back");
        long start = TimeProvider.System.GetTimestamp();
        Domain.Suspend(Options.SuspendTimeout, cancellationToken);
        Trace("suspended at the checkpoint");
        _recorder = Domain.StartRecording(Backups);
        Trace("accesses are recorded, pages are backed up");
        Checkpoint = CaptureCoreState();
        Trace($"core state captured, {Checkpoint.Pages.Count} pages");
        if (Options.ProveRollback || Domain.HasUnseenWriters)
        {
            _prover = RollbackProver.AtCheckpoint(Domain.Memory, Populated, progress, cancellationToken);
        }

        Domain.Resume();
        Trace("runs on after the checkpoint");
        CheckpointPause = TimeProvider.System.GetElapsedTime(start);
    }

    /// <summary>Captures the core state of the suspended domain, page tables in front.</summary>
    /// <exception cref="MigrationException">The domain's memory map is no longer the one that was announced.</exception>
    internal CoreState CaptureCoreState() => CoreStateCapture.Capture(Domain, Populated);

    /// <summary>Runs the window, epoch by epoch, and hands recorded pages on as they are first touched.</summary>
    internal void RunWindow(
        IProgress<MigrationProgress>? progress, Action<int[]> onRecorded, CancellationToken cancellationToken)
    {
        long start = TimeProvider.System.GetTimestamp();
        for (TimeSpan left = Options.Window; left > TimeSpan.Zero; left -= Options.Epoch)
        {
            if (_epochs > 0)
            {
                _recorder!.BeginEpoch();
            }

            Domain.RunFor(left < Options.Epoch ? left : Options.Epoch, cancellationToken);
            _epochs++;
            int earlier = _records.Count;
            Drain(onRecorded);
            Trace($"epoch {_epochs} ended, {_records.Count - earlier} accesses");
            progress?.Report(new MigrationProgress(
                MigrationPhase.Record, _seen.Count, Populated.Count, 0, 0, left > Options.Epoch ? left - Options.Epoch : TimeSpan.Zero));
        }

        WindowTime = TimeProvider.System.GetElapsedTime(start);
    }

    /// <summary>The window's end in Rollback: stops the domain, and proves that the checkpoint is still there.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.VerificationFailed"/>.</exception>
    internal void StopAndProve(IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        Domain.Pause();
        Trace("paused at the window's end");

        // The domain writes no more: what is kept now is all, and that it is all must be known before anything is committed.
        Backups!.CatchUp();
        Proof = _prover?.AfterWindow(Domain.Memory, Backups, progress, cancellationToken);
        if (Proof is { IsProved: false })
        {
            throw new MigrationException(
                MigrationErrorId.VerificationFailed,
                $"The checkpoint of {Info.Name} cannot be restored: {_prover!.Describe()}.",
                "Report this with the domain's devices and kernel version; the domain runs on.",
                Info.Name);
        }
    }

    /// <summary>Removes every trap; the domain stays as it is.</summary>
    internal void EndRecording()
    {
        if (_recorder is not null)
        {
            IsEpochOrdered = _recorder.IsEpochOrdered;
            _recorder.Dispose();
            _recorder = null;
            Trace("accesses are not recorded any more");
        }
    }

    /// <summary>The domain has gone: what its window sent out never happened here.</summary>
    internal void Forget()
    {
        LetGo();
        _isReleased = true;
        _plug?.Drop();
        EndRecording();
    }

    /// <summary>
    /// The domain must stay as it is, neither run nor be destroyed, and so must its backups: what the destination still
    /// misses is nowhere else. Disposing does nothing from here on.
    /// </summary>
    internal void KeepStopped()
    {
        _isKept = true;
        s_kept[this] = 0;
    }

    /// <summary>The domain need not be kept any more: disposing ends the recording again.</summary>
    internal void LetGo()
    {
        _isKept = false;
        s_kept.TryRemove(this, out _);
    }

    private void Trace(string step) => Options.Trace?.Report(MigrationTrace.Step(step));

    private void Drain(Action<int[]> onRecorded)
    {
        AccessRecord[] buffer = new AccessRecord[DrainRecords];
        int count;
        while (_recorder is not null && (count = _recorder.Drain(buffer)) > 0)
        {
            List<int> fresh = [];
            foreach (AccessRecord record in buffer.AsSpan(0, count))
            {
                // A record of the epoch that RunFor has just ended may be drained after it; it keeps its own epoch.
                _records.Add(record with { Epoch = Math.Min(record.Epoch, _epochs - 1) });
                if (_seen.TrySet(record.Pfn))
                {
                    fresh.Add(record.Pfn);
                }
            }

            onRecorded([.. fresh]);
        }
    }
}
