using System.Numerics;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Ordering;

/// <summary>The constants of the page orders. All of them, and their defaults, are this project's (docs/ordering.md).</summary>
public sealed record PageOrderOptions
{
    /// <summary>The defaults.</summary>
    public static PageOrderOptions Default { get; } = new();

    /// <summary>Widest gap between two recorded pages of one <see cref="ContinuityRegion"/>, in pages.</summary>
    public int RegionGap { get; init; } = 32;

    /// <summary>Fewest recorded pages of a <see cref="ContinuityRegion"/>.</summary>
    public int RegionMinPages { get; init; } = 8;

    /// <summary>Most paths that are open at a time within a region.</summary>
    public int OpenPaths { get; init; } = 8;

    /// <summary>Widest step along an <see cref="IncrementalPath"/>, in pages.</summary>
    public int MaxStep { get; init; } = 16;

    /// <summary>Fewest points of a <see cref="SequenceSet"/>.</summary>
    public int SequenceMinPoints { get; init; } = 4;

    /// <summary>Least density of a <see cref="SequenceSet"/>: its points over the pages that they span.</summary>
    public double MinDensity { get; init; } = 0.25;

    /// <summary>Least coefficient of determination (R²) of a <see cref="SequenceSet"/>'s line.</summary>
    public double MinFit { get; init; } = 0.9;

    /// <summary>How many residual deviations a <see cref="PredictionWindow"/> adds to where its line leads (z).</summary>
    public double WindowDeviations { get; init; } = 2;

    /// <summary>Shortest <see cref="PredictionWindow"/>, in pages.</summary>
    public int MinWindow { get; init; } = 16;

    /// <summary>
    /// Longest <see cref="PredictionWindow"/>, in pages. Short: a line ends where the block of physical memory ends in which it
    /// runs, and what lies behind belongs to others (docs/ordering.md).
    /// </summary>
    public int MaxWindow { get; init; } = 32;

    /// <summary>The rate at which pages are expected to travel, in bytes a second: how far ahead windows must look.</summary>
    public long Bandwidth { get; init; } = 125_000_000;

