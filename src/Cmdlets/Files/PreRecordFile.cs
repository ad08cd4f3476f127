using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Cmdlets;

/// <summary>Recordings in files, by the extension: .csv for text, any other for the format of docs/trajectory-format.md.</summary>
internal static class PreRecordFile
{
    /// <summary>The epoch of a CSV file where nothing says how long it was.</summary>
    public static readonly TimeSpan DefaultEpoch = new MigrationOptions().Epoch;

    /// <summary>What the format calls the domain's name, and the host's.</summary>
    private const string DomainNameProperty = "DomainName";

    private const string SourceHostProperty = "SourceHost";

    /// <summary>Writes a recording.</summary>
    public static void Write(WritableFile file, PreRecord recorded, PipelineWriter writer, CancellationToken cancellationToken)
    {
        using WorkProgress progress = new(writer, Text.Format(SR.ProgressWriting, file.Path), bytes => Text.Bytes(bytes));
        file.Write(null, opened =>
        {
            using WatchedStream stream = new(opened, progress, cancellationToken, leaveOpen: true);
            if (IsCsv(file.Path))
            {
                TrajectoryCsv.Write(stream, recorded.Accesses);
            }
            else
            {
                TrajectoryWriter.Write(stream, Describe(recorded));
            }
        });
    }

    /// <summary>Reads a recording.</summary>
    /// <param name="file">The file.</param>
    /// <param name="epoch">For CSV, how long an epoch was.</param>
    /// <param name="pageCount">For CSV, the guest's page count; null for one above the highest page.</param>
    /// <param name="writer">Where its progress is shown.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="MigrationException">The file is no recording, and the message names it and the offset; or somebody else's link
    /// leads to it (<see cref="GivenPath"/>).</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PreRecord Read(
        string file, TimeSpan epoch, int? pageCount, PipelineWriter writer, CancellationToken cancellationToken)
    {
        try
        {
            using WorkProgress progress = new(writer, Text.Format(SR.ProgressReading, file), bytes => Text.Bytes(bytes));
            using WatchedStream stream = new(
                new FileStream(GivenPath.Follow(file), FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16), progress, cancellationToken);
            if (IsCsv(file) && !stream.CanSeek)
            {
                throw new MigrationException(MigrationErrorId.InvalidFile, SR.TextInPipe, SR.TextInPipeRemedy, file);
            }

            return IsCsv(file)
                ? FromText(file, TrajectoryCsv.Read(stream, epoch, pageCount))
                : FromDocument(file, TrajectoryReader.Read(stream));
        }
        catch (MigrationException e) when (e.ErrorId == MigrationErrorId.InvalidFile)
        {
            throw new MigrationException(e.ErrorId, Text.Format(SR.InvalidFile, file, e.Message), e.Remedy, file, e);
        }
    }

    /// <summary>Whether a file's name says that it is text.</summary>
    public static bool IsCsv(string file) => Path.GetExtension(file).Equals(".csv", StringComparison.OrdinalIgnoreCase);

    private static TrajectoryDocument Describe(PreRecord recorded) => new(
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

    private static PreRecord FromText(string file, AccessTrajectory trajectory)
    {
        PageBitmap populated = new(trajectory.PageCount);
        populated.SetAll();
        return FromDocument(file, new TrajectoryDocument(trajectory, populated, new Dictionary<string, string>()));
    }

    private static PreRecord FromDocument(string file, TrajectoryDocument document)
    {
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
