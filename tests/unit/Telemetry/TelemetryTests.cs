using System.Diagnostics;
using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using PreRecordMigration.Errors;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Telemetry;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Tests.Operations;

namespace PreRecordMigration.Tests.Telemetry;

/// <summary>Metrics and traces as whoever listens has them. Other tests of the process move domains meanwhile, so that each looks at its own.</summary>
public sealed class TelemetryTests
{
    /// <summary>Whether what is measured belongs to the test that looks: threads of its migrations have it from the test's own.</summary>
    private static readonly AsyncLocal<object?> s_owner = new();

    [Fact]
    public async Task An_exporter_of_OpenTelemetry_reads_the_metrics_without_code_of_ours()
    {
        List<Metric> exported = [];
        using WorkspaceFixture fixture = new();
        using Meter gauges = MigrationGauges.Show(fixture.Workspace, "this test's");
        using MeterProvider provider = Sdk.CreateMeterProviderBuilder().AddMeter(MigrationMetrics.Name).AddInMemoryExporter(exported).Build();
        await fixture.MoveAsync(MigrationMethod.PostCopy);
        Assert.True(provider.ForceFlush());
        Dictionary<string, Metric> metrics = exported.Where(metric => metric.MeterName == MigrationMetrics.Name).GroupBy(metric => metric.Name).ToDictionary(group => group.Key, group => group.First());
        Assert.Equal(
            [
                "prerecord.domain.interrupted", "prerecord.fault.duration", "prerecord.migration.active", "prerecord.migration.clients_wait", "prerecord.migration.downtime",
                "prerecord.migration.duration", "prerecord.migration.exposure", "prerecord.migration.faults", "prerecord.migration.io", "prerecord.migrations", "prerecord.receiver.count",
            ],
            metrics.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(("s", "By", "{migration}"), (metrics["prerecord.migration.downtime"].Unit, metrics["prerecord.migration.io"].Unit, metrics["prerecord.migrations"].Unit));
        long moved = 0;
        foreach (ref readonly MetricPoint point in metrics["prerecord.migrations"].GetMetricPoints())
        {
            Dictionary<string, object?> tags = [];
            foreach (KeyValuePair<string, object?> tag in point.Tags)
            {
                tags[tag.Key] = tag.Value;
            }

            moved += Equals(tags["prerecord.outcome"], "moved") && Equals(tags.GetValueOrDefault("prerecord.method"), "PostCopy") ? point.GetSumLong() : 0;
        }

        Assert.True(moved >= 1);
        foreach (ref readonly MetricPoint point in metrics["prerecord.fault.duration"].GetMetricPoints())
        {
            Assert.True(point.GetHistogramCount() > 0);
        }
    }

    [Fact]
    public async Task A_move_is_a_span_with_a_span_for_each_phase()
    {
        List<Activity> exported = [];
        using WorkspaceFixture fixture = new();
        using TracerProvider provider = Sdk.CreateTracerProviderBuilder().SetSampler(new AlwaysOnSampler()).AddSource(MigrationMetrics.Name).AddInMemoryExporter(exported).Build();
        using Activity parent = new Activity("the change").Start();
        MigrationJob job = await fixture.MoveAsync(MigrationMethod.PostCopy);
        parent.Stop();
        Assert.True(provider.ForceFlush());
        Activity[] mine = [.. exported.ToArray().Where(span => span.TraceId == parent.TraceId)];
        Activity move = Assert.Single(mine, span => span.OperationName == "prerecord.migrate");
        Assert.Equal(parent.SpanId, move.ParentSpanId);
        Assert.Equal(MigrationFixture.DomainName, move.GetTagItem("prerecord.domain.name"));
        Assert.Equal(("xen1", "xen2", "PostCopy", 1), (move.GetTagItem("prerecord.source"), move.GetTagItem("prerecord.destination"), move.GetTagItem("prerecord.method"), move.GetTagItem("prerecord.attempt")));
        Activity[] phases = [.. mine.Where(span => span != move)];
        Assert.All(phases, phase => Assert.Equal(move.SpanId, phase.ParentSpanId));
        Assert.Equal(job.Outcome!.Phases.Select(phase => $"prerecord.migrate.{phase.Phase.ToString().ToLowerInvariant()}"), phases.OrderBy(phase => phase.StartTimeUtc).Select(phase => phase.OperationName));
        Assert.Equal(ActivityStatusCode.Unset, move.Status);
    }

    [Fact]
    public async Task A_move_that_fails_says_so_in_its_span_and_its_count()
    {
        List<Activity> exported = [];
        using WorkspaceFixture fixture = new();
        using Measured measured = new();
        using TracerProvider provider = Sdk.CreateTracerProviderBuilder().SetSampler(new AlwaysOnSampler()).AddSource(MigrationMetrics.Name).AddInMemoryExporter(exported).Build();
        fixture.Destination.Faults.Fail(SimulatedCall.Restore, 1, new MigrationException(MigrationErrorId.HypervisorCall, "Restore failed.", "Again."));
        using Activity parent = new Activity("the change").Start();
        await fixture.MoveAsync();
        Assert.True(provider.ForceFlush());
        Activity move = Assert.Single(exported.ToArray(), span => span.TraceId == parent.TraceId && span.OperationName == "prerecord.migrate");
        Assert.Equal((ActivityStatusCode.Error, "HypervisorCall"), (move.Status, move.GetTagItem("error.type")));
        (double value, Dictionary<string, object?> tags) = Assert.Single(measured.Of("prerecord.migrations"));
        Assert.Equal((1, "source", "ran_on", "HypervisorCall"), (value, tags["prerecord.side"], tags["prerecord.outcome"], tags["error.type"]));
    }

    [Fact]
    public async Task Each_end_is_counted_once_with_what_its_result_says_and_a_rehearsal_never()
    {
        using WorkspaceFixture fixture = new();
        using Measured measured = new();
        MigrationJob job = await fixture.MoveAsync(MigrationMethod.PostCopy);
        MigrationOutcome outcome = job.Outcome!;
        Assert.Equal(1, Assert.Single(measured.Of("prerecord.migrations")).Value);
        Assert.Equal(outcome.BytesSent, Assert.Single(measured.Of("prerecord.migration.io")).Value);
        Assert.Equal(outcome.RemoteFaults, Assert.Single(measured.Of("prerecord.migration.faults")).Value);
        Assert.Equal(outcome.Downtime, Assert.Single(measured.Of("prerecord.migration.downtime")).Value);
        Assert.Equal(outcome.Exposure, Assert.Single(measured.Of("prerecord.migration.exposure")).Value);
        Assert.Equal(outcome.RemoteFaults, measured.Of("prerecord.fault.duration").Count);
    }

    [Fact]
    public async Task A_listener_that_throws_keeps_no_migration_from_ending()
    {
        using WorkspaceFixture fixture = new();
        object mine = s_owner.Value = new object();
        using MeterListener metrics = new();
        metrics.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == MigrationMetrics.Name)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        metrics.SetMeasurementEventCallback<long>((_, _, _, _) => Throw());
        metrics.SetMeasurementEventCallback<double>((_, _, _, _) => Throw());
        metrics.Start();
        using ActivityListener traces = new()
        {
            ShouldListenTo = source => source.Name == MigrationMetrics.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = _ => Throw(),
            ActivityStopped = _ => Throw(),
        };
        ActivitySource.AddActivityListener(traces);
        Assert.Equal(MigrationState.Completed, (await fixture.MoveAsync()).State);

        void Throw()
        {
            if (s_owner.Value == mine)
            {
                throw new InvalidOperationException("A listener of somebody else's fails.");
            }
        }
    }

