using System.Numerics;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <content>What a migration tells beyond its sums.</content>
internal sealed partial class SourceMigration
{
    private readonly SentPageLog _pageLog;
    private readonly SpeedLog _speed;
    private PageOrder? _order;
    private ObservationsRecord? _observed;
    private PageBitmap? _used;
    private (long Count, TimeSpan Waited) _requestsBefore;

    /// <summary>The details, once the domain has moved. Of what the destination says it is believed what fits what it said of its faults in all.</summary>
    private MigrationDetails Details(CompleteRecord report, SentPages pages)
    {
        ObservationsRecord? there = _observed ?? _attempt!.Observed;
        bool isBelieved = there is not null && Fits(there, report);

        // What came before the domain ran there counts from there, which this process knows only where it has committed itself.
        bool isTimed = isBelieved && _committedAt > TimeSpan.Zero;
        SpeedSample[] atDestination = isTimed
            ? [.. there!.Speed.Select(Sample).Where(sample => sample.At <= Log.Elapsed)]
            : [];
        IReadOnlyList<SpeedSample> atSource = _speed.Samples();
        return new MigrationDetails(
            new FaultDetails(
                FaultCauses.Count(_order, Options.Method == MigrationMethod.PreRecord ? Recorded?.Trajectory : null, _pageLog.Asked, OrderOptions),
                isBelieved ? Buckets(there!.Latencies) : [],
                isBelieved ? there!.Vcpus : [],
                isTimed ? [.. there!.OverTime.Where(interval => interval.Start <= Log.Elapsed).Select(interval => interval with { Start = interval.Start + _runningAt })] : []),
            Score(pages),
            [.. atSource, .. atDestination],
            GuestSpeeds.Of(atSource, atDestination, Log.Phases, _runningAt),
            _pageLog.Cells(),
            _attempt!.DestroyedAt is { } freed ? Log.TimeOf(freed) : TimeSpan.Zero);
    }

    /// <summary>What was recorded and predicted, held against what the guest has used.</summary>
    private PredictionScore Score(SentPages pages)
    {
        PageBitmap? used = _used ?? _attempt!.Used;
        return new PredictionScore(
            pages.Recorded,
            used is null ? null : Common(used, _pageLog.Recorded),
            pages.Predicted,
            used is null ? null : Common(used, _pageLog.Predicted),
            used is null ? null : used.Count - Common(used, _pageLog.Core));

        static long Common(PageBitmap first, PageBitmap second)
        {
            long common = 0;
            for (int word = 0; word < first.WordCount; word++)
            {
                common += BitOperations.PopCount(first.WordAt(word) & second.WordAt(word));
            }

            return common;
        }
    }

    private SpeedSample Sample(ObservedSpeed sample)
    {
        TimeSpan at = sample.At < TimeSpan.MaxValue - _runningAt ? sample.At + _runningAt : TimeSpan.MaxValue;
        return new SpeedSample(at, sample.Milli / 1000.0, at < _allThereAt ? DomainHolder.Both : DomainHolder.Destination);
    }

    /// <summary>Whether the parts are no more than the whole. A fault whose wait is not over is in none of them.</summary>
    private static bool Fits(ObservationsRecord there, CompleteRecord report)
    {
        Int128 most = report.RemoteFaults;

        // Each wait is cut to 100 ns, in the sum and in its parts.
        Int128 longest = (Int128)report.Latency.Total.Ticks + most;
        return Sum(there.Latencies, count => count) <= most
            && Sum(there.Vcpus, stall => stall.Faults) <= most
            && Sum(there.OverTime, interval => interval.Faults) <= most
            && Sum(there.Vcpus, stall => stall.Stalled.Ticks) <= longest
            && Sum(there.OverTime, interval => interval.Stalled.Ticks) <= longest;

        static Int128 Sum<T>(IReadOnlyList<T> parts, Func<T, long> of) => parts.Aggregate((Int128)0, (sum, part) => sum + of(part));
    }

    private static LatencyBucket[] Buckets(IReadOnlyList<long> counts)
    {
        List<LatencyBucket> buckets = [];
        for (int i = 0; i < counts.Count; i++)
        {
            if (counts[i] > 0 || buckets.Count > 0)
            {
                buckets.Add(new LatencyBucket(
                    i == 0 ? TimeSpan.Zero : TimeSpan.FromMicroseconds(1L << (i - 1)), TimeSpan.FromMicroseconds(1L << i), counts[i]));
            }
        }

        // The destination leaves out what follows the last one that has any; one that does not is no worse for it.
        return [.. buckets.Take(buckets.FindLastIndex(bucket => bucket.Count > 0) + 1)];
    }
}
