using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using PreRecordMigration.Operations;
using PreRecordMigration.Telemetry;

namespace PreRecordMigration.Tests.Telemetry;

/// <summary>The text of Prometheus, and the file that it is written to.</summary>
public sealed class MetricsFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("metrics-").FullName;
    private readonly Meter _meter;

    public MetricsFileTests() => _meter = new Meter(new MeterOptions(MigrationMetrics.Name) { Scope = this });

    [Fact]
    public void Counters_histograms_and_gauges_are_written_as_Prometheus_reads_them()
    {
        Counter<long> bytes = _meter.CreateCounter<long>("prerecord.test.io", "By", "Bytes.");
        Histogram<double> waits = _meter.CreateHistogram("prerecord.test.wait", "s", "Waits.", tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1] });
        _ = _meter.CreateObservableUpDownCounter("prerecord.test.now", () => 3, "{thing}", "Things.");
        using PrometheusText text = new(meter => meter.Scope == this);
        bytes.Add(5, new KeyValuePair<string, object?>("prerecord.side", "sou\"rce\\\n"));
        bytes.Add(6, new KeyValuePair<string, object?>("prerecord.side", "sou\"rce\\\n"));
        waits.Record(0.25);
        waits.Record(0.5);
        waits.Record(7);
        const string Expected = """
            # HELP prerecord_test_io_bytes_total Bytes.
            # TYPE prerecord_test_io_bytes_total counter
            prerecord_test_io_bytes_total{prerecord_side="sou\"rce\\\n"} 11
            # HELP prerecord_test_now Things.
            # TYPE prerecord_test_now gauge
            prerecord_test_now 3
            # HELP prerecord_test_wait_seconds Waits.
            # TYPE prerecord_test_wait_seconds histogram
            prerecord_test_wait_seconds_bucket{le="0.5"} 2
            prerecord_test_wait_seconds_bucket{le="1"} 2
            prerecord_test_wait_seconds_bucket{le="+Inf"} 3
            prerecord_test_wait_seconds_sum 7.75
            prerecord_test_wait_seconds_count 3

            """;
        Assert.Equal(Expected, text.Write());
        Assert.Equal(Expected, text.Write());
    }

    [Fact]
    public void The_file_is_whole_readable_by_a_collector_written_again_and_gone_at_the_end()
    {
        Counter<long> counter = _meter.CreateCounter<long>("prerecord.test.things");
        string path = Path.Combine(_folder, "prerecord.prom");
        using SemaphoreSlim isWritten = new(0);
        using SemaphoreSlim goOn = new(0);
        using (MetricsFile.Start(path, _ => { }, new PrometheusText(meter => meter.Scope == this), ending =>
        {
            isWritten.Release();
            try
            {
                goOn.Wait(ending);
                return true;
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }))
        {
            isWritten.Wait(TestContext.Current.CancellationToken);
            Assert.Equal("", File.ReadAllText(path));
            counter.Add(2);
            goOn.Release();
            isWritten.Wait(TestContext.Current.CancellationToken);
            Assert.Contains("prerecord_test_things_total 2\n", File.ReadAllText(path), StringComparison.Ordinal);
            if (!OperatingSystem.IsWindows())
            {
                Assert.True(File.GetUnixFileMode(path).HasFlag(UnixFileMode.OtherRead));
                Assert.False(File.GetUnixFileMode(path).HasFlag(UnixFileMode.OtherWrite));
            }
        }

        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void What_cannot_be_written_is_said_once_and_nothing_ends_by_it()
    {
        ConcurrentQueue<string> said = new();
        string folder = Directory.CreateDirectory(Path.Combine(_folder, "gone")).FullName;
        int rounds = 0;
        using SemaphoreSlim isDone = new(0);
        using (MetricsFile.Start(Path.Combine(folder, "prerecord.prom"), said.Enqueue, new PrometheusText(meter => meter.Scope == this), _ =>
        {
            switch (++rounds)
            {
                case 1:
                    Directory.Delete(folder, recursive: true);
                    break;
                case 4:
                    isDone.Release();
                    break;
            }

            return rounds < 4;
        }))
        {
            isDone.Wait(TestContext.Current.CancellationToken);
        }

        Assert.Contains("prerecord.prom", Assert.Single(said), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_is_never_written_over() => Assert.Throws<OperationException>(() => MetricsFile.Start(_folder));

    public void Dispose()
    {
        _meter.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
