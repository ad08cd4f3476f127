using System.Diagnostics;
using System.Diagnostics.Metrics;
using PreRecordMigration.History;

namespace PreRecordMigration.Telemetry;

/// <summary>
/// What this process's migrations come to, as the platform's metrics: whoever listens to the meter of <see cref="Name"/>, as a collector's exporter does, has them
/// without this project's help. docs/operating.md has the instruments. Names and units follow OpenTelemetry's conventions; no attribute has a name of a domain or a host,
/// so that there are never more than a few dozen series. Where nobody listens, nothing is measured.
/// </summary>
public static class MigrationMetrics
{
    /// <summary>The name of the meter, and of the source of traces.</summary>
    public const string Name = "PreRecordMigration";

    /// <summary>Seconds by powers of two, from 16 microseconds to 8 seconds: how long faults wait.</summary>
    private static readonly double[] s_waits = [.. Enumerable.Range(4, 20).Select(power => Math.ScaleB(1e-6, power))];

    /// <summary>Seconds by powers of two, from a millisecond to over an hour: how long migrations and their parts take.</summary>
    private static readonly double[] s_durations = [.. Enumerable.Range(0, 23).Select(power => Math.ScaleB(1e-3, power))];

    private static readonly Meter s_meter = new(Name, MigrationSpans.Version);

    private static readonly Counter<long> s_migrations = s_meter.CreateCounter<long>(
        "prerecord.migrations", "{migration}", "Ends of migrations, at either side; one that is resumed has several.");

    private static readonly Counter<long> s_io = s_meter.CreateCounter<long>("prerecord.migration.io", "By", "Bytes that sources sent.");

    private static readonly Counter<long> s_faults = s_meter.CreateCounter<long>(
        "prerecord.migration.faults", "{fault}", "Remote page faults of migrations that have ended.");

    private static readonly Histogram<double> s_duration = Durations("prerecord.migration.duration", "From a migration's beginning to its end.");

    private static readonly Histogram<double> s_downtime = Durations("prerecord.migration.downtime", "How long domains that have moved stood still for the handover.");

    private static readonly Histogram<double> s_wait = Durations("prerecord.migration.clients_wait", "How long the clients of domains that have moved waited in all.");

    private static readonly Histogram<double> s_exposure = Durations("prerecord.migration.exposure", "How long domains that have moved needed both hosts.");

    private static readonly Histogram<double> s_faultDuration = s_meter.CreateHistogram(
        "prerecord.fault.duration", "s", "How long each remote page fault waited, at the destination.", tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = s_waits });

    /// <summary>Counts how a migration ended at one side. A listener that fails keeps no migration from ending.</summary>
    /// <param name="entry">The end.</param>
    internal static void Note(HistoryEntry entry) => Listeners.Tell(() => Count(entry));

    /// <summary>Whether anybody listens to how long each fault waits; asked for each page that arrives.</summary>
    internal static bool AreFaultsMeasured => s_faultDuration.Enabled;

    /// <summary>Measures how long a fault waited.</summary>
    internal static void NoteFault(TimeSpan waited) => Listeners.Tell(() => s_faultDuration.Record(waited.TotalSeconds));

    private static void Count(HistoryEntry entry)
    {
        TagList tags = new()
        {
            { "prerecord.side", entry.Side == HistorySide.Source ? "source" : "destination" },
            { "prerecord.outcome", OutcomeOf(entry.Fate) },
        };
        if (entry.Method is { } method)
        {
            tags.Add("prerecord.method", method.ToString());
        }

        if (entry.Mode is { } mode)
        {
            tags.Add("prerecord.mode", mode.ToString());
        }

        s_io.Add(entry.BytesSent ?? 0, tags);
        s_faults.Add(entry.RemoteFaults ?? 0, tags);
        Record(s_downtime, entry.Downtime, tags);
        Record(s_wait, entry.ClientsWait, tags);
        Record(s_exposure, entry.Exposure, tags);
        if (entry.ErrorId is { } error)
        {
            tags.Add("error.type", error);
        }

        s_migrations.Add(1, tags);
        s_duration.Record(entry.TotalTime, tags);
    }

    private static void Record(Histogram<double> histogram, double? value, in TagList tags)
    {
        if (value is { } known)
        {
            histogram.Record(known, tags);
        }
    }

    private static string OutcomeOf(HistoryFate fate) => fate switch
    {
        HistoryFate.Moved => "moved",
        HistoryFate.RanOn => "ran_on",
        HistoryFate.NeverRan => "never_ran",
        HistoryFate.Interrupted => "interrupted",
        HistoryFate.GivenUp => "given_up",
        _ => "unfinished",
    };

    private static Histogram<double> Durations(string name, string description) =>
        s_meter.CreateHistogram(name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = s_durations });
}
