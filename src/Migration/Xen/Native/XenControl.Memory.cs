using System.Runtime.InteropServices;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Native;

/// <summary>Types of pages as the hypervisor reports them (XEN_DOMCTL_PFINFO_*), as far as they matter for HVM domains.</summary>
internal static class XenPageType
{
    /// <summary>No page is there.</summary>
    internal const uint None = 0xf000_0000;
}

internal sealed partial class XenControl
{
    /// <summary>The highest guest frame number that the domain has used.</summary>
    internal long GetMaximumGfn(int domid)
    {
        Check(MaxGfn(_handle, (uint)domid, out ulong gfn), domid);
        return (long)gfn;
    }

    /// <summary>Reads what the frames hold; see <see cref="XenPageType"/>.</summary>
    internal void GetPageTypes(int domid, ReadOnlySpan<ulong> gfns, Span<uint> types)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(types.Length, gfns.Length, nameof(types));
        Check(PageTypes(_handle, (uint)domid, gfns, (uint)gfns.Length, types), domid);
    }

    /// <summary>Copies pages out of the domain.</summary>
    /// <param name="domid">The domain.</param>
    /// <param name="gfns">The frames, none of them paged out: the library would retry for ever.</param>
    /// <param name="pages">Receives <see cref="Page.Size"/> bytes a frame.</param>
    /// <param name="errors">Receives 0 or −errno a frame.</param>
    internal void ReadPages(int domid, ReadOnlySpan<ulong> gfns, Span<byte> pages, Span<int> errors)
    {
        CheckSizes(gfns.Length, pages.Length, errors.Length);
        Check(ReadPagesCore(_handle, (uint)domid, gfns, (uint)gfns.Length, pages, errors), domid);
    }

    /// <summary>Copies pages into the domain.</summary>
    /// <param name="domid">The domain.</param>
    /// <param name="gfns">The frames, none of them paged out: the library would retry for ever.</param>
    /// <param name="pages"><see cref="Page.Size"/> bytes a frame.</param>
    /// <param name="errors">Receives 0 or −errno a frame.</param>
    internal void WritePages(int domid, ReadOnlySpan<ulong> gfns, ReadOnlySpan<byte> pages, Span<int> errors)
    {
        CheckSizes(gfns.Length, pages.Length, errors.Length);
        Check(WritePagesCore(_handle, (uint)domid, gfns, (uint)gfns.Length, pages, errors), domid);
    }

    /// <summary>Gives the domain empty pages at frames that have none.</summary>
    /// <returns>How many of the frames, from the first, are populated.</returns>
    internal int Populate(int domid, ReadOnlySpan<ulong> gfns)
    {
        Check(PopulateCore(_handle, (uint)domid, gfns, (uint)gfns.Length, out uint done), domid);
        return (int)done;
    }

    /// <summary>Takes pages away from the domain.</summary>
    /// <returns>How many of the frames, from the first, are released.</returns>
    internal int Release(int domid, ReadOnlySpan<ulong> gfns)
    {
        Check(ReleaseCore(_handle, (uint)domid, gfns, (uint)gfns.Length, out uint done), domid);
        return (int)done;
    }

    /// <summary>Has the hypervisor note written pages.</summary>
    internal void EnableLogDirty(int domid) => Check(LogDirtyEnable(_handle, (uint)domid), domid);

    /// <summary>Has the hypervisor note written pages no longer.</summary>
    internal void DisableLogDirty(int domid) => Check(LogDirtyDisable(_handle, (uint)domid), domid);

    /// <summary>Reads the written pages.</summary>
    /// <param name="domid">The domain.</param>
    /// <param name="bitmap">Receives one bit a page, the lowest bit of the first word for frame 0.</param>
    /// <param name="pageCount">How many frames.</param>
    /// <param name="clean">Whether the noting begins anew, in one step with the reading.</param>
    /// <returns>How many pages the hypervisor says were written.</returns>
    internal long ReadLogDirty(int domid, Span<ulong> bitmap, long pageCount, bool clean)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bitmap.Length, (pageCount + 63) / 64, nameof(bitmap));
        Check(LogDirtyRead(_handle, (uint)domid, clean ? 1u : 0u, bitmap, (ulong)pageCount, out ulong dirty), domid);
        return (long)dirty;
    }

    private static void CheckSizes(int count, int bytes, int errors)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, (long)count * Page.Size, nameof(bytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(errors, count, nameof(errors));
    }

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_max_gfn")]
    private static partial int MaxGfn(XenControlHandle handle, uint domid, out ulong gfn);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_page_types")]
    private static partial int PageTypes(
        XenControlHandle handle, uint domid, ReadOnlySpan<ulong> gfns, uint count, Span<uint> types);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_read_pages")]
    private static partial int ReadPagesCore(
        XenControlHandle handle, uint domid, ReadOnlySpan<ulong> gfns, uint count, Span<byte> buffer, Span<int> errors);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_write_pages")]
    private static partial int WritePagesCore(
        XenControlHandle handle, uint domid, ReadOnlySpan<ulong> gfns, uint count, ReadOnlySpan<byte> buffer, Span<int> errors);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_populate")]
    private static partial int PopulateCore(
        XenControlHandle handle, uint domid, ReadOnlySpan<ulong> gfns, uint count, out uint done);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_release")]
    private static partial int ReleaseCore(
        XenControlHandle handle, uint domid, ReadOnlySpan<ulong> gfns, uint count, out uint done);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_logdirty_enable")]
    private static partial int LogDirtyEnable(XenControlHandle handle, uint domid);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_logdirty_disable")]
    private static partial int LogDirtyDisable(XenControlHandle handle, uint domid);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_logdirty_read")]
    private static partial int LogDirtyRead(
        XenControlHandle handle, uint domid, uint clean, Span<ulong> bitmap, ulong pages, out ulong dirty);
}
