using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>Hashes pages of a domain on all processors.</summary>
internal static class MemoryHashing
{
    private const int ChunkPages = 256;

    /// <summary>Hashes pages.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="pfns">The pages, all populated.</param>
    /// <param name="progress">Told of every chunk; null for nobody.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>A hash for each page.</returns>
    public static PageHash[] Hash(
        IGuestMemory memory, int[] pfns, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        PageHash[] hashes = new PageHash[pfns.Length];
        HashedPages hashed = new(pfns.Length, progress);
        InChunks(pfns, Hash, cancellationToken);
        return hashes;

        void Hash(int first, ReadOnlyMemory<int> chunk)
        {
            byte[] pages = new byte[chunk.Length * Page.Size];
            memory.Read(chunk.Span, pages);
            for (int i = 0; i < chunk.Length; i++)
            {
                hashes[first + i] = PageHash.Of(Page.At(pages.AsSpan(), i));
            }

            hashed.Add(chunk.Length);
        }
    }

    /// <summary>One digest of pages, in hexadecimal: SHA-256 over their hashes.</summary>
    public static string Digest(PageHash[] hashes) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<PageHash>(hashes)));

    /// <summary>Does something with pages, some of them at a time, on all processors.</summary>
    /// <param name="pfns">The pages.</param>
    /// <param name="work">Called with the place of the first page of a part, and the part.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static void InChunks(int[] pfns, Action<int, ReadOnlyMemory<int>> work, CancellationToken cancellationToken)
    {
        int chunks = (pfns.Length + ChunkPages - 1) / ChunkPages;
        Parallel.For(0, chunks, new ParallelOptions { CancellationToken = cancellationToken }, chunk =>
        {
            int first = chunk * ChunkPages;
            work(first, pfns.AsMemory(first, Math.Min(ChunkPages, pfns.Length - first)));
        });
    }

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
