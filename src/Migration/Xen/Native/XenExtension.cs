using System.Runtime.InteropServices;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Native;

/// <summary>XEN_PRERECORD_*: what a recording keeps, and what state the extension is in.</summary>
[Flags]
internal enum XenExtensionFlags : uint
{
    None = 0,

    /// <summary>Accesses are recorded.</summary>
    Accesses = 1 << 0,

    /// <summary>Originals are kept.</summary>
    Backups = 1 << 1,

    /// <summary>A recording runs.</summary>
    Running = 1 << 2,

    /// <summary>RemotePF is on.</summary>
    Serving = 1 << 3,

    /// <summary>The store is full: the domain is paused until it grows, or the recording stops.</summary>
    Full = 1 << 4,

    /// <summary>An original was lost: the checkpoint is gone.</summary>
    Lost = 1 << 5,

    /// <summary>With <see cref="Accesses"/>, nested paging: a page's first touch is recorded as it happens, later ones at their epoch's end.</summary>
    Harvest = 1 << 6,

    /// <summary>While a domain is served and afterwards: who asked for a page and what was used is recorded. An older hypervisor does not.</summary>
    Uses = 1 << 7,
}

/// <summary>What the extension says of a domain. Counts are in records, slots and pages.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XenExtensionState
{
    internal ulong First;
    internal ulong Count;
    internal ulong Used;
    internal ulong Slots;
    internal ulong Missing;
    internal XenExtensionFlags Flags;
    internal uint Epoch;
    internal ulong Uses;
}

/// <summary>The extension's tables, which are mapped and not copied.</summary>
internal enum XenExtensionTable : uint
{
    /// <summary>Records: a page frame number each, with <see cref="XenExtension.WriteBit"/>. The table has two halves that epochs fill in
    /// turn.</summary>
    Records = 0,

    /// <summary>The originals, a page each.</summary>
    Store = 1,

    /// <summary>For each slot of the store the page frame number whose original is in it.</summary>
    Slots = 2,
}

/// <summary>
/// The hypervisor's prerecord extension for one domain (native/hypervisor). May be used from several threads, but one at a
/// time waits. Disposing leaves what is in the hypervisor as it is; <see cref="Release"/> ends it.
/// </summary>
internal sealed partial class XenExtension : IDisposable
{
    /// <summary>In a record: the page was written.</summary>
    internal const uint WriteBit = 1u << 31;

    private readonly int _domid;
    private readonly ExtensionHandle _handle;

    internal XenExtension(XenControl control, int domid)
    {
        _domid = domid;
        Check(Open(control.Handle, (uint)domid, out _handle));
    }

    /// <summary>Whether the hypervisor has the extension, in a version that this module speaks. Touches no domain.</summary>
    internal static bool IsSupported(XenControl control) => control.ProbeExtension() == XenExtensionAnswer.Present;

    /// <summary>Becomes the domain's owner, and binds the event channel.</summary>
    /// <param name="pages">Pages with smaller numbers are looked after.</param>
    /// <param name="limit">The store's largest size, in pages.</param>
    /// <exception cref="XenException">EBUSY: the domain has an owner.</exception>
    internal void Prepare(int pages, int limit) => Check(PrepareCore(_handle, (ulong)pages, (ulong)limit));

    /// <summary>Becomes the owner of a domain whose owner was killed, and binds the event channel.</summary>
    /// <returns>How many pages are looked after.</returns>
    /// <exception cref="XenException">EBUSY: the owner lives; ENXIO: nothing is prepared.</exception>
    internal long Adopt()
    {
        Check(AdoptCore(_handle, out ulong pages));
        return (long)pages;
    }

    internal void Grow(int slots) => Check(GrowCore(_handle, (ulong)slots));

    internal void Start(XenExtensionFlags flags) => Check(StartCore(_handle, flags));

    /// <summary>Begins the next epoch.</summary>
    /// <returns>Where the records of the epoch are that has ended; they stay until the next call.</returns>
    internal (long First, long Count) BeginEpoch()
    {
        Check(EpochCore(_handle, out ulong first, out ulong count));
        return ((long)first, (long)count);
    }

    internal XenExtensionState Query()
    {
        Check(QueryCore(_handle, out XenExtensionState state));
        return state;
    }

    internal void Stop() => Check(StopCore(_handle));

    internal void Release() => Check(ReleaseCore(_handle));

