using System.Collections.Concurrent;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>The recordings of a process that wait for their move. At the end they are discarded, and their domains run on.</summary>
public sealed class RecordingRegistry
{
    private readonly Workspace _workspace;
    private readonly ConcurrentDictionary<string, LiveRecording> _recordings = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Exception> _failures = new(StringComparer.Ordinal);

    internal RecordingRegistry(Workspace workspace) => _workspace = workspace;

    /// <summary>The recordings that are held, those that end first before the others.</summary>
    public IReadOnlyList<LiveRecording> All => [.. _recordings.Values.OrderBy(recording => recording.Snapshot.HeldUntil)];

    /// <summary>Records a domain, and holds the recording for its move. Returns when the window is over.</summary>
    /// <param name="planned">What would be recorded (<see cref="PreRecord.Planned"/>).</param>
    /// <param name="holdTime">How long to wait for the move.</param>
    /// <param name="isWithItsMaker">Whether nobody else has it yet.</param>
    /// <param name="progress">Told of progress.</param>
    /// <param name="trace">Told of every step of the protocol; null for nobody.</param>
    /// <param name="onOpened">Called when the domain is opened.</param>
    /// <param name="cancellationToken">Ends the recording; the domain runs on.</param>
    /// <exception cref="MigrationException">It cannot be recorded; the domain runs on.</exception>
    /// <exception cref="OperationCanceledException">Cancelled in its window; the domain runs on.</exception>
    public LiveRecording Record(
        PreRecord planned,
        TimeSpan holdTime,
        bool isWithItsMaker,
        IProgress<MigrationProgress>? progress,
        IProgress<MigrationTrace>? trace,
        Action onOpened,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(planned);
        ArgumentNullException.ThrowIfNull(onOpened);
        (DomainLocation location, MigrationOptions options) = planned.Preview!;
        ISourceDomain domain = location.Host.OpenSource(location.Info.Name);
        onOpened();
        PageBitmap populated = domain.GetPopulatedPages();

        // The session takes the domain over: it runs on if this fails.
        PreRecordSession session = PreRecordSession.Record(domain, options with { Trace = trace }, progress, cancellationToken);
        LiveRecording held = new(this, planned.Made(session, populated), location, session, holdTime) { IsWithItsMaker = isWithItsMaker };
        _recordings[held.Id] = held;
        return held;
    }

