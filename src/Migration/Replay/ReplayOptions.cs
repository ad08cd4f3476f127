using System.Globalization;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;

namespace PreRecordMigration.Replay;

/// <summary>What a replay assumes.</summary>
public sealed record ReplayOptions
{
    /// <summary>The first epoch of the future; null for <see cref="SplitFraction"/>.</summary>
    public int? SplitEpoch { get; init; }

    /// <summary>The share of the epochs that count as recorded, where <see cref="SplitEpoch"/> does not say it.</summary>
    public double SplitFraction { get; init; } = 0.5;

    /// <summary>
    /// From where the guest goes on at the destination: in Observe from the cut, in Rollback from the recording's start, so
    /// that it does again what was recorded before the future comes.
    /// </summary>
    public RecordingMode Mode { get; init; } = RecordingMode.Observe;

    /// <summary>How fast pages travel, in bytes a second.</summary>
    public long Bandwidth { get; init; } = 125_000_000;

    /// <summary>The time from a request to its answer, without the page's own way through the link.</summary>
    public TimeSpan RoundTrip { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>How fast the guest runs, compared with its recording.</summary>
    public double GuestSpeed { get; init; } = 1;

    /// <summary>The constants of the orders. Bandwidth and round trip are taken from above.</summary>
    public PageOrderOptions Constants { get; init; } = PageOrderOptions.Default;

    /// <summary>The guest's address spaces at the cut, which the product's orders know of; null for none.</summary>
    public AddressSpaces? Spaces { get; init; }

    /// <summary>Checks that the options make sense together.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>, naming the option.</exception>
    public void Validate()
    {
        Check(SplitEpoch is null or > 0, nameof(SplitEpoch), SplitEpoch, "Give an epoch above zero: before it lies what was recorded.");
        Check(SplitFraction is > 0 and < 1, nameof(SplitFraction), SplitFraction, "Give a share between 0 and 1.");
        Check(Enum.IsDefined(Mode), nameof(Mode), Mode, "Give Observe or Rollback.");
        Check(Bandwidth is > 0 and <= 1L << 42, nameof(Bandwidth), Bandwidth, "Give bytes a second above zero, at most 4 TiB.");
        Check(RoundTrip >= TimeSpan.Zero && RoundTrip <= TimeSpan.FromMinutes(1), nameof(RoundTrip), RoundTrip, "Give a time from zero to a minute.");
        Check(GuestSpeed is >= 0.001 and <= 1000, nameof(GuestSpeed), GuestSpeed, "Give a factor from 0.001 to 1000.");
        Constants.Validate();
    }

    private static void Check(bool isValid, string option, object? value, string remedy)
    {
        if (!isValid)
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption,
                string.Create(CultureInfo.InvariantCulture, $"The option {option} of the replay is {value}."),
                remedy,
                option);
        }
    }
}