    [Fact]
    public async Task What_a_workspace_has_now_is_shown_when_it_is_asked_for()
    {
        using WorkspaceFixture fixture = new();
        using Meter gauges = MigrationGauges.Show(fixture.Workspace, fixture);
        using PrometheusText text = new(meter => ReferenceEquals(meter.Scope, fixture));
        await fixture.InterruptAsync();
        string shown = text.Write();
        Assert.Contains("# TYPE prerecord_domain_interrupted gauge\n", shown, StringComparison.Ordinal);
        Assert.Contains("prerecord_domain_interrupted{prerecord_side=\"source\"} 1\n", shown, StringComparison.Ordinal);
        Assert.Contains("prerecord_migration_active{prerecord_side=\"source\"} 0\n", shown, StringComparison.Ordinal);
        Assert.Contains("prerecord_receiver_count ", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nobody_listens_nothing_is_traced() => Assert.Null(MigrationSpans.Begin(PreRecordMigration.Reporting.MigrationPhase.Push));

    /// <summary>What the migrations of one test measure, in their order.</summary>
    private sealed class Measured : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly List<(string Name, double Value, Dictionary<string, object?> Tags)> _all = [];

        public Measured()
        {
            object mine = s_owner.Value = new object();
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == MigrationMetrics.Name && !instrument.IsObservable)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
            _listener.Start();

            void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
            {
                if (s_owner.Value == mine)
                {
                    lock (_all)
                    {
                        _all.Add((instrument.Name, value, tags.ToArray().ToDictionary()));
                    }
                }
            }
        }

        public IReadOnlyList<(double Value, Dictionary<string, object?> Tags)> Of(string name)
        {
            lock (_all)
            {
                return [.. _all.Where(one => one.Name == name).Select(one => (one.Value, one.Tags))];
            }
        }

        public void Dispose() => _listener.Dispose();
    }
}