    /// <summary>Finds a recording that still waits.</summary>
    /// <param name="recorded">The recording, as it was returned.</param>
    /// <exception cref="OperationException">It does not wait any more.</exception>
    public LiveRecording Require(PreRecord recorded)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        return Find(recorded.Id) ?? throw NotHeld(recorded);
    }

    /// <summary>Finds a recording that still waits; null where none of that id does.</summary>
    /// <param name="id">Its id.</param>
    public LiveRecording? Find(string id) => _recordings.GetValueOrDefault(id);

    /// <summary>
    /// Lets a recording go that was refused: at once where the refusal is about the move itself, or where only what made it has it. A
    /// mistake in the arguments is no reason to lose one that somebody has in hand.
    /// </summary>
    /// <param name="recorded">The recording.</param>
    /// <param name="isMove">Whether it was to be moved.</param>
    /// <param name="isMistake">Whether it was refused for a mistake in the arguments.</param>
    /// <returns>Whether it was held, and its domain runs on now.</returns>
    public bool LetGoRefused(PreRecord recorded, bool isMove, bool isMistake)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        return Find(recorded.Id) is { } held && (held.IsWithItsMaker || (isMove && !isMistake)) && held.Discard();
    }

    /// <summary>Lets a recording go that was not refused and not taken over, where only what made it has it.</summary>
    /// <param name="recorded">The recording.</param>
    /// <returns>Whether it was held, and its domain runs on now.</returns>
    public bool LetGoDeclined(PreRecord recorded)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        return Find(recorded.Id) is { IsWithItsMaker: true } held && held.Discard();
    }

    /// <summary>The recording that holds a domain; null where none does.</summary>
    /// <param name="domainName">The domain.</param>
    public PreRecord? HolderOf(string domainName) => All.FirstOrDefault(recording => recording.Location.Info.Name == domainName)?.Snapshot;

    /// <summary>A recording as it is held; null where it is not, any more or at all.</summary>
    /// <param name="recorded">The recording, as it was returned.</param>
    public PreRecord? HeldOf(PreRecord recorded)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        return Find(recorded.Id)?.Snapshot;
    }

    /// <summary>Takes a recording out for its move, or to discard it. The caller disposes it.</summary>
    /// <param name="recorded">The recording, as it was returned.</param>
    /// <exception cref="OperationException">It does not wait any more.</exception>
    public PreRecordSession Take(PreRecord recorded) => Require(recorded).TryTake() ?? throw NotHeld(recorded);

    /// <summary>Whether a host's domain is held.</summary>
    /// <param name="hostName">The host.</param>
    public bool HoldsDomainOf(string hostName) => _recordings.Values.Any(
        recording => string.Equals(recording.Location.Host.Name, hostName, StringComparison.OrdinalIgnoreCase));

    /// <summary>Keeps why a recording could not be discarded well, for the next one who asks for it.</summary>
    /// <param name="recording">The recording.</param>
    /// <param name="error">Why not.</param>
    public void NoteFailure(LiveRecording recording, Exception error)
    {
        ArgumentNullException.ThrowIfNull(recording);
        _failures[recording.Id] = error;
    }

    /// <summary>Why a recording could not be discarded well; null where it could.</summary>
    /// <param name="recording">The recording.</param>
    public Exception? FailureOf(LiveRecording recording)
    {
        ArgumentNullException.ThrowIfNull(recording);
        return _failures.GetValueOrDefault(recording.Id);
    }

    /// <summary>The error of a domain whose recording is not held here. Who else works on the domain is said, where one does.</summary>
    /// <param name="name">What was asked for.</param>
    public OperationException NoneOf(string name)
    {
        try
        {
            foreach (IMigrationHost host in _workspace.Hosts.All.Where(host => host.GetDomains().Any(domain => domain.Name == name)))
            {
                host.RequireUnclaimed(name);
            }
        }
        catch (MigrationException busy) when (busy.ErrorId == MigrationErrorId.DomainBusy)
        {
            return new OperationException(
                nameof(SR.RecordingOfDomainNotFound),
                OperationProblem.Busy,
                Text.Format(SR.HeldElsewhere, name, busy.Message),
                _workspace.RemedyFor(busy),
                name);
        }

        return new OperationException(
            nameof(SR.RecordingOfDomainNotFound),
            OperationProblem.NotFound,
            Text.Format(SR.RecordingOfDomainNotFound, name),
            SR.RecordingOfDomainNotFoundRemedy,
            name);
    }

    /// <summary>Refuses what would only be recorded, where something recorded is needed.</summary>
    /// <param name="recorded">The recording.</param>
    /// <exception cref="OperationException">It is a preview.</exception>
    public static PreRecord RequireRecorded(PreRecord recorded)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        return recorded.IsPreview ? throw IsPreview(recorded) : recorded;
    }

    /// <summary>Takes a recording out of the list.</summary>
    internal void Forget(LiveRecording recording) => _recordings.TryRemove(recording.Id, out _);

    private static OperationException IsPreview(PreRecord recorded) => new(
        nameof(SR.RecordingPreview),
        OperationProblem.State,
        Text.Format(SR.RecordingPreview, recorded.Name),
        SR.RecordingPreviewRemedy,
        recorded.Name);

    private OperationException NotHeld(PreRecord recorded) => recorded.IsPreview
        ? IsPreview(recorded)
        : recorded.ImportedFrom is { } file
        ? new OperationException(
            nameof(SR.RecordingImported),
            OperationProblem.State,
            Text.Format(SR.RecordingImported, recorded.Name, file),
            SR.RecordingImportedRemedy,
            recorded.Name)
        : _failures.TryGetValue(recorded.Id, out Exception? failure)
        ? new OperationException(
            nameof(SR.DiscardFailed),
            OperationProblem.Result,
            Text.Format(SR.DiscardFailed, recorded.Id, recorded.Name, failure.Message),
            (failure as MigrationException)?.Remedy ?? SR.DiscardFailedRemedy,
            recorded.Name)
        : new OperationException(
            nameof(SR.RecordingNotHeld),
            OperationProblem.NotFound,
            Text.Format(SR.RecordingNotHeld, recorded.Id, recorded.Name),
            SR.RecordingNotHeldRemedy,
            recorded.Name);
}
