using PreRecordMigration.Methods;
using PreRecordMigration.Options;

namespace PreRecordMigration.Tests.Methods;

/// <summary>What is predicted of a downtime and of an exposure, and what is done about the latter.</summary>
public sealed class BoundsTests
{
    private const int Second = 1_000;

    private readonly List<string> _said = [];

    [Fact]
    public void Pages_take_as_long_as_those_before_but_no_less_than_the_limit_lets_them()
    {
        SendPace pace = new();
        Assert.Equal(TimeSpan.Zero, pace.TimeOf(1_000, null));
        Assert.Equal(TimeSpan.FromSeconds(2), pace.TimeOf(1_000, 500));
        pace.Sent(1_000, 1_000, TimeSpan.FromSeconds(1));
        pace.Sent(1_000, 1_000, TimeSpan.FromSeconds(3));
        Assert.Equal(TimeSpan.FromSeconds(20), pace.TimeOf(10_000, null));
        Assert.Equal(TimeSpan.FromSeconds(20), pace.TimeOf(10_000, 1_000_000));
        Assert.Equal(TimeSpan.FromSeconds(100), pace.TimeOf(10_000, 100));
    }

    [Fact]
    public void Pages_that_were_compressed_are_predicted_to_shrink_again()
    {
        SendPace pace = new();
        pace.Sent(1_000, 250, TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromSeconds(10), pace.TimeOf(10_000, null));
        Assert.Equal(TimeSpan.FromSeconds(25), pace.TimeOf(10_000, 100));
    }

    [Fact]
    public void A_stretch_that_is_long_enough_counts_alone_and_a_short_one_with_what_was_before()
    {
        SendPace pace = new();
        pace.Begin(32 << 20);
        pace.Sent(1_000, 1_000, TimeSpan.FromSeconds(1));
        pace.Begin(1 << 20);
        pace.Sent(1_000, 1_000, TimeSpan.Zero);
        Assert.Equal(TimeSpan.FromSeconds(1), pace.TimeOf(2_000, null));
        pace.Begin(32 << 20);
        pace.Sent(1_000, 1_000, TimeSpan.FromSeconds(10));
        Assert.Equal(TimeSpan.FromSeconds(20), pace.TimeOf(2_000, null));
    }

    [Fact]
    public void An_exposure_that_is_predicted_to_be_too_long_is_warned_of_once_and_lifts_the_bandwidth_limit()
    {
        MigrationLimits limits = Limits(exposure: 10);
        ExposureWatch watch = Watch(limits);
        watch.Look(At(0), 10_000);
        watch.Look(At(900), 9_900);
        Assert.Empty(_said);

        // A hundred pages a second: a hundred seconds are left.
        watch.Look(At(1_000), 9_900);
        string said = Assert.Single(_said);
        Assert.Contains("'web01' is going to need both hosts for about 100 s, longer than the limit of 10 s", said, StringComparison.Ordinal);
        Assert.Contains("The bandwidth limit of 1000 B/s is lifted.", said, StringComparison.Ordinal);
        Assert.Null(limits.Now.BandwidthLimit);

        // What follows is another pace, and the limit is not warned of again unless it is passed.
        watch.Look(At(1_200), 9_800);
        watch.Look(At(2_500), 9_700);
        Assert.Single(_said);
        watch.Look(At(10_001), 1);
        watch.Look(At(11_000), 1);
        Assert.Equal(2, _said.Count);
        Assert.Contains("has needed both hosts for longer than the limit of 10 s: 1 pages have not left yet. There is no bandwidth limit that could be lifted.", _said[1], StringComparison.Ordinal);
    }

    [Fact]
    public void An_exposure_that_keeps_its_limit_changes_nothing()
    {
        MigrationLimits limits = Limits(exposure: 10);
        ExposureWatch watch = Watch(limits);
        for (int at = 0; at <= 9; at++)
        {
            watch.Look(At(at * Second), 1_000 - (at * 110));
        }

        Assert.Empty(_said);
        Assert.Equal(1_000, limits.Now.BandwidthLimit);
    }

    [Fact]
    public void Without_a_limit_of_the_exposure_nothing_is_said_however_long_it_is()
    {
        MigrationLimits limits = Limits(exposure: null);
        ExposureWatch watch = Watch(limits);
        watch.Look(At(0), 10_000);
        watch.Look(At(100_000), 9_999);
        Assert.Empty(_said);
        Assert.Equal(1_000, limits.Now.BandwidthLimit);
    }

    [Fact]
    public void What_an_administrator_changes_meanwhile_is_gone_by()
    {
        MigrationLimits limits = Limits(exposure: null);
        ExposureWatch watch = Watch(limits);
        watch.Look(At(0), 10_000);
        watch.Look(At(2_000), 9_000);
        limits.Change(bounds => bounds with { MaximumExposure = TimeSpan.FromSeconds(5) });
        watch.Look(At(2_200), 8_900);
        Assert.Null(limits.Now.BandwidthLimit);
        Assert.Single(_said);

        // A limit that he sets all the same is lifted again, and said again; one that allows more is not in the way.
        limits.Change(bounds => bounds with { BandwidthLimit = 500 });
        watch.Look(At(5_100), 8_800);
        Assert.Equal(2, _said.Count);
        limits.Change(bounds => bounds with { BandwidthLimit = 500, MaximumExposure = TimeSpan.FromHours(1) });
        watch.Look(At(6_000), 8_700);
        watch.Look(At(8_000), 8_600);
        Assert.Equal(2, _said.Count);
        Assert.Equal(500, limits.Now.BandwidthLimit);
    }

    [Fact]
    public void A_push_that_stands_still_predicts_nothing_until_the_limit_is_passed()
    {
        MigrationLimits limits = Limits(exposure: 10);
        ExposureWatch watch = Watch(limits);
        watch.Look(At(0), 100);
        watch.Look(At(5_000), 100);
        Assert.Empty(_said);
        watch.Look(At(10_001), 100);
        Assert.Single(_said);
    }

    private static TimeSpan At(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private static MigrationLimits Limits(int? exposure) => new(new MigrationOptions
    {
        BandwidthLimit = 1_000,
        MaximumExposure = exposure is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
    }.Bounds);

    private ExposureWatch Watch(MigrationLimits limits) => new(limits, "web01", warning => _said.Add(warning.Message));
}
