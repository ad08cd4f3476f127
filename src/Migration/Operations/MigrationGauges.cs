using System.Diagnostics.Metrics;
using PreRecordMigration.Telemetry;

namespace PreRecordMigration.Operations;

/// <summary>What a workspace has now, as the platform's metrics: looked at when whoever listens asks for it, and never else.</summary>
internal static class MigrationGauges
{
    private static readonly KeyValuePair<string, object?> s_source = new("prerecord.side", "source");
    private static readonly KeyValuePair<string, object?> s_destination = new("prerecord.side", "destination");

    /// <summary>Shows what a workspace has.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="scope">Tells its meter from another workspace's of the same process; null for the process's own.</param>
    /// <returns>The meter, which the platform keeps until it is disposed.</returns>
    public static Meter Show(Workspace workspace, object? scope = null)
    {
        Meter meter = new(new MeterOptions(MigrationMetrics.Name) { Version = MigrationSpans.Version, Scope = scope });
        _ = meter.CreateObservableUpDownCounter(
            "prerecord.migration.active",
            () => new Measurement<int>[]
            {
                new(workspace.Migrations.All.Count(job => job.IsActive), s_source),
                new(workspace.Receivers.Incoming.Count(incoming => !incoming.Ended.IsCompleted), s_destination),
            },
            "{migration}",
            "Migrations that are under way.");
        _ = meter.CreateObservableUpDownCounter(
            "prerecord.domain.interrupted",
            () => new Measurement<int>[]
            {
                new(workspace.Migrations.All.Count(job => job.State == MigrationState.Interrupted), s_source),
                new(workspace.Receivers.Incoming.Count(incoming => incoming.IsKept), s_destination),
            },
            "{domain}",
            "Domains of which this side keeps what it has: their migration was interrupted, and waits to be resumed or given up.");
        _ = meter.CreateObservableUpDownCounter(
            "prerecord.receiver.count", () => workspace.Receivers.All.Count, "{receiver}", "Receivers that take migrations in.");
        return meter;
    }
}
