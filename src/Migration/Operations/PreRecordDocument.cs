using System.Globalization;
using PreRecordMigration.Options;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Operations;

/// <summary>A recording as what a file keeps of it, and back.</summary>
public static class PreRecordDocument
{
    /// <summary>What the format calls the domain's name, and the host's.</summary>
    private const string DomainNameProperty = "DomainName";

    private const string SourceHostProperty = "SourceHost";

    /// <summary>What a file keeps of a recording.</summary>
    /// <param name="recorded">The recording.</param>
    public static TrajectoryDocument Of(PreRecord recorded)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        return new TrajectoryDocument(
            recorded.Accesses,
            recorded.Populated,
            new Dictionary<string, string>
            {
                [DomainNameProperty] = recorded.Name,
                [SourceHostProperty] = recorded.HostName,
                [nameof(PreRecord.Mode)] = recorded.Mode.ToString(),
                [nameof(PreRecord.Window)] = TimeSpan.FromSeconds(recorded.Window).ToString("c", CultureInfo.InvariantCulture),
                [nameof(PreRecord.BackedUpPages)] = recorded.BackedUpPages.ToString(CultureInfo.InvariantCulture),
            });
    }

    /// <summary>The recording that a file keeps.</summary>
    /// <param name="file">The file.</param>
    /// <param name="document">What stands in it.</param>
    public static PreRecord Read(string file, TrajectoryDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        AccessTrajectory trajectory = document.Trajectory;
        string? Property(string name) => document.Properties.GetValueOrDefault(name);
        return new PreRecord
        {
            Id = Guid.NewGuid().ToString("N"),
            Name = Property(DomainNameProperty) ?? Path.GetFileNameWithoutExtension(file),
            HostName = Property(SourceHostProperty) ?? string.Empty,
            Mode = Enum.TryParse(Property(nameof(PreRecord.Mode)), out RecordingMode mode) ? mode : RecordingMode.Observe,
            Window = TimeSpan.TryParse(Property(nameof(PreRecord.Window)), CultureInfo.InvariantCulture, out TimeSpan window)
                ? window.TotalSeconds
                : Math.Min(TimeSpan.MaxValue.TotalSeconds / 2, trajectory.EpochLength.TotalSeconds * trajectory.EpochCount),
            Epoch = trajectory.EpochLength.TotalSeconds,
            Accesses = trajectory,
            RecordedPages = trajectory.PagesByFirstTouch().Length,
            BackedUpPages = int.TryParse(Property(nameof(PreRecord.BackedUpPages)), CultureInfo.InvariantCulture, out int pages) ? pages : 0,
            Populated = document.Populated,
            ImportedFrom = file,
        };
    }
}
