namespace PreRecordMigration.Reporting;

/// <summary>How fast the guest worked in a stretch of time.</summary>
/// <param name="At">The end of the stretch, from the start of the migration.</param>
/// <param name="OperationsPerSecond">On the simulated host operations of the guest; on Xen seconds in which its vCPUs ran, so that a guest of four vCPUs
/// which is busy has 4.</param>
/// <param name="Where">Who had the domain at its end.</param>
public readonly record struct SpeedSample(TimeSpan At, double OperationsPerSecond, DomainHolder Where);

/// <summary>
/// What a move cost the guest's speed. Everything is null where it cannot be told: where the host does not count the guest's work, where a stretch
/// was too short for a sample, or where another process took the migration over.
/// </summary>
/// <param name="Before">Operations a second before anything was done to the domain.</param>
/// <param name="InWindow">While it was recorded, or while rounds went on.</param>
/// <param name="After">At the destination, in the last quarter of the samples.</param>
/// <param name="DipDepth">By which share of <paramref name="Before"/> the slowest sample at the destination fell below it, from 0 to 1: the
/// handover's standstill is none of them.</param>
/// <param name="DipLength">For how long the guest was slower than nine tenths of <paramref name="Before"/> at the destination.</param>
/// <param name="BackAt90Percent">From when it ran at the destination until it had nine tenths of <paramref name="Before"/> for the first time.</param>
public sealed record GuestSpeed(
    double? Before, double? InWindow, double? After, double? DipDepth, TimeSpan? DipLength, TimeSpan? BackAt90Percent)
{
    /// <summary>In the first second at the destination.</summary>
    public double? InFirstSecond { get; init; }

    /// <summary>There from the first to the tenth second, as far as it was sampled.</summary>
    public double? To10Seconds { get; init; }

    /// <summary>There from the tenth to the sixtieth second, as far as it was sampled.</summary>
    public double? To60Seconds { get; init; }

    /// <summary>Nothing is known.</summary>
    public static GuestSpeed None { get; } = new(null, null, null, null, null, null);
}
