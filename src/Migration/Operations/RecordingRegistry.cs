using System.Collections.Concurrent;
using System.Management.Automation;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// The recordings of this process that wait for their move, shared by all its runspaces. When the process ends
/// <see cref="ProcessEnd"/> discards them, and their domains run on.
/// </summary>
internal static class RecordingRegistry
{
    private static readonly ConcurrentDictionary<string, LiveRecording> Recordings = new(StringComparer.Ordinal);

    private static readonly ConcurrentDictionary<string, Exception> Failures = new(StringComparer.Ordinal);

    static RecordingRegistry() => ProcessEnd.Await();

    /// <summary>Adds a recording.</summary>
    public static void Add(LiveRecording recording) => Recordings[recording.Id] = recording;

    /// <summary>Finds a recording that still waits.</summary>
    /// <exception cref="CommandException">It does not wait any more.</exception>
    public static LiveRecording Require(PreRecord recorded) =>
        Recordings.TryGetValue(recorded.Id, out LiveRecording? held) ? held : throw NotHeld(recorded);

    /// <summary>The recordings that are held, the oldest first.</summary>
    public static IReadOnlyList<LiveRecording> All => [.. Recordings.Values.OrderBy(recording => recording.Snapshot.HeldUntil)];

    /// <summary>The recordings of the domains that a name means.</summary>
    /// <exception cref="CommandException">It means none, and is not a pattern.</exception>
    public static IReadOnlyList<LiveRecording> Match(string name) =>
        NameRule.Find(name, All, recording => recording.Location.Info.Name).OrNoneOfPattern(() => NotFound(name));

    /// <summary>
    /// Lets a recording go that was refused: at once where the refusal is about the move itself, or where the pipeline that
    /// made it still runs. A mistake in the arguments is no reason to lose one that somebody has in hand.
    /// </summary>
    /// <returns>Whether it was held, and its domain runs on now.</returns>
    public static bool LetGoRefused(PreRecord recorded, bool isMove, Exception reason)
    {
        bool isMistake = reason is CommandException { Category: ErrorCategory.InvalidArgument }
            or MigrationException { ErrorId: MigrationErrorId.InvalidOption or MigrationErrorId.HostNotFound };
        return Recordings.TryGetValue(recorded.Id, out LiveRecording? held)
            && (held.IsInItsPipeline || (isMove && !isMistake))
            && held.Discard();
    }

    /// <summary>Lets a recording go that was not refused and not taken over, where the pipeline that made it still runs.</summary>
    /// <returns>As <see cref="LetGoRefused"/>.</returns>
    public static bool LetGoDeclined(PreRecord recorded) =>
        Recordings.TryGetValue(recorded.Id, out LiveRecording? held) && held.IsInItsPipeline && held.Discard();

    /// <summary>The recording that holds a domain; null where none does.</summary>
    /// <param name="domainName">The domain.</param>
    /// <param name="hostName">Its host; null for any.</param>
    public static PreRecord? HolderOf(string domainName, string? hostName = null) => All.FirstOrDefault(recording =>
        recording.Location.Info.Name == domainName
        && (hostName is null || string.Equals(recording.Location.Host.Name, hostName, StringComparison.OrdinalIgnoreCase)))?.Snapshot;

    /// <summary>A recording as it is held; null where it is not, any more or at all.</summary>
    public static PreRecord? HeldOf(PreRecord recorded) => Recordings.TryGetValue(recorded.Id, out LiveRecording? held) ? held.Snapshot : null;

    /// <summary>Takes a recording out for its move, or to discard it. The caller disposes it.</summary>
    /// <exception cref="CommandException">It does not wait any more.</exception>
    public static PreRecordSession Take(PreRecord recorded) => Require(recorded).TryTake() ?? throw NotHeld(recorded);

