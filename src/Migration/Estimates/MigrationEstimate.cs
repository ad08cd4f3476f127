using PreRecordMigration.Options;

namespace PreRecordMigration.Estimates;

/// <summary>What a migration is expected to cost. This project's definition: a model, not a promise.</summary>
public sealed record MigrationEstimate
{
    /// <summary>How memory would travel.</summary>
    public required MigrationMethod Method { get; init; }

    /// <summary>The recording's mode; null where nothing is recorded.</summary>
    public RecordingMode? Mode { get; init; }

    /// <summary>From the first step to the source's end.</summary>
    public required TimeSpan TotalTime { get; init; }

    /// <summary>The handover: stopped at the source, not yet running at the destination. The guest's own time to suspend
    /// is not in it.</summary>
    public required TimeSpan Downtime { get; init; }

    /// <summary>
    /// The time in which the domain needs both hosts, from the commit until the source has heard that every page is at the
    /// destination: the commit's round trip alone with pre-copy and with RemotePF off.
    /// </summary>
    public required TimeSpan Exposure { get; init; }

    /// <summary>How long the checkpoint holds the domain before the window for the proof of the rollback; the rest of the checkpoint is
    /// not estimated. Zero without a checkpoint, and where nothing was sampled.</summary>
    public TimeSpan CheckpointPause { get; init; }

    /// <summary>The window, where it is rolled back: it runs again at the destination, and what it sent out is held back and then dropped.
    /// Zero where nothing is rolled back.</summary>
    public TimeSpan DiscardedExecution { get; init; }

    /// <summary>
    /// How long the domain's clients wait in all: while it stands still, for the handover and for remote faults, and while
    /// it runs for nothing, because the window is discarded.
    /// </summary>
    public TimeSpan ClientsWait => CheckpointPause + DiscardedExecution + Downtime + (Stalled ?? TimeSpan.Zero);

    /// <summary>Bytes of memory that travel, pages sent again included.</summary>
    public required long BytesSent { get; init; }

    /// <summary>Remote page faults; null where nothing was sampled.</summary>
    public long? RemoteFaults { get; init; }

    /// <summary>How long vCPUs stand still for them; null where nothing was sampled.</summary>
    public TimeSpan? Stalled { get; init; }

    /// <summary>Whether rounds of pre-copy get the better of the domain's writes; true for every other method.</summary>
    public bool Converges { get; init; } = true;
}

/// <summary>How fast the way to the destination is.</summary>
/// <param name="BytesPerSecond">Above zero.</param>
/// <param name="RoundTrip">The time to the destination and back.</param>
public sealed record LinkSpeed(long BytesPerSecond, TimeSpan RoundTrip)
{
    /// <summary>How long a number of pages takes.</summary>
    public TimeSpan TimeOf(double pages) => TimeSpan.FromSeconds(pages * Pages.Page.Size / BytesPerSecond);

    /// <summary>The link for a move, which goes no faster than its limit.</summary>
    /// <param name="bandwidthLimit">Bytes a second; null for no limit.</param>
    public LinkSpeed Within(long? bandwidthLimit) => this with { BytesPerSecond = Math.Min(bandwidthLimit ?? long.MaxValue, BytesPerSecond) };
}
