using System.Globalization;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Methods;

/// <summary>
/// Keeps the time in which a domain needs both hosts within its limit as far as that can be done: where it is predicted to be longer, or is, it
/// warns and lifts the bandwidth limit. The migration's own thread looks, some times a second.
/// </summary>
/// <param name="limits">The bounds, which an administrator may change at any time.</param>
/// <param name="domain">The domain's name.</param>
/// <param name="warn">Told what is not kept.</param>
internal sealed class ExposureWatch(MigrationLimits limits, string domain, Action<MigrationWarning> warn)
{
    /// <summary>Over what time a pace is measured: one look alone may have met a push that gave way to faults.</summary>
    private static readonly TimeSpan s_stretch = TimeSpan.FromSeconds(1);

    private readonly Queue<(TimeSpan At, long Left)> _looks = new();
    private long? _limit;
    private TimeSpan? _predicted;
    private TimeSpan? _passed;

    /// <summary>Looks.</summary>
    /// <param name="exposed">For how long the domain has needed both hosts.</param>
    /// <param name="left">Pages that have not left for the destination.</param>
    public void Look(TimeSpan exposed, long left)
    {
        MigrationLimits.Held held = limits.Current;
        TimeSpan rest = TimeOf(exposed, left, held.Bounds.BandwidthLimit);
        if (held.Bounds.MaximumExposure is not { } most || exposed + rest <= most)
        {
            return;
        }

        bool isLifted = held.Bounds.BandwidthLimit is not null && limits.TryReplace(held, held.Bounds with { BandwidthLimit = null });
        bool isPassed = exposed > most;
        if (isLifted || (isPassed ? _passed : _predicted) != most)
        {
            (_predicted, _passed) = (most, isPassed ? most : _passed);
            warn(new MigrationWarning(string.Create(
                CultureInfo.InvariantCulture,
                $"'{domain}' {Words(exposed, rest, most, isPassed)}: {left:N0} pages have not left yet. {Done(isLifted, held.Bounds.BandwidthLimit)}")));
        }
    }

    private static string Words(TimeSpan exposed, TimeSpan rest, TimeSpan most, bool isPassed) => isPassed
        ? $"has needed both hosts for longer than the limit of {Text.Duration(most)}"
        : $"is going to need both hosts for about {Text.Duration(exposed + rest)}, longer than the limit of {Text.Duration(most)}";

    private static string Done(bool isLifted, long? limit) => isLifted
        ? $"The bandwidth limit of {Text.Bytes(limit!.Value)}/s is lifted."
        : "There is no bandwidth limit that could be lifted.";

    /// <summary>How long what is left is going to take at the pace of late, which tells more than the limit: pages of zeros are no bytes. Nothing
    /// where there is no pace yet.</summary>
    private TimeSpan TimeOf(TimeSpan now, long left, long? limit)
    {
        if (limit != _limit)
        {
            // What was measured was the other limit.
            _looks.Clear();
            _limit = limit;
        }

        _looks.Enqueue((now, left));
        while (_looks.Count > 2 && _looks.ElementAt(1).At <= now - s_stretch)
        {
            _looks.Dequeue();
        }

        (TimeSpan since, long before) = _looks.Peek();
        return now - since >= s_stretch && before > left ? (now - since) * ((double)left / (before - left)) : TimeSpan.Zero;
    }
}