    /// <summary>The recording that a copy is of, which a job, a remote session or a file brought back.</summary>
    /// <exception cref="CommandException">This process does not hold it: the copy has nothing live in it.</exception>
    public static PreRecord Original(InputRow copy) =>
        Recordings.TryGetValue(copy.TextOf(nameof(PreRecord.Id)) ?? "", out LiveRecording? held)
            ? PlanCopy.Recording(copy, held.Snapshot)
            : throw new CommandException(
                nameof(SR.RecordingCopy),
                ErrorCategory.InvalidOperation,
                Text.Format(SR.RecordingCopy, copy.Label),
                SR.RecordingCopyRemedy,
                copy.Label);

    /// <summary>Whether a host's domain is held.</summary>
    public static bool HoldsDomainOf(string hostName) => Recordings.Values.Any(
        recording => string.Equals(recording.Location.Host.Name, hostName, StringComparison.OrdinalIgnoreCase));

    /// <summary>Takes a recording out of the list.</summary>
    public static void Forget(LiveRecording recording) => Recordings.TryRemove(recording.Id, out _);

    /// <summary>Keeps why a recording could not be discarded well, for the next one who asks for it.</summary>
    public static void NoteFailure(LiveRecording recording, Exception error) => Failures[recording.Id] = error;

    /// <summary>Why a recording could not be discarded well; null where it could.</summary>
    public static Exception? FailureOf(LiveRecording recording) => Failures.GetValueOrDefault(recording.Id);

    /// <summary>The error of a domain whose recording is not held here. Who else works on the domain is said, where one does.</summary>
    private static CommandException NotFound(string name)
    {
        try
        {
            foreach (IMigrationHost host in HostRegistry.All.Where(host => host.GetDomains().Any(domain => domain.Name == name)))
            {
                host.RequireUnclaimed(name);
            }
        }
        catch (MigrationException busy) when (busy.ErrorId == MigrationErrorId.DomainBusy)
        {
            ErrorRecord said = ErrorRecords.From(busy, name);
            return new CommandException(
                nameof(SR.RecordingOfDomainNotFound),
                ErrorCategory.ResourceBusy,
                Text.Format(SR.HeldElsewhere, name, busy.Message),
                said.ErrorDetails.RecommendedAction,
                name);
        }

        return new CommandException(
            nameof(SR.RecordingOfDomainNotFound),
            ErrorCategory.ObjectNotFound,
            Text.Format(SR.RecordingOfDomainNotFound, name),
            SR.RecordingOfDomainNotFoundRemedy,
            name);
    }

    /// <summary>Refuses what -WhatIf returned, where something recorded is needed.</summary>
    /// <exception cref="CommandException">It is a preview.</exception>
    public static PreRecord RequireRecorded(PreRecord recorded) => recorded.IsPreview ? throw IsPreview(recorded) : recorded;

    private static CommandException IsPreview(PreRecord recorded) => new(
        nameof(SR.RecordingPreview),
        ErrorCategory.InvalidOperation,
        Text.Format(SR.RecordingPreview, recorded.Name),
        SR.RecordingPreviewRemedy,
        recorded.Name);

    private static CommandException NotHeld(PreRecord recorded) => recorded.IsPreview
        ? IsPreview(recorded)
        : recorded.ImportedFrom is { } file
        ? new CommandException(
            nameof(SR.RecordingImported),
            ErrorCategory.InvalidOperation,
            Text.Format(SR.RecordingImported, recorded.Name, file),
            SR.RecordingImportedRemedy,
            recorded.Name)
        : Failures.TryGetValue(recorded.Id, out Exception? failure)
        ? new CommandException(
            nameof(SR.DiscardFailed),
            ErrorCategory.InvalidResult,
            Text.Format(SR.DiscardFailed, recorded.Id, recorded.Name, failure.Message),
            (failure as MigrationException)?.Remedy ?? SR.UnexpectedRemedy,
            recorded.Name)
        : new CommandException(
            nameof(SR.RecordingNotHeld),
            ErrorCategory.ObjectNotFound,
            Text.Format(SR.RecordingNotHeld, recorded.Id, recorded.Name),
            SR.RecordingNotHeldRemedy,
            recorded.Name);
}
