namespace PreRecordMigration.Reporting;

/// <summary>The distribution of how long remote faults waited.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="Median">Half waited no longer.</param>
/// <param name="P99">Ninety-nine in a hundred waited no longer.</param>
/// <param name="Maximum">The longest.</param>
/// <param name="Total">The sum: how long vCPUs stood still for pages.</param>
public sealed record FaultLatency(TimeSpan Mean, TimeSpan Median, TimeSpan P99, TimeSpan Maximum, TimeSpan Total)
{
    /// <summary>No fault, no wait.</summary>
    public static FaultLatency None { get; } =
        new(TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);
}
