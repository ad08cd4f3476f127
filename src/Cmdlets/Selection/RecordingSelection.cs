using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Finds held recordings by what somebody gave, by <see cref="NameRule"/>.</summary>
internal static class RecordingSelection
{
    private static RecordingRegistry Recordings => Workspace.OfProcess.Recordings;

    /// <summary>The recordings of the domains that a name means.</summary>
    /// <exception cref="OperationException">It means none, and is not a pattern.</exception>
    public static IReadOnlyList<LiveRecording> Match(string name) =>
        NameRule.Find(name, Recordings.All, recording => recording.Location.Info.Name).OrNoneOfPattern(() => Recordings.NoneOf(name));

    /// <summary>The recording that a copy is of, which a job, a remote session or a file brought back.</summary>
    /// <exception cref="CommandException">This process does not hold it: the copy has nothing live in it.</exception>
    public static PreRecord Original(InputRow copy) =>
        Recordings.Find(copy.TextOf(nameof(PreRecord.Id)) ?? "") is { } held
            ? PlanCopy.Recording(copy, held.Snapshot)
            : throw new CommandException(
                nameof(SR.RecordingCopy),
                ErrorCategory.InvalidOperation,
                Text.Format(SR.RecordingCopy, copy.Label),
                SR.RecordingCopyRemedy,
                copy.Label);
}
