using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Ordering;

/// <summary>Says of pages that were asked for why the order had not brought them yet.</summary>
public static class FaultCauses
{
    /// <summary>Counts the pages by cause. O(recorded + predicted + asked).</summary>
    /// <param name="order">The order that was followed; null for none.</param>
    /// <param name="trajectory">What was recorded, as far as it is not in the order because it went before; null for nothing.</param>
    /// <param name="asked">The pages that were asked for.</param>
    /// <param name="options">Every constant: what is recorded within <see cref="PageOrderOptions.RegionGap"/> places on the order's axis is within reach.</param>
    /// <returns>Those causes that there were, in their order.</returns>
    public static IReadOnlyList<FaultCauseCount> Count(PageOrder? order, AccessTrajectory? trajectory, PageBitmap asked, PageOrderOptions options)
    {
        ArgumentNullException.ThrowIfNull(asked);
        ArgumentNullException.ThrowIfNull(options);
        PageBitmap recorded = new(asked.PageCount);
        PageBitmap predicted = new(asked.PageCount);
        if (order is not null)
        {
            Set(recorded, order.Known[..order.RecordedCount]);
            Set(predicted, order.Known[order.RecordedCount..]);
        }

        foreach (ref readonly AccessRecord record in trajectory is null ? [] : trajectory.Records)
        {
            recorded.TrySet(record.Pfn);
        }

        PageAxis axis = order?.Axis ?? PageAxis.Physical(asked.PageCount);
        PageBitmap places = new(axis.Length);
        foreach (int pfn in recorded.Pfns())
        {
            places.TrySet(axis.PositionOf(pfn));
        }

        long[] counts = new long[Enum.GetValues<FaultCause>().Length];
        foreach (int pfn in asked.Pfns())
        {
            counts[(int)CauseOf(pfn)]++;
        }

        return [.. Enum.GetValues<FaultCause>().Where(cause => counts[(int)cause] > 0).Select(cause => new FaultCauseCount(cause, counts[(int)cause]))];

        FaultCause CauseOf(int pfn) =>
            recorded[pfn] ? FaultCause.RecordedLate
            : predicted[pfn] ? FaultCause.PredictedLate
            : order is null || !IsNear(places, axis.PositionOf(pfn), options.RegionGap) ? FaultCause.NotPredictable
            : order.FollowsLines ? FaultCause.OutsideWindows
            : order.FollowsClusters ? FaultCause.OutsideHotspots
            : FaultCause.NotPredictable;
    }

    private static void Set(PageBitmap pages, ReadOnlySpan<int> pfns)
    {
        foreach (int pfn in pfns)
        {
            pages.TrySet(pfn);
        }
    }

    /// <summary>Whether any place of a set lies within so many places of one.</summary>
    private static bool IsNear(PageBitmap places, int place, int reach)
    {
        int first = (int)Math.Max(0, (long)place - reach);
        int last = (int)Math.Min(places.PageCount - 1L, (long)place + reach);
        for (int word = first >> 6; word <= last >> 6; word++)
        {
            ulong bits = places.WordAt(word);
            bits &= word == first >> 6 ? ulong.MaxValue << (first & 63) : ulong.MaxValue;
            bits &= word == last >> 6 ? ulong.MaxValue >> (63 - (last & 63)) : ulong.MaxValue;
            if (bits != 0)
            {
                return true;
            }
        }

        return false;
    }
}
