using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>
/// One recording of a domain: its custody, what was recorded, and in Rollback its checkpoint. In Rollback the domain ends
/// paused with its checkpoint kept; disposing lets it run on from where it is, as if nothing had been. In Observe the domain
/// runs throughout.
/// </summary>
public sealed class PreRecordSession : IDisposable
{
    private const int RestoreBatch = 256;
    private readonly DomainCheckpoint? _checkpoint;

    private PreRecordSession(SourceCustody custody, MigrationOptions options)
    {
        Custody = custody;
        Options = options;
        Populated = custody.Domain.GetPopulatedPages();
        Recording = new DomainRecording(custody, options, Populated);
        _checkpoint = options.Mode == RecordingMode.Rollback ? new DomainCheckpoint(custody, options, Populated.PageCount) : null;
    }

    /// <summary>The domain, as it was when it was opened.</summary>
    public DomainInfo Info => Custody.Domain.Info;

    /// <summary>The options of the recording.</summary>
    public MigrationOptions Options { get; }

    /// <summary>What was recorded so far, complete once the window is over.</summary>
    public AccessTrajectory Trajectory => Recording.Trajectory;

    /// <summary>The original contents of changed pages; null in Observe.</summary>
    public PageBackup? Backups => _checkpoint?.Backups;

    /// <summary>The proof of the rollback, once the window is over; null where none was asked for.</summary>
    public RollbackProof? Proof => _checkpoint?.Proof;

    /// <summary>The core state at the checkpoint; null in Observe, and before the checkpoint.</summary>
    public CoreState? Checkpoint => _checkpoint?.Core;

    /// <summary>How many distinct pages were recorded so far.</summary>
    public int RecordedPages => Recording.RecordedPages;

    /// <summary>Whether the window ended before its time, because nearly as much was held back of what the domain sent and wrote as can be.</summary>
    public bool WasCutShort => Recording.WasCutShort;

    /// <summary>
    /// Whether <see cref="RollBack"/> can put the domain back in place. Where not, its checkpoint is moved into a fresh domain
    /// of the same host, as a migration moves it to another.
    /// </summary>
    public bool CanRollBackInPlace => Checkpoint is not null && Custody.Domain is ICheckpointedDomain;

    internal SourceCustody Custody { get; }

    internal PageBitmap Populated { get; }

    internal DomainRecording Recording { get; }

    internal TimeSpan CheckpointPause => _checkpoint?.Pause ?? TimeSpan.Zero;

    /// <summary>The timestamp from which outputs are held back; null where they are not.</summary>
    internal long? HeldSince => _checkpoint?.HeldSince;

    /// <summary>The memory that travels: as it was at the checkpoint, or as it is.</summary>
    internal IGuestMemory Memory => _checkpoint?.Memory ?? Custody.Domain.Memory;

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
        SourceCustody custody = new(domain);
        PreRecordSession? session = null;
        try
        {
            session = Open(custody, options);
            session.Begin(progress, cancellationToken);
            session.Recording.RunWindow(progress, _ => { }, cancellationToken);
            if (options.Mode == RecordingMode.Rollback)
            {
                session.Stop();
                session.Prove(progress, cancellationToken);
            }
            else
            {
                session.Recording.End();
            }

            return session;
        }
        catch (Exception error)
        {
            CleanUp cleaning = new();
            if (!cleaning.Try(() => (session ?? (IDisposable)custody).Dispose()))
            {
                throw CleanUp.Attach(error, cleaning.Errors);
            }

            throw;
        }
    }

    /// <summary>Ends the recording: every trap is removed and the domain runs on here.</summary>
    /// <exception cref="MigrationException">A step failed; what the domain is marked with lets the next tool mend it.</exception>
    public void Dispose() => CleanUp.All(Custody.Dispose, DiscardOriginals);

    /// <summary>Takes the originals away, unless the domain has left and its migration may still need them, in this process or another.</summary>
    private void DiscardOriginals()
    {
        if (Custody.Holding != SourceHolding.Leaving)
        {
            Backups?.Discard();
        }
    }

    /// <summary>
    /// Rolls the domain back to its checkpoint in place, where it runs on: what the window did never happened. Ends the
    /// recording.
    /// </summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>: there is no checkpoint, or this
    /// hypervisor's domains cannot go back in place; the recording goes on.</exception>
    public void RollBack()
    {
        RequireCheckpoint();
        if (Custody.Domain is not ICheckpointedDomain domain)
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"{Info.Name} cannot go back to its checkpoint in place.",
                "Move its checkpoint into a fresh domain of the same host, as Restore-PageBackup does.",
                Info.Name);
        }

        RestoreMemory();
        domain.RestoreCoreState(Checkpoint!);
        Custody.DropOutputs();
        Dispose();
    }

    /// <summary>Ends the recording and writes the originals back: the stopped domain's memory is that of the checkpoint again.</summary>
    private void RestoreMemory()
    {
        // What the hypervisor has of them goes with the recording.
        Backups!.CatchUp();
        Recording.End();
        byte[] pages = new byte[RestoreBatch * Page.Size];
        foreach (int[] pfns in Backups.Pfns().Chunk(RestoreBatch))
        {
            for (int i = 0; i < pfns.Length; i++)
            {
                Backups.TryRead(pfns[i], Page.At(pages.AsSpan(), i));
            }

            Custody.Domain.Memory.Write(pfns, pages.AsSpan(0, pfns.Length * Page.Size));
        }
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

    /// <summary>Begins a recording of a domain in somebody's custody, who keeps it where this fails.</summary>
    internal static PreRecordSession Open(SourceCustody custody, MigrationOptions options)
    {
        options.Validate();
        return new PreRecordSession(custody, options);
    }

    /// <summary>Rollback: the checkpoint, after which the domain runs on. Observe: traps the running domain.</summary>
    internal void Begin(IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        if (_checkpoint is null)
        {
            Recording.Begin(null);
            Options.Trace?.Report(MigrationTrace.Step("accesses are recorded"));
        }
        else
        {
            _checkpoint.Take(Recording, Populated, progress, cancellationToken);
        }
    }

    /// <summary>The window's end in Rollback: stops the domain.</summary>
    internal void Stop() => _checkpoint!.Stop();

    /// <summary>In Rollback, of the stopped domain: proves that the checkpoint is still there.</summary>
    internal void Prove(IProgress<MigrationProgress>? progress, CancellationToken cancellationToken) => _checkpoint!.Prove(progress, cancellationToken);
}
