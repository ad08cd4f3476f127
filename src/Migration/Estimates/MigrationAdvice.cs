using System.Globalization;

namespace PreRecordMigration.Estimates;

/// <summary>Which method an administrator should choose, and why. This project's rule.</summary>
/// <param name="Choice">The estimate of the method that is recommended; null where none is possible.</param>
/// <param name="Reasons">Why, in sentences.</param>
public sealed record MigrationAdvice(MigrationEstimate? Choice, IReadOnlyList<string> Reasons)
{
    /// <summary>Pre-copy is preferred as long as it stops the domain no longer than this: it is never split.</summary>
    public static TimeSpan ShortDowntime { get; } = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// Chooses: pre-copy where it converges to a short downtime, because the domain is then never split over two hosts;
    /// else the method whose domain stands still the shortest in all, handover and faults together.
    /// </summary>
    /// <param name="possible">Estimates of the methods that are possible.</param>
    /// <param name="maximumExposure">Methods that are exposed longer are left out; null for no limit.</param>
    public static MigrationAdvice Choose(IReadOnlyList<MigrationEstimate> possible, TimeSpan? maximumExposure)
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

        if (fitting.Find(estimate => estimate.Method == Methods.MigrationMethod.PreCopy) is { } preCopy)
        {
            if (preCopy.Converges && preCopy.Downtime <= ShortDowntime)
            {
                reasons.Add(Say($"PreCopy converges to a downtime of {preCopy.Downtime.TotalMilliseconds:0} ms, and the domain is never split over two hosts."));
                return new MigrationAdvice(preCopy, reasons);
            }

            reasons.Add(preCopy.Converges
                ? Say($"PreCopy would stop the domain for {preCopy.Downtime.TotalMilliseconds:0} ms.")
                : Say($"PreCopy does not converge: the domain writes faster than the link carries, and would stop for {preCopy.Downtime.TotalMilliseconds:0} ms."));
        }

        MigrationEstimate? best = fitting.MinBy(Standstill);
        if (best is not null)
        {
            reasons.Add(Say(
                $"{Name(best)} stands still the shortest in all: {best.Downtime.TotalMilliseconds:0} ms for the handover and {(best.Stalled ?? TimeSpan.Zero).TotalMilliseconds:0} ms for {best.RemoteFaults ?? 0} remote faults."));
        }

        return new MigrationAdvice(best, reasons);
    }

    private static TimeSpan Standstill(MigrationEstimate estimate) => estimate.Downtime + (estimate.Stalled ?? TimeSpan.Zero);

    private static string Name(MigrationEstimate estimate) => $"{estimate.Method} {estimate.Mode}".TrimEnd();

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
