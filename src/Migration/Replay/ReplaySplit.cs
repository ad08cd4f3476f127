using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Replay;

/// <summary>A trajectory cut into what counts as recorded and what the guest does afterwards.</summary>
/// <param name="Recording">The epochs before the cut.</param>
/// <param name="Future">The first use of each page by the guest at the destination, in order: only that can fault.</param>
/// <param name="FutureTime">For how long what it does there is known, in nanoseconds of its time.</param>
internal sealed record ReplaySplit(AccessTrajectory Recording, IReadOnlyList<FutureUse> Future, long FutureTime)
{
    /// <summary>Cuts a trajectory.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>: one side would be empty.</exception>
    public static ReplaySplit Cut(AccessTrajectory trajectory, ReplayOptions options)
    {
        int epoch = options.SplitEpoch ?? (int)Math.Round(trajectory.EpochCount * options.SplitFraction);
        if (epoch <= 0 || epoch >= trajectory.EpochCount)
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption,
                string.Create(CultureInfo.InvariantCulture, $"A split at epoch {epoch} of {trajectory.EpochCount} leaves nothing on one side."),
                "Choose a split inside the recording, or record more epochs.",
                options.SplitEpoch is null ? nameof(ReplayOptions.SplitFraction) : nameof(ReplayOptions.SplitEpoch));
        }

        ReadOnlySpan<AccessRecord> records = trajectory.Records;
        int cut = 0;
        while (cut < records.Length && records[cut].Epoch < epoch)
        {
            cut++;
        }

        AccessTrajectory recording = new(
            records[..cut].ToArray(), trajectory.PageCount, trajectory.EpochLength, epoch, trajectory.IsEpochOrdered);
        double nanoseconds = trajectory.EpochLength.TotalNanoseconds / options.GuestSpeed;
        AccessClock clock = new(records);
        PageBitmap used = new(trajectory.PageCount);
        List<FutureUse> future = [];
        (int first, int start) = options.Mode == RecordingMode.Rollback ? (0, 0) : (cut, epoch);
        for (int i = first; i < records.Length; i++)
        {
            if (used.TrySet(records[i].Pfn))
            {
                future.Add(new FutureUse(records[i].Pfn, (long)((clock.TimeOf(i) - start) * nanoseconds)));
            }
        }

        return new ReplaySplit(recording, future, (long)((trajectory.EpochCount - start) * nanoseconds));
    }
}

/// <summary>The first use of a page.</summary>
/// <param name="Pfn">The page.</param>
/// <param name="Time">When, in nanoseconds of the guest's time since it went on.</param>
internal readonly record struct FutureUse(int Pfn, long Time);
