using System.Diagnostics.CodeAnalysis;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Options;

/// <summary>What bounds a migration at one moment.</summary>
/// <param name="BandwidthLimit">Most bytes a second that the bulk connection may carry; null for no limit. Demand faults are not limited.</param>
/// <param name="MaximumDowntime">The longest that the domain may be predicted to stand still for what rounds have left.</param>
/// <param name="MaximumExposure">The longest that the domain may need both hosts; null for no limit.</param>
public sealed record MigrationBounds(long? BandwidthLimit, TimeSpan MaximumDowntime, TimeSpan? MaximumExposure)
{
    /// <summary>Checks that each of them can be met at all.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    public void Validate()
    {
        MigrationOptions.Check(BandwidthLimit is null or > 0, nameof(BandwidthLimit), $"is {BandwidthLimit}", "Give bytes a second above zero, or leave it out.");
        MigrationOptions.Check(MaximumDowntime > TimeSpan.Zero, nameof(MaximumDowntime), $"is {MaximumDowntime}", "Give a time above zero, such as 300ms.");
        MigrationOptions.Check(MaximumExposure is null || MaximumExposure > TimeSpan.Zero, nameof(MaximumExposure), $"is {MaximumExposure}", "Give a time above zero, such as 5s, or leave it out.");
    }
}

/// <summary>
/// The bounds of one migration, which may change while it goes on. From any thread: who reads sees a change wholly or not at all and takes no
/// lock, and who waits because of a bound is told that it has changed.
/// </summary>
public sealed class MigrationLimits
{
    private volatile Held _held;

    /// <summary>Begins with these bounds.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    public MigrationLimits(MigrationBounds bounds)
    {
        ArgumentNullException.ThrowIfNull(bounds);
        bounds.Validate();
        _held = new Held(bounds);
    }

    /// <summary>No limits but the usual downtime.</summary>
    public static MigrationLimits Unlimited => new(new MigrationOptions().Bounds);

    /// <summary>The bounds as they are now.</summary>
    public MigrationBounds Now => _held.Bounds;

    /// <summary>The bounds as they are now, with what ends when they are not any more.</summary>
    internal Held Current => _held;

    /// <summary>Changes bounds.</summary>
    /// <param name="change">What to make of those that hold; called again where somebody else has changed them meanwhile.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>; nothing has changed.</exception>
    public void Change(Func<MigrationBounds, MigrationBounds> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        Held seen;
        do
        {
            seen = _held;
        }
        while (!TryReplace(seen, change(seen.Bounds)));
    }

    /// <summary>Replaces bounds, unless they have changed since they were looked at.</summary>
    /// <param name="seen">What was looked at.</param>
    /// <param name="next">What is to hold.</param>
    /// <returns>Whether it holds now.</returns>
    internal bool TryReplace(Held seen, MigrationBounds next)
    {
        next.Validate();
        if (Interlocked.CompareExchange(ref _held, new Held(next), seen) != seen)
        {
            return false;
        }

        seen.End();
        return true;
    }

    /// <summary>Bounds for as long as they hold.</summary>
    [SuppressMessage("Design", "CA1001", Justification = "A cancellation without timer or wait handle holds nothing, and may be asked for at any time.")]
    internal sealed class Held(MigrationBounds bounds)
    {
        private readonly CancellationTokenSource _ended = new();

        /// <summary>The bounds.</summary>
        public MigrationBounds Bounds => bounds;

        /// <summary>Cancelled once other bounds hold.</summary>
        public CancellationToken Changed => _ended.Token;

        /// <summary>Other bounds hold.</summary>
        public void End() => _ended.Cancel();
    }
}
