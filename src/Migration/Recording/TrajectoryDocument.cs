using PreRecordMigration.Pages;

namespace PreRecordMigration.Recording;

/// <summary>What a trajectory file holds.</summary>
/// <param name="Trajectory">The recording.</param>
/// <param name="Populated">The pages the guest had; over as many pages as the trajectory.</param>
/// <param name="Properties">What else is known of it, by names that the format gives no meaning to.</param>
public sealed record TrajectoryDocument(
    AccessTrajectory Trajectory, PageBitmap Populated, IReadOnlyDictionary<string, string> Properties);
