using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Recordings in files, by the extension: .csv for text, any other for the format of docs/trajectory-format.md.</summary>
internal static class PreRecordFile
{
    /// <summary>The epoch of a CSV file where nothing says how long it was.</summary>
    public static readonly TimeSpan DefaultEpoch = new MigrationOptions().Epoch;

    /// <summary>Writes a recording.</summary>
    public static void Write(WritableFile file, PreRecord recorded, PipelineWriter writer, CancellationToken cancellationToken)
    {
        using WorkProgress progress = new(writer, Text.Format(SR.ProgressWriting, file.Path), bytes => Text.Bytes(bytes));
        file.Write(null, opened =>
        {
            using WatchedStream stream = new(opened, progress, cancellationToken, leaveOpen: true);
            if (IsCsv(file.Path))
            {
                TrajectoryCsv.Write(stream, recorded.GetTrajectory());
            }
            else
            {
                TrajectoryWriter.Write(stream, PreRecordDocument.Of(recorded));
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
                : PreRecordDocument.Read(file, TrajectoryReader.Read(stream));
        }
        catch (MigrationException e) when (e.ErrorId == MigrationErrorId.InvalidFile)
        {
            throw new MigrationException(e.ErrorId, Text.Format(SR.InvalidFile, file, e.Message), e.Remedy, file, e);
        }
    }

    /// <summary>Whether a file's name says that it is text.</summary>
    public static bool IsCsv(string file) => Path.GetExtension(file).Equals(".csv", StringComparison.OrdinalIgnoreCase);

    private static PreRecord FromText(string file, AccessTrajectory trajectory)
    {
        PageBitmap populated = new(trajectory.PageCount);
        populated.SetAll();
        return PreRecordDocument.Read(file, new TrajectoryDocument(trajectory, populated, new Dictionary<string, string>()));
    }
}
