using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Benchmarks;

/// <summary>Few iterations of one invocation each, in this process: these benchmarks take milliseconds and hold gigabytes.</summary>
public sealed class ShortInProcess : ManualConfig
{
    public ShortInProcess() => AddJob(Job.Default
        .WithToolchain(InProcessEmitToolchain.Instance)
        .WithLaunchCount(1).WithWarmupCount(2).WithIterationCount(7).WithInvocationCount(1).WithUnrollFactor(1));
}

/// <summary>Recordings as real ones are: runs of pages, clusters, and single pages, over eight epochs.</summary>
internal static class SyntheticRecordings
{
    /// <summary>Strictly ascending pages, about one of sixteen, in clusters.</summary>
    public static int[] Series(int count)
    {
        Random random = new(1);
        int[] series = new int[count];
        int pfn = 0;
        for (int i = 0; i < count; i++)
        {
            pfn += random.Next(12) == 0 ? random.Next(1, 300) : random.Next(1, 4);
            series[i] = pfn;
        }

        return series;
    }

    public static AccessTrajectory Trajectory(int pageCount, int recordCount)
    {
        const int Epochs = 8;
        Random random = new(1);
        PageBitmap touched = new(pageCount);
        AccessRecord[] records = new AccessRecord[recordCount];
        int pfn = 0;
        int left = 0;
        int step = 1;
        for (int i = 0; i < recordCount; i++)
        {
            if (i % (recordCount / Epochs) == 0)
            {
                touched.Clear();
            }

            do
            {
                (pfn, left, step) = left-- > 0 && pfn + step >= 0 && pfn + step < pageCount
                    ? (pfn + step, left, step)
                    : (random.Next(pageCount), random.Next(200), random.Next(-3, 4));
            }
            while (!touched.TrySet(pfn));

            int epoch = Math.Min(Epochs - 1, i / (recordCount / Epochs));
            records[i] = new AccessRecord(i, epoch, pfn, (AccessKind)(i % 3 == 0 ? 1 : 0));
        }

        return new AccessTrajectory(records, pageCount, TimeSpan.FromMilliseconds(100), Epochs, true);
    }
}

/// <summary>Exact one-dimensional DBSCAN by itself: the cost of a page must not grow with their number.</summary>
[Config(typeof(ShortInProcess))]
[MemoryDiagnoser]
public class ClusteringBenchmarks
{
    private int[] _series = [];

    [Params(10 << 10, 128 << 10, 1 << 20, 16 << 20)]
    public int Points { get; set; }

    [GlobalSetup]
    public void Make() => _series = SyntheticRecordings.Series(Points);

    [Benchmark]
    public int Cluster() => OneDimensionalDbscan.Cluster(_series, 8, 4).Clusters.Count;
}

/// <summary>Compares it with what one would write otherwise; the naive form only for sizes with which it ends.</summary>
[Config(typeof(ShortInProcess))]
[MemoryDiagnoser]
public class DbscanComparison
{
    private int[] _series = [];

    [Params(10 << 10, 128 << 10)]
    public int Points { get; set; }

    [GlobalSetup]
    public void Make() => _series = SyntheticRecordings.Series(Points);

    [Benchmark(Baseline = true)]
    public int OneDimensional() => OneDimensionalDbscan.Cluster(_series, 8, 4).Clusters.Count;

    [Benchmark(Description = "textbook, sorted index")]
    public int Indexed() => TextbookDbscan.Cluster(_series, 8, 4, isIndexed: true);

    [Benchmark(Description = "textbook, naive (10 Ki only)")]
    public int Naive() => Points <= 10 << 10 ? TextbookDbscan.Cluster(_series, 8, 4, isIndexed: false) : 0;
}

/// <summary>Predictions from a recording of a million records in a guest of 64 GiB.</summary>
[Config(typeof(ShortInProcess))]
[MemoryDiagnoser]
public class PredictionBenchmarks
{
    private AccessTrajectory _trajectory = null!;
    private IrregularSequenceSeries _series = null!;
    private PageSummary[] _summaries = [];

    [GlobalSetup]
    public void Make()
    {
        _trajectory = SyntheticRecordings.Trajectory(16 << 20, 1 << 20);
        _series = IrregularSequenceSeries.Of(_trajectory);
        _summaries = PageSummary.Summarise(_trajectory, _series);
    }

    [Benchmark(Description = "regression, 1 Mi records")]
    public int Regression() => LinearRegressionPrediction.Make(
        _trajectory, _series, _summaries, _series.Count, PageOrderOptions.Default).Windows.Count;

    [Benchmark(Description = "ISS-DBSCAN with neighbourhoods, 1 Mi records")]
    public int Clustering() => IssDbscanPrediction.Make(
        _series, _summaries, _trajectory.PageCount, _trajectory.EpochCount, PageOrderOptions.Default).Neighbourhoods.Count;

    [Benchmark(Description = "series and summaries, 1 Mi records")]
    public int Summaries() => PageSummary.Summarise(_trajectory, IrregularSequenceSeries.Of(_trajectory)).Length;
}

/// <summary>The whole order of a guest of 64 GiB.</summary>
[Config(typeof(ShortInProcess))]
[MemoryDiagnoser]
public class WholeOrder
{
    private const int PageCount = 16 << 20;
    private readonly PageBitmap _remaining = new(PageCount);
    private AccessTrajectory _trajectory = null!;

    [Params(PageOrderStrategy.RecordedFirst, PageOrderStrategy.LinearRegression, PageOrderStrategy.IssDbscan, PageOrderStrategy.Auto)]
    public PageOrderStrategy Strategy { get; set; }

    [GlobalSetup]
    public void Make()
    {
        _remaining.SetAll();
        _trajectory = SyntheticRecordings.Trajectory(PageCount, 1 << 20);
    }

    [Benchmark(Description = "order of 16 Mi pages")]
    public int Build() => PageOrder.Build(_remaining, _trajectory, [Strategy]).Count;
}

/// <summary>What a fault costs while a guest of 64 GiB is pushed: 10,000 faults, each followed by one page.</summary>
[Config(typeof(ShortInProcess))]
public class SteeringCost
{
    private const int PageCount = 16 << 20;
    private const int Faults = 10_000;
    private readonly PageBitmap _unsent = new(PageCount);
    private readonly int[] _faults = new int[Faults];
    private PageOrder _order = null!;
    private LivePageOrder _live = null!;

    [GlobalSetup]
    public void Make()
    {
        Random random = new(1);
        for (int i = 0; i < Faults; i++)
        {
            _faults[i] = random.Next(PageCount);
        }

        _unsent.SetAll();
        _order = PageOrder.Build(
            _unsent, SyntheticRecordings.Trajectory(PageCount, 1 << 20), [PageOrderStrategy.LinearRegression]);
    }

    [IterationSetup]
    public void Start()
    {
        _unsent.SetAll();
        for (int pfn = 0; pfn < PageCount; pfn++)
        {
            // Most has been sent: the nearest unsent page is far away.
            if (pfn % 100_000 != 0)
            {
                _unsent.TryClear(pfn);
            }
        }

        _live = new LivePageOrder(_order, _unsent);
    }

    [Benchmark(OperationsPerInvoke = Faults)]
    public int FaultAndNext()
    {
        int last = 0;
        foreach (int fault in _faults)
        {
            _live.Steer(fault);
            last = _live.Next();
        }

        return last;
    }
}
