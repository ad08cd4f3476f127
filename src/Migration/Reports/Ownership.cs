using PreRecordMigration.Operations;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Reports;

/// <summary>Who had a domain that has moved, and when, as its source knows it: by the phases, the parts of the downtime, and the exposure.</summary>
internal static class Ownership
{
    /// <summary>Parts of the downtime in which the domain stands at the source for a moment, and nobody else has its state.</summary>
    private static readonly DowntimePart[] s_beforeLeaving =
        [DowntimePart.Suspend, DowntimePart.Prove, DowntimePart.Capture, DowntimePart.Send, DowntimePart.Commit];

    /// <summary>From the beginning of the move to its end, without a gap.</summary>
    public static IReadOnlyList<(DomainHolder Holder, double Start, double Duration)> Of(MigrationOutcome move)
    {
        List<(double At, DomainHolder Holder)> changes = [];
        if (move.Phases.LastOrDefault(phase => phase.Phase == MigrationPhase.Handover) is { } handover)
        {
            changes.Add((0, DomainHolder.Source));
            if (move.CheckpointPause > 0 && move.Phases.FirstOrDefault(phase => phase.Phase == MigrationPhase.Checkpoint) is { } checkpoint)
            {
                double ran = checkpoint.Start + checkpoint.Duration;
                changes.Add((Math.Max(checkpoint.Start, ran - move.CheckpointPause), DomainHolder.SourceStopped));
                changes.Add((ran, DomainHolder.Source));
            }

            double stopped = handover.Start + Sum(move, [DowntimePart.Ask]);
            double left = Math.Min(stopped + Sum(move, s_beforeLeaving), handover.Start + move.Downtime);
            double runs = handover.Start + move.Downtime;
            changes.AddRange(
            [
                (stopped, DomainHolder.SourceStopped),
                (left, DomainHolder.Leaving),
                (runs, DomainHolder.Both),
                (Math.Max(runs, left + move.Exposure), DomainHolder.Destination),
            ]);
        }
        else
        {
            // Another process began it and let it leave; this one went on with the rest.
            changes.Add((0, DomainHolder.Both));
            changes.Add((move.Phases.Where(phase => phase.Phase == MigrationPhase.Push).Select(phase => phase.Start + phase.Duration).DefaultIfEmpty().Max(), DomainHolder.Destination));
        }

        return
        [
            .. changes.Select((change, index) => (
                    change.Holder,
                    Start: Math.Min(change.At, move.TotalTime),
                    End: Math.Min(index + 1 < changes.Count ? changes[index + 1].At : move.TotalTime, move.TotalTime)))
                .Where(span => span.End > span.Start)
                .Select(span => (span.Holder, span.Start, span.End - span.Start)),
        ];
    }

    /// <summary>Who that is, for a reader.</summary>
    public static string Words(DomainHolder holder) => holder switch
    {
        DomainHolder.Source => "runs at the source",
        DomainHolder.SourceStopped => "stands still at the source",
        DomainHolder.Leaving => "has left, and does not run yet",
        DomainHolder.Both => "runs at the destination, and needs both hosts",
        DomainHolder.Destination => "is wholly at the destination",
        _ => "was given up",
    };

    private static double Sum(MigrationOutcome move, DowntimePart[] parts) =>
        move.DowntimeParts?.Where(part => parts.Contains(part.Part)).Sum(part => part.Duration) ?? 0;
}
