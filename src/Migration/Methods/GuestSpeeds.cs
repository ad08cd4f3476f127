using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>A guest's speed at both sides, in a few numbers.</summary>
internal static class GuestSpeeds
{
    private const double Nearly = 0.9;

    /// <summary>Makes the numbers.</summary>
    /// <param name="atSource">Speeds at the source, ascending, from the migration's start.</param>
    /// <param name="atDestination">Speeds at the destination, likewise.</param>
    /// <param name="phases">The migration's phases.</param>
    /// <param name="runningAt">When the domain ran at the destination.</param>
    public static GuestSpeed Of(
        IReadOnlyList<SpeedSample> atSource, IReadOnlyList<SpeedSample> atDestination, IReadOnlyList<MigrationPhaseTime> phases, TimeSpan runningAt)
    {
        MigrationPhaseTime? touched = phases.FirstOrDefault(phase => phase.Phase is not (MigrationPhase.Prepare or MigrationPhase.Resume));
        MigrationPhaseTime? window = phases.FirstOrDefault(phase => phase.Phase is MigrationPhase.Record or MigrationPhase.Rounds);
        double? before = touched is null ? null : Mean(atSource, TimeSpan.Zero, touched.Start);
        double? inWindow = window is null ? null : Mean(atSource, window.Start, window.Start + window.Duration);
        int quarter = (atDestination.Count + 3) / 4;
        double? after = atDestination.Count == 0 ? null : atDestination.TakeLast(quarter).Average(sample => sample.OperationsPerSecond);
        GuestSpeed speed = new(before, inWindow, after, null, null, null)
        {
            InFirstSecond = Mean(atDestination, runningAt, runningAt + TimeSpan.FromSeconds(1)),
            To10Seconds = Mean(atDestination, runningAt + TimeSpan.FromSeconds(1), runningAt + TimeSpan.FromSeconds(10)),
            To60Seconds = Mean(atDestination, runningAt + TimeSpan.FromSeconds(10), runningAt + TimeSpan.FromSeconds(60)),
        };
        if (before is not > 0 || atDestination.Count == 0)
        {
            return speed;
        }

        double slowest = atDestination.Min(sample => sample.OperationsPerSecond);
        TimeSpan slow = TimeSpan.Zero;
        TimeSpan start = runningAt;
        foreach (SpeedSample sample in atDestination)
        {
            slow += sample.OperationsPerSecond < Nearly * before ? sample.At - start : TimeSpan.Zero;
            start = sample.At;
        }

        SpeedSample back = atDestination.FirstOrDefault(sample => sample.OperationsPerSecond >= Nearly * before);
        return speed with
        {
            DipDepth = Math.Clamp(1 - (slowest / before.Value), 0, 1),
            DipLength = slow,
            BackAt90Percent = back.At > TimeSpan.Zero ? back.At - runningAt : null,
        };
    }

    /// <summary>The mean over a time, by how long each sample is of it; null where none lies in it.</summary>
    private static double? Mean(IReadOnlyList<SpeedSample> samples, TimeSpan from, TimeSpan to)
    {
        double sum = 0;
        TimeSpan covered = TimeSpan.Zero;
        for (int i = 0; i < samples.Count; i++)
        {
            // The first sample's beginning is not known; it is at most one interval before its end.
            TimeSpan start = i == 0 ? TimeSpan.Zero : samples[i - 1].At;
            TimeSpan length = (samples[i].At < to ? samples[i].At : to) - (start > from ? start : from);
            if (length > TimeSpan.Zero)
            {
                sum += samples[i].OperationsPerSecond * length.TotalSeconds;
                covered += length;
            }
        }

        return covered > TimeSpan.Zero ? sum / covered.TotalSeconds : null;
    }
}
