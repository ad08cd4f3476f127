using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Estimates;

/// <summary>What a running domain did in a short while: what it touched, what it wrote, and how fast it can be hashed.</summary>
public sealed class MigrationSample
{
    /// <summary>Pages that are hashed to see how fast that goes: 16 MiB.</summary>
    private const int HashedPages = 4096;

    /// <summary>Puts a sample together.</summary>
    /// <param name="populated">The pages that the domain has.</param>
    /// <param name="trajectory">What it touched.</param>
    /// <param name="dirtyGrowth">Distinct pages written by the end of each epoch; empty where writes cannot be tracked.</param>
    /// <param name="hashTime">How long it takes to hash one page.</param>
    public MigrationSample(PageBitmap populated, AccessTrajectory trajectory, IReadOnlyList<int> dirtyGrowth, TimeSpan hashTime)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(trajectory.PageCount, populated.PageCount, nameof(trajectory));
        Populated = populated;
        Trajectory = trajectory;
        DirtyGrowth = dirtyGrowth;
        HashTime = hashTime;
        TouchedPages = trajectory.PagesByFirstTouch().Length;
    }

    /// <summary>The pages that the domain has.</summary>
    public PageBitmap Populated { get; }

    /// <summary>What it touched.</summary>
    public AccessTrajectory Trajectory { get; }

    /// <summary>Distinct pages written by the end of each epoch; empty where writes cannot be tracked.</summary>
    public IReadOnlyList<int> DirtyGrowth { get; }

    /// <summary>How long it takes to hash one page.</summary>
    public TimeSpan HashTime { get; }

    /// <summary>Whether a second witness tells of the domain's writes, so that its rollback can be proved without all of its memory.</summary>
    public bool IsWitnessed { get; init; }

    /// <summary>Distinct pages touched.</summary>
    public int TouchedPages { get; }

    /// <summary>Distinct pages written; zero where writes cannot be tracked.</summary>
    public int DirtyPages => DirtyGrowth.Count == 0 ? 0 : DirtyGrowth[^1];

    /// <summary>How long the domain was watched for its writes, and as long again for its touches.</summary>
    public TimeSpan Window => Trajectory.EpochLength * Trajectory.EpochCount;

    /// <summary>
    /// Watches a running domain for two windows: first what it writes (where that can be tracked), then what it touches.
    /// It runs throughout, and nothing of it is stopped or thrown away.
    /// </summary>
    /// <param name="domain">The domain; it is disposed, however this ends.</param>
    /// <param name="window">How long.</param>
    /// <param name="epoch">How long an epoch lasts.</param>
    /// <param name="tracksWrites">Whether the host can track dirty pages.</param>
    /// <param name="progress">Told after every epoch, of writes and of touches; null for nobody.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MigrationException">The domain runs on.</exception>
    public static MigrationSample Take(
        ISourceDomain domain,
        TimeSpan window,
        TimeSpan epoch,
        bool tracksWrites,
        IProgress<MigrationProgress>? progress,
        CancellationToken cancellationToken)
    {
        PageBitmap populated;
        List<int> growth;
        TimeSpan hashTime;
        bool isWitnessed;
        try
        {
            isWitnessed = domain is { HasWriteWitness: true, HasUnseenWriters: false };
            populated = domain.GetPopulatedPages();
            hashTime = TimeHash(domain.Memory, populated, cancellationToken);
            growth = tracksWrites ? WatchWrites(domain, window, epoch, progress, cancellationToken) : [];
        }
        catch
        {
            domain.Dispose();
            throw;
        }

        MigrationOptions observe = new() { Mode = RecordingMode.Observe, Window = window, Epoch = epoch };
        using PreRecordSession session = PreRecordSession.Record(domain, observe, progress, cancellationToken);
        return new MigrationSample(populated, session.Trajectory, growth, hashTime) { IsWitnessed = isWitnessed };
    }

    private static List<int> WatchWrites(
        ISourceDomain domain, TimeSpan window, TimeSpan epoch, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        using IDirtyTracker tracker = domain.StartDirtyTracking();
        PageBitmap written = new(domain.Memory.PageCount);
        PageBitmap latest = new(domain.Memory.PageCount);
        List<int> growth = [];
        for (TimeSpan left = window; left > TimeSpan.Zero; left -= epoch)
        {
            domain.RunFor(left < epoch ? left : epoch, cancellationToken);
            tracker.Collect(latest);
            written.Or(latest);
            growth.Add(written.Count);
            progress?.Report(new MigrationProgress(MigrationPhase.Record, written.Count, 0, 0, 0, left > epoch ? left - epoch : TimeSpan.Zero));
        }

        return growth;
    }

    private static TimeSpan TimeHash(IGuestMemory memory, PageBitmap populated, CancellationToken cancellationToken)
    {
        int[] some = [.. populated.Pfns().Take(HashedPages)];
        long start = TimeProvider.System.GetTimestamp();
        MemoryHashing.Hash(memory, some, null, cancellationToken);
        return TimeProvider.System.GetElapsedTime(start) / Math.Max(1, some.Length);
    }
}
