using PreRecordMigration.Pages;

namespace PreRecordMigration.Transfer;

/// <summary>Which pages still have to leave the source. The pusher and the fault threads share it without a lock.</summary>
public sealed class SentPageTable
{
    private readonly PageBitmap _expected;
    private int _remaining;

    /// <summary>Starts with nothing sent.</summary>
    /// <param name="expected">The pages that have to travel outside the core state.</param>
    public SentPageTable(PageBitmap expected)
    {
        _expected = expected.Clone();
        Unclaimed = expected.Clone();
        _remaining = _expected.Count;
    }

    /// <summary>How many pages nobody has claimed yet.</summary>
    public int Remaining => Volatile.Read(ref _remaining);

    /// <summary>The pages that nobody has claimed, live. Only <see cref="TryClaim"/> changes it.</summary>
    public PageBitmap Unclaimed { get; }

    /// <summary>Whether a page travels outside the core state at all.</summary>
    public bool Expects(int pfn) => (uint)pfn < (uint)_expected.PageCount && _expected[pfn];

    /// <summary>Claims a page for sending (or, at the destination, for placing).</summary>
    /// <returns>True for the one caller that must do it; false if it is done or being done, or not expected.</returns>
    public bool TryClaim(int pfn)
    {
        if (!Expects(pfn) || !Unclaimed.TryClear(pfn))
        {
            return false;
        }

        Interlocked.Decrement(ref _remaining);
        return true;
    }

    /// <summary>The pages that nobody has claimed, as a copy.</summary>
    public PageBitmap GetUnclaimed() => Unclaimed.Clone();
}
