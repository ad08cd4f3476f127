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

    /// <summary>What one page takes, in bytes: a list's room is doubled when it is full, and is copied at the end.</summary>
    private const int PageCost = (3 * Page.Size) + 64;

    private readonly List<int> _pfns = [];
    private readonly HashSet<int> _seen = [];
    private readonly List<byte> _contents = [];

    /// <summary>Adds a batch.</summary>
    /// <exception cref="Errors.MigrationException">A page came twice: the source does not follow the protocol.</exception>
    public void Add(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> contents)
    {
        if (pfns.Length >= MaximumPages - _pfns.Count)
        {
            throw ProtocolErrors.Violation($"The source sent {MaximumPages} core pages or more.");
        }

        memory.Take((long)pfns.Length * PageCost, $"{pfns.Length} core pages more");
        foreach (int pfn in pfns)
        {
            if (!_seen.Add(pfn))
            {
                throw ProtocolErrors.Violation($"The source sent core page {pfn} twice.");
            }
        }

        _pfns.AddRange(pfns);
        _contents.AddRange(contents);
    }

    /// <summary>Closes the collection.</summary>
    /// <param name="expected">How many pages the core state says it has.</param>
    public PageSet ToPageSet(int expected) => _pfns.Count == expected
        ? new PageSet([.. _pfns], [.. _contents])
        : throw ProtocolErrors.Violation($"The core state has {expected} pages, but {_pfns.Count} came.");

    /// <summary>Gives the memory back: the pages are not used any more.</summary>
    public void Dispose() => memory.Dispose();
}
