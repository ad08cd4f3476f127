using PreRecordMigration.Hypervisor;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.RemotePaging;

/// <summary>
/// Places what arrives at the destination, each page once, from whichever thread received it. Pushed and demanded pages
/// race for the same page; the first content counts, and both are the same.
/// </summary>
/// <param name="paging">RemotePF of the incoming domain.</param>
/// <param name="expected">The pages that have to arrive.</param>
/// <param name="faults">Where waits end.</param>
public sealed class PagePlacer(IRemotePaging paging, SentPageTable expected, FaultLog faults)
{
    private long _duplicates;
    private int _unplaced = expected.Remaining;

    /// <summary>Pages that arrived a second time and were dropped.</summary>
    public long DuplicatePages => Interlocked.Read(ref _duplicates);

    /// <summary>Pages that have not been placed.</summary>
    public int Unplaced => Volatile.Read(ref _unplaced);

    /// <summary>Places the pages of one received batch.</summary>
    /// <param name="pfns">The pages.</param>
    /// <param name="pages">Their contents.</param>
    public void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        // Each run of new pages is placed in one call; a batch without a duplicate is a single run.
        for (int start = 0; start < pfns.Length;)
        {
            if (!expected.TryClaim(pfns[start]))
            {
                Interlocked.Increment(ref _duplicates);
                start++;
                continue;
            }

            int end = start + 1;
            while (end < pfns.Length && expected.TryClaim(pfns[end]))
            {
                end++;
            }

            ReadOnlySpan<int> run = pfns[start..end];
            paging.Place(run, pages[(start * Pages.Page.Size)..(end * Pages.Page.Size)]);
            faults.Ended(run);
            Interlocked.Add(ref _unplaced, -run.Length);
            if (end < pfns.Length)
            {
                Interlocked.Increment(ref _duplicates);
            }

            start = end + 1;
        }
    }
}
