using System.Runtime.InteropServices;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Native;

/// <summary>What to do with pages: XENMEM_paging_op_*.</summary>
internal enum XenPagingOperation : uint
{
    /// <summary>Trap the next access.</summary>
    Nominate = 0,

    /// <summary>Take a nominated page away.</summary>
    Evict = 1,

    /// <summary>Give a page back, with content where it was taken away.</summary>
    Prepare = 2,

    /// <summary>Touch a page as a backend does: EAGAIN where it is trapped (its request comes through the ring, unless that
    /// was full), 0 where it is not. Ends log-dirty tracking of a page that is not trapped.</summary>
    Ask = 3,
}

/// <summary>Paging operations on many pages in one hypercall. Belongs to one thread at a time.</summary>
internal sealed partial class XenPagingBatch : IDisposable
{
    private readonly XenControl _control;
    private readonly BatchHandle _handle;

    /// <summary>Allocates the buffers.</summary>
    /// <param name="control">The connection; it must outlive the batch.</param>
    /// <param name="capacity">Pages a hypercall; longer requests are cut.</param>
    /// <param name="withPages">Whether operations will carry content.</param>
    internal XenPagingBatch(XenControl control, int capacity, bool withPages)
    {
        _control = control;
        XenLibrary.Check(Open(control.Handle, (uint)capacity, withPages ? 1u : 0u, out _handle), "Paging batch");
    }

    /// <summary>Runs one operation over pages.</summary>
    /// <param name="domid">The domain.</param>
    /// <param name="operation">Which.</param>
    /// <param name="gfns">The frames.</param>
    /// <param name="pages"><see cref="Page.Size"/> bytes a frame for <see cref="XenPagingOperation.Prepare"/> of pages that
    /// were taken away; else empty.</param>
    /// <param name="results">Receives 0 or −errno a frame.</param>
    internal void Run(
        int domid, XenPagingOperation operation, ReadOnlySpan<ulong> gfns, ReadOnlySpan<byte> pages, Span<int> results)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(results.Length, gfns.Length, nameof(results));
        if (!pages.IsEmpty)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(pages.Length, (long)gfns.Length * Page.Size, nameof(pages));
        }

        ObjectDisposedException.ThrowIf(_control.Handle.IsClosed, _control);
        XenLibrary.Check(
            Paging(_handle, (uint)domid, operation, gfns, (uint)gfns.Length, pages, results), $"Domain {domid}");
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_batch_open")]
    private static partial int Open(XenControlHandle control, uint capacity, uint withPages, out BatchHandle batch);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_batch_paging")]
    private static partial int Paging(
        BatchHandle batch, uint domid, XenPagingOperation operation, ReadOnlySpan<ulong> gfns, uint count,
        ReadOnlySpan<byte> pages, Span<int> results);

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_batch_close")]
    private static partial int CloseCore(nint batch);

    private sealed class BatchHandle : NativeHandle
    {
        protected override bool ReleaseHandle() => CloseCore(handle) == 0;
    }
}
