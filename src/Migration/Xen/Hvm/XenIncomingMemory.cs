using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Hvm;

/// <summary>An incoming domain's memory, by mapping it.</summary>
/// <remarks>
/// Mapping a missing page would make the Xen library retry for ever, so missing pages are refused before it is asked.
/// Writes to pages whose content does not migrate (rings that the restorer emptied) are left out.
/// </remarks>
internal sealed class XenIncomingMemory(XenControl control, int domid, string subject, IncomingPages pages) : IGuestMemory
{
    private const int Chunk = 256;

    /// <inheritdoc/>
    public int PageCount => pages.Populated.PageCount;

    /// <inheritdoc/>
    public void Read(ReadOnlySpan<int> pfns, Span<byte> contents)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(contents.Length, (long)pfns.Length * Page.Size, nameof(contents));
        Span<ulong> gfns = stackalloc ulong[Chunk];
        Span<int> errors = stackalloc int[Chunk];
        for (int start = 0; start < pfns.Length; start += Chunk)
        {
            ReadOnlySpan<int> run = pfns.Slice(start, Math.Min(Chunk, pfns.Length - start));
            for (int i = 0; i < run.Length; i++)
            {
                RequirePresent(run[i]);
                gfns[i] = (ulong)run[i];
            }

            control.ReadPages(domid, gfns[..run.Length], contents.Slice(start * Page.Size, run.Length * Page.Size), errors);
            ThrowOnError("read", run, errors);
        }
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> contents)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(contents.Length, (long)pfns.Length * Page.Size, nameof(contents));
        Span<ulong> gfns = stackalloc ulong[Chunk];
        Span<int> errors = stackalloc int[Chunk];
        for (int start = 0; start < pfns.Length;)
        {
            if (pages.Emptied.Contains(pfns[start]))
            {
                start++;
                continue;
            }

            int count = 0;
            while (start + count < pfns.Length && count < Chunk && !pages.Emptied.Contains(pfns[start + count]))
            {
                RequirePresent(pfns[start + count]);
                gfns[count] = (ulong)pfns[start + count];
                count++;
            }

            control.WritePages(domid, gfns[..count], contents.Slice(start * Page.Size, count * Page.Size), errors);
            ThrowOnError("write", pfns.Slice(start, count), errors);
            start += count;
        }
    }

    private void RequirePresent(int pfn)
    {
        if ((uint)pfn >= (uint)PageCount || !pages.Populated[pfn] || pages.Missing[pfn])
        {
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{subject}: page {pfn} is {((uint)pfn < (uint)PageCount && pages.Populated[pfn] ? "missing" : "not populated")}.",
                "Read or write pages that have been placed.",
                subject);
        }
    }

    private void ThrowOnError(string what, ReadOnlySpan<int> pfns, ReadOnlySpan<int> errors)
    {
        for (int i = 0; i < pfns.Length; i++)
        {
            if (errors[i] != 0)
            {
                throw new XenException("xenforeignmemory_map", -errors[i], $"{subject}, {what} of page {pfns[i]}", "");
            }
        }
    }
}
