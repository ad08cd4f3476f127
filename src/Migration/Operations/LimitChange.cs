using PreRecordMigration.Options;

namespace PreRecordMigration.Operations;

/// <summary>What is to change of the bounds of a migration that is under way; what is null or false stays as it is.</summary>
public sealed record LimitChange
{
    /// <summary>Most bytes a second of pushed pages.</summary>
    public long? BandwidthLimit { get; init; }

    /// <summary>The longest that the domain may be predicted to stand still for what rounds have left.</summary>
    public TimeSpan? MaximumDowntime { get; init; }

    /// <summary>The longest that the domain may need both hosts.</summary>
    public TimeSpan? MaximumExposure { get; init; }

    /// <summary>Whether there is to be no bandwidth limit any more.</summary>
    public bool LiftsBandwidthLimit { get; init; }

    /// <summary>Whether there is to be no limit of the exposure any more.</summary>
    public bool LiftsMaximumExposure { get; init; }

    /// <summary>The bounds as they are with the change.</summary>
    /// <param name="bounds">As they were.</param>
    public MigrationBounds ApplyTo(MigrationBounds bounds)
    {
        ArgumentNullException.ThrowIfNull(bounds);
        return new MigrationBounds(
            LiftsBandwidthLimit ? null : BandwidthLimit ?? bounds.BandwidthLimit,
            MaximumDowntime ?? bounds.MaximumDowntime,
            LiftsMaximumExposure ? null : MaximumExposure ?? bounds.MaximumExposure);
    }
}
