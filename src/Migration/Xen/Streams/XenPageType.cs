namespace PreRecordMigration.Xen.Streams;

/// <summary>
/// Type of a page in a PAGE_DATA record: XEN_DOMCTL_PFINFO_* of Xen's public/domctl.h, shifted down to four bits.
/// 5 to 8 are reserved.
/// </summary>
public enum XenPageType : byte
{
    /// <summary>A page that is no page table; every page of an HVM or PVH domain is one.</summary>
    Normal = 0x0,

    /// <summary>Level 1 page table of a PV guest.</summary>
    L1Table = 0x1,

    /// <summary>Level 2 page table of a PV guest.</summary>
    L2Table = 0x2,

    /// <summary>Level 3 page table of a PV guest.</summary>
    L3Table = 0x3,

    /// <summary>Level 4 page table of a PV guest.</summary>
    L4Table = 0x4,

    /// <summary>Pinned level 1 page table of a PV guest.</summary>
    L1TablePinned = 0x9,

    /// <summary>Pinned level 2 page table of a PV guest.</summary>
    L2TablePinned = 0xa,

    /// <summary>Pinned level 3 page table of a PV guest.</summary>
    L3TablePinned = 0xb,

    /// <summary>Pinned level 4 page table of a PV guest.</summary>
    L4TablePinned = 0xc,

    /// <summary>A page with a memory error: no content, not populated.</summary>
    Broken = 0xd,

    /// <summary>Allocate only (XALLOC): populated by the restorer, no content.</summary>
    AllocateOnly = 0xe,

    /// <summary>Not a page (XTAB): no content, not populated.</summary>
    Invalid = 0xf,
}

/// <summary>What a <see cref="XenPageType"/> says about the page's content.</summary>
public static class XenPageTypes
{
    /// <summary>Whether the type is one that the format defines.</summary>
    /// <param name="type">The type.</param>
    /// <returns>False for the reserved values 5 to 8 and for what does not fit in four bits.</returns>
    public static bool IsKnown(this XenPageType type) => (byte)type is <= 0x4 or (>= 0x9 and <= 0xf);

    /// <summary>Whether a page of this type has 4096 bytes of content in the record.</summary>
    /// <param name="type">The type.</param>
    /// <returns>True for normal pages and page tables, pinned or not.</returns>
    public static bool HasContent(this XenPageType type) => (byte)type is <= 0x4 or (>= 0x9 and <= 0xc);
}
