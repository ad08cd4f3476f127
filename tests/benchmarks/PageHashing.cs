using System.IO.Hashing;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// How fast the proof of a rollback hashes 4096 pages: <see cref="PageHash"/> against XxHash128 of System.IO.Hashing, pages that are in the
/// processor's cache, as those that the proof has just copied out of a domain, and pages that come out of memory. The least
/// time of many says what a busy machine does not.
/// </summary>
[Config(typeof(ManyInProcess))]
[MinColumn]
public class PageHashing
{
    private const int Batch = 4096;
    private byte[] _memory = [];
    private int _next;

    /// <summary>How many pages there are: 256 KiB, or 256 MiB.</summary>
    [Params(64, 65_536)]
    public int Pages { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        _memory = new byte[(long)Pages * Page.Size];
        new Random(1).NextBytes(_memory);
    }

    [Benchmark(Baseline = true)]
    public ulong Own()
    {
        ulong all = 0;
        for (int i = 0; i < Batch; i++)
        {
            all ^= PageHash.Of(NextPage()).Low;
        }

        return all;
    }

    [Benchmark]
    public ulong XxHash()
    {
        ulong all = 0;
        for (int i = 0; i < Batch; i++)
        {
            all ^= (ulong)XxHash128.HashToUInt128(NextPage());
        }

        return all;
    }

    private ReadOnlySpan<byte> NextPage()
    {
        _next = (_next + 1) & (Pages - 1);
        return Page.At(_memory, _next);
    }

    private sealed class ManyInProcess : ManualConfig
    {
        public ManyInProcess() => AddJob(Job.Default
            .WithToolchain(InProcessEmitToolchain.Instance)
            .WithLaunchCount(1).WithWarmupCount(300).WithIterationCount(300).WithInvocationCount(1).WithUnrollFactor(1));
    }
}
