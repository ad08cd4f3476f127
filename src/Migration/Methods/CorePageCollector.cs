using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>Collects the core pages of an incoming domain until the core state closes them, and the domain has been restored from them.</summary>
/// <param name="memory">The memory that the pages are counted against, given over.</param>
internal sealed class CorePageCollector(MemoryShare memory) : IDisposable
{
    /// <summary>As many pages as one array holds.</summary>
    internal const int MaximumPages = 1 << 19;

    /// <summary>What one page takes, in bytes: all of them are copied together at the end.</summary>
    private const int PageCost = (2 * Page.Size) + 64;

    /// <summary>How many pages of a PV domain one page of its page tables maps.</summary>
    private const int MappedByOne = 512;

    private long _expected;
    private readonly List<int> _pfns = [];
    private readonly HashSet<int> _seen = [];
    private readonly List<byte[]> _contents = [];

    /// <summary>
    /// What can be told of a domain's core pages before they come, in bytes: a PV domain maps all of its memory, and its page tables are core
    /// pages. Of others nothing is known.
    /// </summary>
    public static long CostOf(DomainDescription description) => Foreseen(description) * PageCost;

    /// <summary>Takes that ahead, so that a domain is refused before anything is made of it.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutOfMemory"/>.</exception>
    public void Expect(DomainDescription description)
    {
        memory.Take(CostOf(description), $"The page tables of {description.Name}, a PV domain of {description.PageCount} pages,");
        _expected = Foreseen(description);
    }

    /// <summary>Adds a batch.</summary>
    /// <exception cref="MigrationException">A page came twice: the source does not follow the protocol.</exception>
    public void Add(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> contents)
    {
        if (pfns.Length >= MaximumPages - _pfns.Count)
        {
            throw ProtocolErrors.Violation($"The source sent {MaximumPages} core pages or more.");
        }

        long beyond = Math.Max(0, _pfns.Count + pfns.Length - Math.Max(_pfns.Count, _expected));
        memory.Take(beyond * PageCost, $"{pfns.Length} core pages more");
        foreach (int pfn in pfns)
        {
            if (!_seen.Add(pfn))
            {
                throw ProtocolErrors.Violation($"The source sent core page {pfn} twice.");
            }
        }

        _pfns.AddRange(pfns);
        _contents.Add(contents.ToArray());
    }

    /// <summary>Closes the collection.</summary>
    /// <param name="expected">How many pages the core state says it has.</param>
    public PageSet ToPageSet(int expected)
    {
        if (_pfns.Count != expected)
        {
            throw ProtocolErrors.Violation($"The core state has {expected} pages, but {_pfns.Count} came.");
        }

        byte[] contents = new byte[expected * Page.Size];
        int length = 0;
        foreach (byte[] batch in _contents)
        {
            batch.CopyTo(contents, length);
            length += batch.Length;
        }

        return new PageSet([.. _pfns], contents);
    }

    private static long Foreseen(DomainDescription description)
    {
        if (description.Kind != DomainKind.PV)
        {
            return 0;
        }

        // Who only asks names no pages.
        long pages = description.Populated.Count > 0 ? description.Populated.Sum(range => (long)range.Count) : description.PageCount;
        return Math.Min(MaximumPages, pages / MappedByOne);
    }

    /// <summary>Gives the memory back: the pages are not used any more.</summary>
    public void Dispose() => memory.Dispose();
}
