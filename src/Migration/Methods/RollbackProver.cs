using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PreRecordMigration.Backup;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>
/// Proves a rollback: hashes every page at the checkpoint, and again after pre-execution with the backups laid over.
/// </summary>
internal sealed class RollbackProver
{
    private const int ChunkPages = 256;
    private readonly int[] _pfns;
    private readonly PageHash[] _atCheckpoint;
    private int _differing = -1;
    private int _firstDiffering;

    private RollbackProver(int[] pfns, PageHash[] hashes)
    {
        _pfns = pfns;
        _atCheckpoint = hashes;
    }

    /// <summary>Hashes the suspended domain's memory.</summary>
    public static RollbackProver AtCheckpoint(
        IGuestMemory memory, PageBitmap populated, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        int[] pfns = [.. populated.Pfns()];
        return new RollbackProver(pfns, Hash(memory, pfns, progress, cancellationToken));
    }

    /// <summary>Hashes the stopped domain's memory with the backups laid over, and compares.</summary>
    public RollbackProof AfterWindow(
        IGuestMemory current, PageBackup backups, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        PageHash[] after = Hash(new CheckpointMemory(current, backups), _pfns, progress, cancellationToken);
        _differing = 0;
        for (int i = 0; i < _pfns.Length; i++)
        {
            if (after[i] != _atCheckpoint[i])
            {
                _firstDiffering = _differing++ == 0 ? _pfns[i] : _firstDiffering;
            }
        }

        return new RollbackProof(
            _pfns.Length,
            Digest(_atCheckpoint),
            Digest(after),
            CountChanged(current, backups));
    }

    /// <summary>What differed, for an error.</summary>
    public string Describe() => $"{_differing} of {_pfns.Length} pages differ, the first is page {_firstDiffering}";

    private static int CountChanged(IGuestMemory current, PageBackup backups)
    {
        byte[] original = new byte[Page.Size];
        byte[] live = new byte[Page.Size];
        int changed = 0;
        foreach (int pfn in backups.Pfns())
        {
            current.Read([pfn], live);
            changed += backups.TryRead(pfn, original) && !original.AsSpan().SequenceEqual(live) ? 1 : 0;
        }

        return changed;
    }

    private static PageHash[] Hash(
        IGuestMemory memory, int[] pfns, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        PageHash[] hashes = new PageHash[pfns.Length];
        HashedPages hashed = new(pfns.Length, progress);
        int chunks = (pfns.Length + ChunkPages - 1) / ChunkPages;
        ParallelOptions parallel = new() { CancellationToken = cancellationToken };
        Parallel.For(0, chunks, parallel, () => new byte[ChunkPages * Page.Size], (chunk, _, buffer) =>
        {
            int first = chunk * ChunkPages;
            int count = Math.Min(ChunkPages, pfns.Length - first);
            memory.Read(pfns.AsSpan(first, count), buffer.AsSpan(0, count * Page.Size));
            for (int i = 0; i < count; i++)
            {
                hashes[first + i] = PageHash.Of(Page.At(buffer.AsSpan(), i));
            }

            hashed.Add(count);
            return buffer;
        }, _ => { });
        return hashes;
    }

    /// <summary>One digest of all pages, in hexadecimal: SHA-256 over their hashes in ascending order.</summary>
    private static string Digest(PageHash[] hashes) =>
        Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<PageHash>(hashes)));

    /// <summary>Counts what all threads have hashed, and reports it in rising numbers.</summary>
    private sealed class HashedPages
    {
        private readonly Lock _reporting = new();
        private readonly long _start = TimeProvider.System.GetTimestamp();
        private readonly int _total;
        private readonly IProgress<MigrationProgress>? _progress;
        private int _done;

        public HashedPages(int total, IProgress<MigrationProgress>? progress)
        {
            (_total, _progress) = (total, progress);
            Report();
        }

        public void Add(int pages)
        {
            lock (_reporting)
            {
                _done += pages;
                Report();
            }
        }

        private void Report()
        {
            double seconds = TimeProvider.System.GetElapsedTime(_start).TotalSeconds;
            double rate = seconds > 0 ? _done / seconds : 0;
            _progress?.Report(new MigrationProgress(
                MigrationPhase.Prove, _done, _total, 0, rate * Page.Size, rate > 0 ? TimeSpan.FromSeconds((_total - _done) / rate) : null));
        }
    }
}
