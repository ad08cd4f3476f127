namespace PreRecordMigration.Pages;

/// <summary>An entry of an x86-64 page table (Intel SDM vol. 3, 4.5).</summary>
internal static class PageTableEntry
{
    public const ulong Present = 1;
    public const ulong User = 1 << 2;
    public const ulong Accessed = 1 << 5;
    public const ulong Dirty = 1 << 6;

    /// <summary>In levels 3 and 2: it maps a large page, and leads to no table.</summary>
    public const ulong Large = 1 << 7;
    public const ulong NoExecute = 1UL << 63;

    /// <summary>Where the frame stands, of a CR3 too.</summary>
    public const ulong FrameMask = 0x000F_FFFF_FFFF_F000;

    /// <summary>The frame that an entry, or a CR3, leads to.</summary>
    public static ulong FrameOf(ulong entry) => (entry & FrameMask) >> Page.Shift;
}
