namespace PreRecordMigration.Ordering;

/// <summary>
/// Where the push goes on after a fault: around the faulting page in both directions, the nearest page first (bubbling), or
/// along a stream in one.
/// </summary>
/// <remarks>
/// Bubbling after M. R. Hines and K. Gopalan, Post-copy based live virtual machine migration using adaptive pre-paging and dynamic
/// self-ballooning, 2009.
/// </remarks>
internal struct PushFront
{
    private readonly int _pivot;
    private readonly int _highest;
    private readonly int _lowest;
    private int _above;
    private int _below;

    private PushFront(int pivot, int lowest, int highest, PushKind kind)
    {
        (_pivot, _lowest, _highest, Kind) = (pivot, lowest, highest, kind);
        (_above, _below) = (pivot, pivot);
    }

    /// <summary>Why its pages are pushed.</summary>
    public PushKind Kind { get; }

    /// <summary>Around a page, up to so many pages from it.</summary>
    public static PushFront Around(int pivot, int reach) =>
        new(pivot, (int)Math.Max(0, (long)pivot - reach), (int)Math.Min(int.MaxValue, (long)pivot + reach), PushKind.Rest);

    /// <summary>From a page on to another, which may lie above or below it.</summary>
    public static PushFront Along(int pivot, int last) => new(pivot, Math.Min(pivot, last), Math.Max(pivot, last), PushKind.Predicted);

    /// <summary>Takes the next page: the unsent one nearest to the pivot, of two equally near ones the upper.</summary>
    /// <returns>The page, or −1 where the front has been pushed.</returns>
    public int Next(UnsentPages unsent)
    {
        int above = _above <= _highest ? unsent.AtOrAbove(_above) : -1;
        int below = _below >= _lowest ? unsent.AtOrBelow(_below) : -1;
        above = above > _highest ? -1 : above;
        below = below < _lowest ? -1 : below;
        if (above >= 0 && (below < 0 || above - _pivot <= _pivot - below))
        {
            // The highest page there can be has none above it: the front stays there, and finds that page sent the next time.
            _above = above == int.MaxValue ? above : above + 1;
            return above;
        }

        _below = below - 1;
        return below;
    }
}
