using System.Globalization;

namespace PreRecordMigration.Reporting;

/// <summary>
/// What a move tells beyond its sums. It is bounded, whatever the size of the domain and however long the move takes, and what the destination
/// says of it is believed as far as it fits what the source knows.
/// </summary>
/// <param name="Faults">The remote faults.</param>
/// <param name="Prediction">What came of recording and predicting.</param>
/// <param name="Speed">The guest's speed over time, ascending; at most <see cref="MaximumSamples"/>.</param>
/// <param name="GuestSpeed">The guest's speed in a few numbers.</param>
/// <param name="Memory">The guest's memory by how its pages came, ascending and without a gap; at most <see cref="MaximumCells"/> of one size.</param>
/// <param name="SourceMemoryFreed">From the start of the migration until the source had destroyed its domain, which gives its memory back; zero where that is
/// not known.</param>
public sealed record MigrationDetails(
    FaultDetails Faults,
    PredictionScore Prediction,
    IReadOnlyList<SpeedSample> Speed,
    GuestSpeed GuestSpeed,
    IReadOnlyList<MemoryCell> Memory,
    TimeSpan SourceMemoryFreed)
{
    /// <summary>The most samples of the guest's speed: every second one is left out when they run out.</summary>
    public const int MaximumSamples = 512;

    /// <summary>The most cells of the guest's memory.</summary>
    public const int MaximumCells = 2048;

    /// <summary>Nothing is known.</summary>
    public static MigrationDetails None { get; } =
        new(FaultDetails.None, PredictionScore.None, [], GuestSpeed.None, [], TimeSpan.Zero);

    /// <summary>What tells most of it in one line, the same in every culture: a column of Export-Csv.</summary>
    public override string ToString()
    {
        List<string> parts = [.. Faults.Causes.Select(cause => cause.ToString())];
        if (Prediction.Precision is { } precision)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"precision {precision:0.###}"));
        }

        if (Prediction.Recall is { } recall)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"recall {recall:0.###}"));
        }

        if (GuestSpeed is { Before: { } before, After: { } after })
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"speed {before:0.###}/s before, {after:0.###}/s after"));
        }

        parts.Add(string.Create(CultureInfo.InvariantCulture, $"source free after {SourceMemoryFreed.TotalSeconds:0.######} s"));
        return string.Join("; ", parts);
    }
}

/// <summary>A stretch of the guest's memory, and how its pages came.</summary>
/// <param name="FirstPage">Its first page.</param>
/// <param name="Pages">How many page frame numbers it has; not all of them need be populated.</param>
/// <param name="Sent">The pages that were sent of it, by when and why. A page that went several times counts as often. Pages of zeros are not told from others
/// here: <see cref="SentPages.Zero"/> is 0.</param>
/// <param name="LastSent">When the last of them was sent, from the start of the migration; zero where none was.</param>
public readonly record struct MemoryCell(int FirstPage, int Pages, SentPages Sent, TimeSpan LastSent);
