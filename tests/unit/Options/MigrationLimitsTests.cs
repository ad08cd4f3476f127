using PreRecordMigration.Errors;
using PreRecordMigration.Options;

namespace PreRecordMigration.Tests.Options;

/// <summary>Bounds that change while they are read.</summary>
public sealed class MigrationLimitsTests
{
    private static readonly MigrationBounds s_usual = new(1_000, TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(5));

    [Fact]
    public void Whoever_waits_because_of_bounds_hears_of_the_next_ones_and_of_no_later_ones()
    {
        MigrationLimits limits = new(s_usual);
        CancellationToken changed = limits.Current.Changed;
        Assert.False(changed.IsCancellationRequested);
        limits.Change(bounds => bounds with { BandwidthLimit = null });
        Assert.True(changed.IsCancellationRequested);
        Assert.False(limits.Current.Changed.IsCancellationRequested);
        Assert.Equal(s_usual with { BandwidthLimit = null }, limits.Now);
    }

    [Theory]
    [InlineData("BandwidthLimit", 0L, 300, 5_000)]
    [InlineData("BandwidthLimit", -1L, 300, 5_000)]
    [InlineData("MaximumDowntime", 1_000L, 0, 5_000)]
    [InlineData("MaximumExposure", 1_000L, 300, 0)]
    public void What_can_never_be_met_is_refused_and_nothing_has_changed(string option, long bandwidth, int downtime, int exposure)
    {
        MigrationLimits limits = new(s_usual);
        MigrationBounds senseless = new(bandwidth, TimeSpan.FromMilliseconds(downtime), TimeSpan.FromMilliseconds(exposure));
        MigrationException refused = Assert.Throws<MigrationException>(() => limits.Change(_ => senseless));
        Assert.Equal((MigrationErrorId.InvalidOption, option), (refused.ErrorId, refused.Target));
        Assert.Equal(s_usual, limits.Now);
        Assert.Throws<MigrationException>(() => new MigrationLimits(senseless));
        Assert.Throws<MigrationException>(() => new MigrationOptions
        {
            BandwidthLimit = senseless.BandwidthLimit,
            MaximumDowntime = senseless.MaximumDowntime,
            MaximumExposure = senseless.MaximumExposure,
        }.Validate());
    }

    [Fact]
    public void What_was_looked_at_before_somebody_else_changed_it_replaces_nothing()
    {
        MigrationLimits limits = new(s_usual);
        MigrationLimits.Held seen = limits.Current;
        limits.Change(bounds => bounds with { BandwidthLimit = 2_000 });
        Assert.False(limits.TryReplace(seen, s_usual with { BandwidthLimit = null }));
        Assert.Equal(2_000, limits.Now.BandwidthLimit);
    }

    [Fact]
    public void No_change_is_lost_where_several_threads_change_bounds()
    {
        MigrationLimits limits = new(s_usual with { BandwidthLimit = 1 });
        Parallel.For(0, 1_000, _ => limits.Change(bounds => bounds with { BandwidthLimit = bounds.BandwidthLimit + 1 }));
        Assert.Equal(s_usual with { BandwidthLimit = 1_001 }, limits.Now);
    }
}