    /// <summary>The expected time from a request to its answer.</summary>
    public TimeSpan RoundTrip { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Radius of a neighbourhood in <see cref="OneDimensionalDbscan"/>, in pages (ε).</summary>
    public int Epsilon { get; init; } = 16;

    /// <summary>Points within <see cref="Epsilon"/>, itself included, that make a point a core.</summary>
    public int ClusterMinPoints { get; init; } = 4;

    /// <summary>The share of recency in a <see cref="PagePriority"/>; the rest is the share of frequency (α).</summary>
    public double RecencyShare { get; init; } = 0.5;

    /// <summary>Epochs after which a page's recency has halved.</summary>
    public double HalfLife { get; init; } = 4;

    /// <summary>How many pages beyond the end of a <see cref="Hotspot"/> a recorded page of full priority claims (r).</summary>
    public int Reach { get; init; } = 8;

    /// <summary>The share of recorded pages in sequence sets from which on <see cref="PageOrderStrategy.Auto"/> chooses
    /// regression.</summary>
    public double AutoCoverage { get; init; } = 0.5;

    /// <summary>
    /// How far around a fault the push goes, in pages on either side, while recorded or predicted pages are left, or such that processes
    /// have reached. Afterwards there is no limit.
    /// </summary>
    public int BubbleReach { get; init; } = 8;

    /// <summary>
    /// Of how many round trips the pages on either side of a fault may take the time while recorded or predicted pages are left: what goes
    /// around it delays these, and each of them that comes too late costs a round trip.
    /// </summary>
    public int BubbleRoundTrips { get; init; } = 2;

    /// <summary>
    /// How far around a fault on a page that nothing maps the push goes while mapped pages are left, in pages on either side: what a guest
    /// allocates lies together.
    /// </summary>
    public int UnmappedReach { get; init; } = 128;

    /// <summary>How many of the pages that followed a page while it was recorded go next where a fault asks for it before its turn.</summary>
    public int FollowReach { get; init; } = 8;

    /// <summary>How far ahead of a <see cref="PredictionWindow"/> a fault still extends it, in pages.</summary>
    public int ExtendReach { get; init; } = 32;

    /// <summary>Most pages by which faults let a <see cref="PredictionWindow"/> grow at a time.</summary>
    public int MaxGrowth { get; init; } = 4096;

    /// <summary>Around how many faults the push is under way at a time, the latest first.</summary>
    public int Fronts { get; init; } = 8;

    /// <summary>How far around a fault the push goes while recorded or predicted pages are left: <see cref="BubbleReach"/>, and on a slow link
    /// what <see cref="BubbleRoundTrips"/> allow.</summary>
    internal int ReachInFront =>
        (int)Math.Min(BubbleReach, Math.Max(1, BubbleRoundTrips * RoundTrip.TotalSeconds * Bandwidth / Page.Size));

    /// <summary>Checks that the options make sense together.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>, naming the option.</exception>
    public void Validate()
    {
        Positive(RegionGap, nameof(RegionGap));
        Positive(RegionMinPages, nameof(RegionMinPages));
        Positive(OpenPaths, nameof(OpenPaths));
        Positive(MaxStep, nameof(MaxStep));
        Check(SequenceMinPoints >= 3, nameof(SequenceMinPoints), SequenceMinPoints, "Give at least 3: two points fit any line.");
        Share(MinDensity, nameof(MinDensity));
        Share(MinFit, nameof(MinFit));
        Check(WindowDeviations is >= 0 and <= 1000, nameof(WindowDeviations), WindowDeviations, "Give 0 to 1000.");
        Positive(MinWindow, nameof(MinWindow));
        Check(MaxWindow >= MinWindow, nameof(MaxWindow), MaxWindow, $"Give at least {nameof(MinWindow)}, {MinWindow}.");
        Positive(Bandwidth, nameof(Bandwidth));
        Check(RoundTrip >= TimeSpan.Zero, nameof(RoundTrip), RoundTrip, "Give a time of zero or more.");
        Positive(Epsilon, nameof(Epsilon));
        Positive(ClusterMinPoints, nameof(ClusterMinPoints));
        Check(
            ClusterMinPoints <= (2L * Epsilon) + 1, nameof(ClusterMinPoints), ClusterMinPoints,
            $"Give at most {(2L * Epsilon) + 1}: no more pages lie within {Epsilon} pages of one.");
        Share(RecencyShare, nameof(RecencyShare));
        Check(HalfLife is > 0 and <= 1e9, nameof(HalfLife), HalfLife, "Give a number of epochs above zero.");
        Check(Reach >= 0, nameof(Reach), Reach, "Give zero or more pages.");
        Share(AutoCoverage, nameof(AutoCoverage));
        Check(BubbleReach >= 0, nameof(BubbleReach), BubbleReach, "Give zero or more pages.");
        Positive(BubbleRoundTrips, nameof(BubbleRoundTrips));
        Check(UnmappedReach >= 0, nameof(UnmappedReach), UnmappedReach, "Give zero or more pages.");
        Check(FollowReach >= 0, nameof(FollowReach), FollowReach, "Give zero or more pages.");
        Check(ExtendReach >= 0, nameof(ExtendReach), ExtendReach, "Give zero or more pages.");
        Positive(MaxGrowth, nameof(MaxGrowth));
        Positive(Fronts, nameof(Fronts));
    }

    private static void Positive<T>(T value, string option)
        where T : INumber<T> => Check(T.IsPositive(value) && !T.IsZero(value), option, value, "Give a number above zero.");

    private static void Share(double value, string option) =>
        Check(value is >= 0 and <= 1, option, value, "Give a number from 0 to 1.");

    private static void Check<T>(bool isValid, string option, T value, string remedy)
    {
        if (!isValid)
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption,
                FormattableString.Invariant($"The option {option} of the page order is {value}."),
                remedy,
                option);
        }
    }
}
