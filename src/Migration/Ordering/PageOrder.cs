using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Ordering;

/// <summary>A permutation of the pages still to be sent: every page once, none twice, none invented.</summary>
public sealed class PageOrder
{
    private readonly int[] _pfns;

    private PageOrder(PageOrderStrategy strategy, int[] pfns, int recordedCount)
    {
        Strategy = strategy;
        _pfns = pfns;
        RecordedCount = recordedCount;
    }

    /// <summary>How the order was made.</summary>
    public PageOrderStrategy Strategy { get; }

    /// <summary>The pages, first to be sent first.</summary>
    public ReadOnlySpan<int> Pfns => _pfns;

    /// <summary>How many pages.</summary>
    public int Count => _pfns.Length;

    /// <summary>How many of the first pages were recorded.</summary>
    public int RecordedCount { get; }

    /// <summary>Ascending page frame numbers.</summary>
    /// <param name="remaining">The pages still to be sent.</param>
    public static PageOrder Sequential(PageBitmap remaining) =>
        new(PageOrderStrategy.Sequential, [.. remaining.Pfns()], 0);

    /// <summary>Recorded pages by ascending first touch, then the rest by ascending page frame number.</summary>
    /// <param name="remaining">The pages still to be sent.</param>
    /// <param name="trajectory">What was recorded; pages that are not remaining are left out.</param>
    public static PageOrder RecordedFirst(PageBitmap remaining, AccessTrajectory trajectory)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(trajectory.PageCount, remaining.PageCount, nameof(trajectory));
        PageBitmap rest = remaining.Clone();
        List<int> pfns = [.. trajectory.PagesByFirstTouch().Where(rest.TryClear)];
        int recorded = pfns.Count;
        pfns.AddRange(rest.Pfns());
        return new PageOrder(PageOrderStrategy.RecordedFirst, [.. pfns], recorded);
    }
}

/// <summary>How a page order is made.</summary>
public enum PageOrderStrategy
{
    /// <summary>Ascending page frame numbers.</summary>
    Sequential,

    /// <summary>Recorded pages by first touch, then ascending.</summary>
    RecordedFirst,
}
