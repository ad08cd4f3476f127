using System.Globalization;
using PreRecordMigration.Options;

namespace PreRecordMigration.Estimates;

/// <summary>Which method an administrator should choose, and why. This project's rule.</summary>
/// <param name="Choice">The estimate of the method that is recommended; null where none is possible.</param>
/// <param name="Reasons">Why, in sentences.</param>
public sealed record MigrationAdvice(MigrationEstimate? Choice, IReadOnlyList<string> Reasons)
{
    /// <summary>
    /// Chooses: pre-copy where it converges to a short downtime, because the domain then needs both hosts for the commit's round trip only;
    /// else the method whose clients wait the shortest in all (<see cref="MigrationEstimate.ClientsWait"/>).
    /// </summary>
    /// <param name="possible">Estimates of the methods that are possible.</param>
    /// <param name="maximumDowntime">Pre-copy is preferred as long as it stops the domain no longer than this: it needs both hosts for the commit
    /// alone.</param>
    /// <param name="maximumExposure">Methods that are exposed longer are left out; null for no limit.</param>
    public static MigrationAdvice Choose(IReadOnlyList<MigrationEstimate> possible, TimeSpan maximumDowntime, TimeSpan? maximumExposure)
    {
        List<string> reasons = [];
        List<MigrationEstimate> fitting = [];
        foreach (MigrationEstimate estimate in possible)
        {
            if (maximumExposure is { } limit && estimate.Exposure > limit)
            {
                reasons.Add(Say($"{Name(estimate)} is left out: its exposure of {estimate.Exposure.TotalSeconds:0.##} s is above {limit.TotalSeconds:0.##} s."));
            }
            else
            {
                fitting.Add(estimate);
            }
        }

        if (fitting.Find(estimate => estimate.Method == MigrationMethod.PreCopy) is { } preCopy)
        {
            if (preCopy.Converges && preCopy.Downtime <= maximumDowntime)
            {
                reasons.Add(Say($"PreCopy converges to a downtime of {preCopy.Downtime.TotalMilliseconds:0} ms, and the domain needs both hosts for {preCopy.Exposure.TotalMilliseconds:0.#} ms only, the commit's round trip."));
                return new MigrationAdvice(preCopy, reasons);
            }

            reasons.Add(preCopy.Converges
                ? Say($"PreCopy would stop the domain for {preCopy.Downtime.TotalMilliseconds:0} ms.")
                : Say($"PreCopy does not converge: the domain writes faster than the link carries, and would stop for {preCopy.Downtime.TotalMilliseconds:0} ms."));
        }

        MigrationEstimate? best = fitting.MinBy(estimate => estimate.ClientsWait);
        if (best is not null)
        {
            reasons.Add(Say($"With {Name(best)} clients wait the shortest in all: {Waits(best)}."));
        }

        return new MigrationAdvice(best, reasons);
    }

    /// <summary>
    /// Chooses the mode of a recording: Rollback where clients are known to wait the shorter with it, else Observe, which every
    /// domain can. What a domain costs in faults only a sample tells: without one, Observe.
    /// </summary>
    /// <param name="observe">The estimate of Observe; null where there is none.</param>
    /// <param name="rollback">The estimate of Rollback; null where there is none.</param>
    /// <param name="standsAgainst">Why Rollback is not possible; null where it is.</param>
    /// <returns>The mode, and why, in a sentence.</returns>
    public static (RecordingMode Mode, string Reason) ChooseMode(MigrationEstimate? observe, MigrationEstimate? rollback, string? standsAgainst)
    {
        if (standsAgainst is not null)
        {
            return (RecordingMode.Observe, $"Observe: Rollback is not possible. {standsAgainst}");
        }

        if (observe?.Stalled is null || rollback?.Stalled is null)
        {
            return (RecordingMode.Observe, rollback is null
                ? "Observe: Rollback would throw its window away, and without a sample nothing says that it is worth that."
                : Say($"Observe: Rollback would throw its window of {rollback.DiscardedExecution.TotalMilliseconds:0} ms away, and without a sample (Test-Migration) nothing says that it is worth that."));
        }

        string compared = Say($"clients wait {observe.ClientsWait.TotalMilliseconds:0} ms with Observe ({Waits(observe)}), {rollback.ClientsWait.TotalMilliseconds:0} ms with Rollback ({Waits(rollback)})");
        return rollback.ClientsWait < observe.ClientsWait
            ? (RecordingMode.Rollback, $"Rollback: {compared}.")
            : (RecordingMode.Observe, $"Observe: {compared}.");
    }

    private static string Waits(MigrationEstimate estimate)
    {
        string handover = Say($"{estimate.Downtime.TotalMilliseconds:0} ms for the handover and {(estimate.Stalled ?? TimeSpan.Zero).TotalMilliseconds:0} ms for {estimate.RemoteFaults ?? 0} remote faults");
        return estimate.DiscardedExecution == TimeSpan.Zero
            ? handover
            : Say($"{estimate.CheckpointPause.TotalMilliseconds:0} ms at the checkpoint, {estimate.DiscardedExecution.TotalMilliseconds:0} ms that are discarded, {handover}");
    }

    private static string Name(MigrationEstimate estimate) => $"{estimate.Method} {estimate.Mode}".TrimEnd();

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
