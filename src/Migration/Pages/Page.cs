namespace PreRecordMigration.Pages;

/// <summary>The unit of everything that travels: the 4 KiB page of x86.</summary>
/// <remarks>
/// Page frame numbers are <see cref="int"/> throughout the engine: guests up to 8 TiB, and indexes into bitmaps
/// without a conversion.
/// </remarks>
public static class Page
{
    /// <summary>Bytes in a page.</summary>
    public const int Size = 4096;

    /// <summary>Binary logarithm of <see cref="Size"/>.</summary>
    public const int Shift = 12;

    /// <summary>Tells whether every byte of a page's content is zero.</summary>
    /// <param name="content">The page's content.</param>
    public static bool IsZero(ReadOnlySpan<byte> content) => !content.ContainsAnyExcept((byte)0);

    /// <summary>The part of a buffer of consecutive pages that holds the page at <paramref name="index"/>.</summary>
    public static Span<byte> At(Span<byte> pages, int index) => pages.Slice(index * Size, Size);

    /// <inheritdoc cref="At(Span{byte}, int)"/>
    public static ReadOnlySpan<byte> At(ReadOnlySpan<byte> pages, int index) => pages.Slice(index * Size, Size);
}
