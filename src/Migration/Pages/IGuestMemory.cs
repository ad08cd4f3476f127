namespace PreRecordMigration.Pages;

/// <summary>Batch access to a domain's pages by page frame number.</summary>
/// <remarks>Safe for several threads. Reads and writes of the hypervisor's side never count as accesses of the guest.</remarks>
public interface IGuestMemory
{
    /// <summary>One past the highest page frame number; pages in between may be unpopulated.</summary>
    int PageCount { get; }

    /// <summary>Copies pages out.</summary>
    /// <param name="pfns">Pages to read, all populated.</param>
    /// <param name="pages">Receives <see cref="Page.Size"/> bytes for each, in the same order.</param>
    /// <exception cref="Errors.MigrationException">A page is not populated, or the hypervisor refused; the message names it.</exception>
    void Read(ReadOnlySpan<int> pfns, Span<byte> pages);

    /// <summary>Copies pages in.</summary>
    /// <param name="pfns">Pages to write, all populated and none missing.</param>
    /// <param name="pages"><see cref="Page.Size"/> bytes for each, in the same order.</param>
    /// <exception cref="Errors.MigrationException">A page is not populated, or the hypervisor refused; the message names it.</exception>
    void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages);
}
