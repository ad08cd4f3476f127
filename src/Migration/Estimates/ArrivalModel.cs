using PreRecordMigration.Recording;

namespace PreRecordMigration.Estimates;

/// <summary>
/// The race between the push and the guest, after the domain has moved: pages arrive in order at the link's pace, and the
/// guest touches what it touched in the sample, in the same order and at the same pace. This project's definition.
/// </summary>
/// <remarks>
/// A touch before the page has arrived is a fault: the guest stands still for a round trip and one page, or until the push
/// brings the page if that is sooner. After the sample's end the guest goes on touching new pages at the rate of the sample's
/// second half, and the share of them that is missing falls evenly until the push has ended.
/// </remarks>
internal static class ArrivalModel
{
    /// <summary>Runs the race.</summary>
    /// <param name="order">The pages to be pushed after the domain has moved, first to be sent first.</param>
    /// <param name="trajectory">What the guest will touch.</param>
    /// <param name="link">How fast pages arrive.</param>
    /// <returns>Faults, and how long the guest stood still for them.</returns>
    public static (long Faults, TimeSpan Stalled) Run(ReadOnlySpan<int> order, AccessTrajectory trajectory, LinkSpeed link)
    {
        double perPage = link.TimeOf(1).TotalSeconds;
        double fetch = link.RoundTrip.TotalSeconds + perPage;
        double[] arrival = new double[trajectory.PageCount];
        for (int i = 0; i < order.Length; i++)
        {
            arrival[order[i]] = (i + 1) * perPage;
        }

        double epoch = trajectory.EpochLength.TotalSeconds;
        double stalled = 0;
        long faults = 0;
        AccessClock clock = new(trajectory.Records);
        for (int i = 0; i < trajectory.Count; i++)
        {
            int pfn = trajectory.Records[i].Pfn;
            double late = arrival[pfn] - (clock.TimeOf(i) * epoch) - stalled;
            if (late > 0)
            {
                faults++;
                stalled += Math.Min(late, fetch);
                arrival[pfn] = 0;
            }
        }

        double pushed = order.Length * perPage;
        double rest = pushed - (trajectory.EpochCount * epoch) - stalled;
        if (rest > 0)
        {
            long more = Math.Min(
                (long)Math.Round(LateTouchRate(trajectory) * rest * (rest / pushed) / 2), order.Length - Math.Min(faults, order.Length));
            faults += more;
            stalled += more * fetch;
        }

        return (faults, TimeSpan.FromSeconds(stalled));
    }

    /// <summary>How many pages a second were touched for the first time in the sample's second half.</summary>
    private static double LateTouchRate(AccessTrajectory trajectory)
    {
        int half = trajectory.EpochCount / 2;
        HashSet<int> before = [];
        HashSet<int> late = [];
        foreach (AccessRecord record in trajectory.Records)
        {
            if (record.Epoch < half)
            {
                before.Add(record.Pfn);
            }
            else if (!before.Contains(record.Pfn))
            {
                late.Add(record.Pfn);
            }
        }

        double seconds = (trajectory.EpochCount - half) * trajectory.EpochLength.TotalSeconds;
        return seconds > 0 ? late.Count / seconds : 0;
    }
}
