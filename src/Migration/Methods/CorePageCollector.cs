using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <summary>Collects the core pages of an incoming domain until the core state closes them.</summary>
internal sealed class CorePageCollector
{
    private readonly List<int> _pfns = [];
    private readonly HashSet<int> _seen = [];
    private readonly List<byte> _contents = [];

    /// <summary>Adds a batch.</summary>
    /// <exception cref="Hypervisor.MigrationException">A page came twice: the source does not follow the protocol.</exception>
    public void Add(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> contents)
    {
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
}
