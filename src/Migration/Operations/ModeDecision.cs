using PreRecordMigration.Estimates;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Operations;

/// <summary>What a recording is asked to do to its domain.</summary>
public enum RecordingModeChoice : long
{
    /// <summary>Rollback where it is possible and a sample says that clients wait the shorter with it; else Observe.</summary>
    Auto = 0,

    /// <summary>Pre-execute from a checkpoint and discard; refused where that is not possible.</summary>
    Rollback = 1,

    /// <summary>Record the live domain.</summary>
    Observe = 2,
}

/// <summary>The mode that a choice comes to for one domain.</summary>
/// <param name="Options">The options, with that mode.</param>
/// <param name="Reason">Why it was chosen; null where it was given, or nothing is recorded.</param>
public sealed record ModeDecision(MigrationOptions Options, string? Reason)
{
    /// <summary>Decides.</summary>
    /// <param name="choice">What was asked for.</param>
    /// <param name="location">The domain and its host.</param>
    /// <param name="options">How it is to be moved or recorded.</param>
    /// <param name="report">What a sample of the domain has shown; null where there was none.</param>
    public static ModeDecision Make(RecordingModeChoice choice, DomainLocation location, MigrationOptions options, MigrationReport? report)
    {
        ArgumentNullException.ThrowIfNull(location);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Method != MigrationMethod.PreRecord)
        {
            return new ModeDecision(options, null);
        }

        if (choice != RecordingModeChoice.Auto)
        {
            return new ModeDecision(options with { Mode = Concrete(choice) }, null);
        }

        MigrationOptions rollback = options with { Mode = RecordingMode.Rollback };
        (RecordingMode mode, string reason) = MigrationAdvice.ChooseMode(
            Find(report, RecordingMode.Observe),
            Find(report, RecordingMode.Rollback)
                ?? MigrationEstimator.OfSize(location.Info.MemoryBytes / Page.Size, rollback, new LinkSpeed(LinkDefaults.BytesPerSecond, LinkDefaults.RoundTrip)),
            Preflight.WhyNotRecorded(location, rollback));
        return new ModeDecision(options with { Mode = mode }, reason);
    }

    /// <summary>The mode where one was given; for Auto the one that every domain can, until it is known which is meant.</summary>
    /// <param name="choice">What was asked for.</param>
    public static RecordingMode Concrete(RecordingModeChoice choice) =>
        choice == RecordingModeChoice.Rollback ? RecordingMode.Rollback : RecordingMode.Observe;

    private static MigrationEstimate? Find(MigrationReport? report, RecordingMode mode) =>
        report?.Expected.FirstOrDefault(estimate => estimate.Method == MigrationMethod.PreRecord && estimate.Mode == mode);
}
