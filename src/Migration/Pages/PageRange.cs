namespace PreRecordMigration.Pages;

/// <summary>A run of pages.</summary>
/// <param name="First">The first pfn.</param>
/// <param name="Count">How many pages, at least 1.</param>
public readonly record struct PageRange(int First, int Count)
{
    /// <summary>One past the last pfn.</summary>
    public int End => First + Count;
}
