using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using PreRecordMigration.Backup;
using PreRecordMigration.Files;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// What it costs that another process can go on with a migration: 4096 originals of a Rollback into a store that ends with its process, and into
/// files of a memory file system that do not; and what is done with each of these pages anyway, at the least: both hashes of the proof.
/// </summary>
[Config(typeof(ManyInProcess))]
[MemoryDiagnoser]
public class JournalCost
{
    private const int Originals = 4096;
    private readonly byte[] _page = new byte[Page.Size];
    private string _folder = "";
    private string? _before;
    private ulong _hash;

    [GlobalSetup]
    public void Make()
    {
        new Random(1).NextBytes(_page);
        _before = Environment.GetEnvironmentVariable(RuntimeFolder.VariableName);
        _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), Path.GetRandomFileName());
        RuntimeFolder.Make(_folder);
        Environment.SetEnvironmentVariable(RuntimeFolder.VariableName, _folder);
    }

    [GlobalCleanup]
    public void Remove()
    {
        Environment.SetEnvironmentVariable(RuntimeFolder.VariableName, _before);
        Directory.Delete(_folder, recursive: true);
    }

    [Benchmark(Baseline = true, Description = "in this process")]
    public void InProcess()
    {
        using PageBackup store = new(Originals);
        Fill(store);
    }

    [Benchmark(Description = "in files that outlive it")]
    public void InFiles()
    {
        PageBackup store = PageBackup.Outliving(Originals, null);
        Fill(store);
        store.Keep("vm");
        store.Discard();
    }

    [Benchmark(Description = "both hashes of the proof")]
    public ulong Proof()
    {
        for (int i = 0; i < 2 * Originals; i++)
        {
            _hash ^= PageHash.Of(_page).Low;
        }

        return _hash;
    }

    private void Fill(PageBackup store)
    {
        for (int pfn = 0; pfn < Originals; pfn++)
        {
            store.TryAdd(pfn, _page);
        }
    }

    private sealed class ManyInProcess : ManualConfig
    {
        public ManyInProcess() => AddJob(Job.Default
            .WithToolchain(InProcessEmitToolchain.Instance)
            .WithLaunchCount(1).WithWarmupCount(10).WithIterationCount(100).WithInvocationCount(1).WithUnrollFactor(1));
    }
}
