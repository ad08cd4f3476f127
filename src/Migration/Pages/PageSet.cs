namespace PreRecordMigration.Pages;

/// <summary>Pages with their contents: a part of a guest's memory, copied.</summary>
/// <remarks>The order of the pages is the order in which they are to be placed. No pfn stands twice.</remarks>
public sealed class PageSet
{
    private readonly int[] _pfns;
    private readonly byte[] _contents;

    /// <summary>Wraps arrays that the caller gives up.</summary>
    /// <param name="pfns">The page frame numbers, each once.</param>
    /// <param name="contents">Their contents in the same order: <see cref="Page.Size"/> bytes each.</param>
    /// <exception cref="ArgumentException">The sizes do not match, or a pfn is negative or stands twice.</exception>
    public PageSet(int[] pfns, byte[] contents)
    {
        if (contents.LongLength != (long)pfns.Length * Page.Size)
        {
            throw new ArgumentException($"{pfns.Length} pages need {(long)pfns.Length * Page.Size} bytes.", nameof(contents));
        }

        HashSet<int> seen = new(pfns.Length);
        foreach (int pfn in pfns)
        {
            if (pfn < 0 || !seen.Add(pfn))
            {
                throw new ArgumentException($"Page {pfn} is negative or stands twice.", nameof(pfns));
            }
        }

        _pfns = pfns;
        _contents = contents;
    }

    /// <summary>A set without pages.</summary>
    public static PageSet Empty { get; } = new([], []);

    /// <summary>How many pages.</summary>
    public int Count => _pfns.Length;

    /// <summary>The page frame numbers.</summary>
    public ReadOnlySpan<int> Pfns => _pfns;

    /// <summary>All contents, page after page in the order of <see cref="Pfns"/>.</summary>
    public ReadOnlySpan<byte> Contents => _contents;

    /// <summary>The content of the page at <paramref name="index"/> of <see cref="Pfns"/>.</summary>
    public ReadOnlySpan<byte> ContentAt(int index) => Page.At(_contents, index);
}
