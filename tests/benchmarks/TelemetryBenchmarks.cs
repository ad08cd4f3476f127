using BenchmarkDotNet.Attributes;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Telemetry;

namespace PreRecordMigration.Benchmarks;

/// <summary>What metrics add to the note of a fault where nobody listens: it is the one place where they are asked for each page.</summary>
[ShortRunJob]
public class TelemetryBenchmarks
{
    private const int Faults = 10_000;

    [Benchmark(Baseline = true, OperationsPerInvoke = Faults)]
    public FaultLog AFaultIsNoted()
    {
        FaultLog log = new(TimeProvider.System);
        for (int pfn = 0; pfn < Faults; pfn++)
        {
            log.Began(new PageFault(pfn, 0, 0));
            log.Ended([pfn]);
        }

        return log;
    }

    [Benchmark(OperationsPerInvoke = Faults)]
    public int AskedWhetherAnybodyListens()
    {
        int listened = 0;
        for (int pfn = 0; pfn < Faults; pfn++)
        {
            listened += MigrationMetrics.AreFaultsMeasured ? 1 : 0;
        }

        return listened;
    }
}