    /// <summary>Declares pages missing; the domain must be paused.</summary>
    internal void DeclareMissing(ReadOnlySpan<ulong> bitmap, int pages)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bitmap.Length, (pages + 63L) / 64, nameof(bitmap));
        Check(MissingCore(_handle, bitmap, (ulong)pages));
    }

    internal void Serve() => Check(ServeCore(_handle));

    /// <summary>Waits for the extension's event.</summary>
    internal XenWaitResult Wait(XenWakeup? wakeup, TimeSpan timeout)
    {
        Check(WaitCore(_handle, wakeup?.Descriptor ?? -1, XenWakeup.Milliseconds(timeout), out XenWaitResult result));
        return result;
    }

    /// <summary>Maps frames of a table.</summary>
    internal XenExtensionMapping Map(XenExtensionTable table, long first, long count)
    {
        Check(MapCore(_handle, table, (ulong)first, (ulong)count, out MappingHandle mapping, out nint address));
        return new XenExtensionMapping(mapping, address, first, count);
    }

    /// <summary>Makes buffers of which one thread at a time fills pages.</summary>
    internal XenPageFiller NewFiller(int capacity)
    {
        Check(XenPageFiller.Open(_handle, (uint)capacity, out XenPageFiller.FillerHandle filler));
        return new XenPageFiller(_handle, filler, _domid);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private void Check(int result) => XenLibrary.Check(result, $"Domain {_domid}");

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_open")]
    private static partial int Open(XenControlHandle control, uint domid, out ExtensionHandle extension);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_prepare")]
    private static partial int PrepareCore(ExtensionHandle extension, ulong pages, ulong limit);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_adopt")]
    private static partial int AdoptCore(ExtensionHandle extension, out ulong pages);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_grow")]
    private static partial int GrowCore(ExtensionHandle extension, ulong slots);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_start")]
    private static partial int StartCore(ExtensionHandle extension, XenExtensionFlags flags);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_epoch")]
    private static partial int EpochCore(ExtensionHandle extension, out ulong first, out ulong count);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_query")]
    private static partial int QueryCore(ExtensionHandle extension, out XenExtensionState state);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_stop")]
    private static partial int StopCore(ExtensionHandle extension);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_release")]
    private static partial int ReleaseCore(ExtensionHandle extension);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_missing")]
    private static partial int MissingCore(ExtensionHandle extension, ReadOnlySpan<ulong> bitmap, ulong pages);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_serve")]
    private static partial int ServeCore(ExtensionHandle extension);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_wait")]
    private static partial int WaitCore(
        ExtensionHandle extension, int wakeup, int timeoutMilliseconds, out XenWaitResult result);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_map")]
    private static partial int MapCore(
        ExtensionHandle extension, XenExtensionTable table, ulong first, ulong count, out MappingHandle mapping, out nint address);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_mapping_close")]
    private static partial int CloseMapping(nint mapping);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_extension_close")]
    private static partial int CloseCore(nint extension);

    internal sealed class ExtensionHandle : NativeHandle
    {
        protected override bool ReleaseHandle() => CloseCore(handle) == 0;
    }

    internal sealed class MappingHandle : NativeHandle
    {
        protected override bool ReleaseHandle() => CloseMapping(handle) == 0;
    }
}

/// <summary>Some frames of one of the extension's tables, to be read. Nothing may read it once it is disposed.</summary>
internal sealed class XenExtensionMapping(SafeHandle mapping, nint address, long first, long count) : IDisposable
{
    /// <summary>The first frame.</summary>
    internal long First => first;

    /// <summary>One past the last frame.</summary>
    internal long End => first + count;

    /// <summary>Copies a part of one frame.</summary>
    /// <param name="frame">The frame, counted from the table's first.</param>
    /// <param name="offset">Bytes into it.</param>
    /// <param name="content">Receives it.</param>
    internal unsafe void Read(long frame, int offset, Span<byte> content)
    {
        ObjectDisposedException.ThrowIf(mapping.IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + content.Length, Page.Size, nameof(content));
        if (frame < First || frame >= End)
        {
            throw new ArgumentOutOfRangeException(nameof(frame), frame, $"Mapped are {First} to {End - 1}.");
        }

        new ReadOnlySpan<byte>((byte*)address + ((frame - First) * Page.Size) + offset, content.Length).CopyTo(content);
    }

    /// <inheritdoc/>
    public void Dispose() => mapping.Dispose();
}

/// <summary>Gives missing pages their contents. Belongs to one thread at a time.</summary>
internal sealed partial class XenPageFiller : IDisposable
{
    private readonly SafeHandle _extension;
    private readonly FillerHandle _handle;
    private readonly int _domid;

    internal XenPageFiller(SafeHandle extension, FillerHandle handle, int domid)
    {
        _extension = extension;
        _handle = handle;
        _domid = domid;
    }

    /// <summary>Fills those of the pages that are still missing.</summary>
    /// <param name="frames">A PV domain's machine frames, other domains' guest frames.</param>
    /// <param name="pages"><see cref="Page.Size"/> bytes each.</param>
    /// <returns>How many were gone through; fewer than given where Xen uses the next one as a page or descriptor table.</returns>
    internal int Fill(ReadOnlySpan<ulong> frames, ReadOnlySpan<byte> pages)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pages.Length, (long)frames.Length * Page.Size, nameof(pages));
        ObjectDisposedException.ThrowIf(_extension.IsClosed, _extension);
        int result = FillCore(_handle, frames, (uint)frames.Length, pages, out uint done);
        if (result != -XenErrno.Busy)
        {
            XenLibrary.Check(result, $"Domain {_domid}");
        }

        return (int)done;
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_filler_open")]
    internal static partial int Open(XenExtension.ExtensionHandle extension, uint capacity, out FillerHandle filler);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_filler_fill")]
    private static partial int FillCore(
        FillerHandle filler, ReadOnlySpan<ulong> frames, uint count, ReadOnlySpan<byte> pages, out uint done);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_filler_close")]
    private static partial int CloseCore(nint filler);

    internal sealed class FillerHandle : NativeHandle
    {
        protected override bool ReleaseHandle() => CloseCore(handle) == 0;
    }
}
