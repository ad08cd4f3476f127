using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Methods;

namespace PreRecordMigration.Operations;

/// <summary>
/// A recording that waits for its move. In Rollback its domain stands still at the window's end, so it does not wait for
/// ever: when the hold time is over, the recording is discarded and the domain runs on.
/// </summary>
public sealed class LiveRecording : IDisposable
{
    private readonly RecordingRegistry _registry;
    private readonly PreRecordSession _session;
    private readonly Timer _holdTimer;
    private int _isTaken;
    private volatile bool _isWithItsMaker;

    /// <summary>Takes a recording over.</summary>
    /// <param name="registry">Where it is listed.</param>
    /// <param name="snapshot">What is shown of it.</param>
    /// <param name="location">The domain and its host.</param>
    /// <param name="session">The recording.</param>
    /// <param name="holdTime">How long to wait for the move.</param>
    internal LiveRecording(RecordingRegistry registry, PreRecord snapshot, DomainLocation location, PreRecordSession session, TimeSpan holdTime)
    {
        _registry = registry;
        Snapshot = snapshot;
        Location = location;
        _session = session;
        _holdTimer = new Timer(static state => ((LiveRecording)state!).Discard(), this, holdTime, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The recording, as it was when it was made.</summary>
    public PreRecord Snapshot { get; }

    /// <summary>The recording's id.</summary>
    public string Id => Snapshot.Id;

    /// <summary>
    /// Whether only what made it has it, such as the pipeline that still runs: what refuses it there is its end, because nobody else
    /// could move it.
    /// </summary>
    public bool IsWithItsMaker
    {
        get => _isWithItsMaker;
        set => _isWithItsMaker = value;
    }

    /// <summary>The domain and its host.</summary>
    public DomainLocation Location { get; }

    /// <summary>What was decided when it was recorded.</summary>
    public RecordingPlan Plan => new(Location, _session.Options);

    /// <summary>The original contents of changed pages; null in Observe.</summary>
    public PageBackup? Backups => _session.Backups;

    /// <summary>Whether the domain can be put back in place; where not, its checkpoint is moved into a fresh domain.</summary>
    public bool CanRollBackInPlace => _session.CanRollBackInPlace;

    /// <summary>Refuses a recording that has nothing to roll back to.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>.</exception>
    public void RequireCheckpoint() => _session.RequireCheckpoint();

    /// <summary>Discards the recording; a domain that was not moved runs on, and one that must stay stopped stays so.</summary>
    public void Dispose() => _session.Dispose();

    /// <summary>
    /// Takes the recording out and discards it, where nobody is there to be told of an error: the next one who asks for the
    /// recording is.
    /// </summary>
    /// <returns>Whether it was there to be discarded.</returns>
    public bool Discard()
    {
        if (TryTake() is null)
        {
            return false;
        }

        try
        {
            Dispose();
        }
#pragma warning disable CA1031 // On a timer's thread, or at the process's end, an exception of any type would end the process.
        catch (Exception error)
#pragma warning restore CA1031
        {
            _registry.NoteFailure(this, error);
        }

        return true;
    }

    /// <summary>Takes the recording out for a move, once. The caller disposes it, whatever comes of the move.</summary>
    /// <returns>The session, or null where another took it, or the hold time is over.</returns>
    internal PreRecordSession? TryTake()
    {
        if (Interlocked.Exchange(ref _isTaken, 1) != 0)
        {
            return null;
        }

        _holdTimer.Dispose();
        _registry.Forget(this);
        return _session;
    }
}
