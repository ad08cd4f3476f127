using System.Buffers;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Domains;

/// <summary>A domain's memory through foreign mappings. Reading a trapped page neither touches nor un-traps it.</summary>
/// <param name="control">The connection.</param>
/// <param name="domid">The domain.</param>
/// <param name="subject">Its name, for errors.</param>
/// <param name="pageCount">One past its highest page.</param>
/// <param name="frameOf">The frame by which Xen maps a page: its guest frame, or a PV domain's machine frame.</param>
internal sealed class XenGuestMemory(
    XenControl control, int domid, string subject, int pageCount, Func<int, ulong> frameOf) : IGuestMemory
{
    private const int Chunk = 256;

    /// <inheritdoc/>
    public int PageCount => pageCount;

    /// <inheritdoc/>
    public void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
    {
        ulong[] gfns = ArrayPool<ulong>.Shared.Rent(Chunk);
        int[] errors = ArrayPool<int>.Shared.Rent(Chunk);
        try
        {
            for (int start = 0; start < pfns.Length; start += Chunk)
            {
                int count = Fill(pfns[start..], gfns);
                control.ReadPages(domid, gfns.AsSpan(0, count), pages.Slice(start * Page.Size, count * Page.Size), errors);
                ThrowOnError(pfns.Slice(start, count), errors, "read");
            }
        }
        finally
        {
            ArrayPool<ulong>.Shared.Return(gfns);
            ArrayPool<int>.Shared.Return(errors);
        }
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        ulong[] gfns = ArrayPool<ulong>.Shared.Rent(Chunk);
        int[] errors = ArrayPool<int>.Shared.Rent(Chunk);
        try
        {
            for (int start = 0; start < pfns.Length; start += Chunk)
            {
                int count = Fill(pfns[start..], gfns);
                control.WritePages(domid, gfns.AsSpan(0, count), pages.Slice(start * Page.Size, count * Page.Size), errors);
                ThrowOnError(pfns.Slice(start, count), errors, "written");
            }
        }
        finally
        {
            ArrayPool<ulong>.Shared.Return(gfns);
            ArrayPool<int>.Shared.Return(errors);
        }
    }

    private int Fill(ReadOnlySpan<int> pfns, ulong[] gfns)
    {
        int count = Math.Min(Chunk, pfns.Length);
        for (int i = 0; i < count; i++)
        {
            gfns[i] = frameOf(pfns[i]);
        }

        return count;
    }

    private void ThrowOnError(ReadOnlySpan<int> pfns, int[] errors, string what)
    {
        for (int i = 0; i < pfns.Length; i++)
        {
            if (errors[i] != 0)
            {
                throw new MigrationException(
                    MigrationErrorId.HypervisorCall,
                    $"{subject}: page {pfns[i]} cannot be {what}: {XenErrno.Describe(-errors[i])}.",
                    "Look at `xl list` whether the domain is still there, and at `xl dmesg` for what the hypervisor says of it.",
                    subject);
            }
        }
    }
}
