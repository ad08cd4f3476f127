using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Simulated;

/// <summary>The hypervisor's access to a simulated domain's pages.</summary>
/// <param name="domain">The domain; null for a reference, which has no host and no missing page.</param>
/// <param name="pages">Its pages.</param>
internal sealed class SimulatedMemory(SimulatedDomain? domain, GuestPages pages) : IGuestMemory
{
    public int PageCount => pages.PageCount;

    public void Read(ReadOnlySpan<int> pfns, Span<byte> target)
    {
        Check(SimulatedCall.Read, pfns, target.Length);
        for (int i = 0; i < pfns.Length; i++)
        {
            pages[pfns[i]].CopyTo(Page.At(target, i));
        }
    }

    public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> source)
    {
        Check(SimulatedCall.Write, pfns, source.Length);
        for (int i = 0; i < pfns.Length; i++)
        {
            pages.Put(pfns[i], Page.At(source, i));
        }
    }

    private void Check(SimulatedCall call, ReadOnlySpan<int> pfns, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(length, pfns.Length * Page.Size, nameof(length));
        domain?.Host.Faults.Enter(call);
        if (domain?.State == DomainState.Dying)
        {
            throw Refused(call, "the domain is gone");
        }

        foreach (int pfn in pfns)
        {
            if ((uint)pfn >= (uint)pages.PageCount || !pages.Populated[pfn])
            {
                throw Refused(call, $"page {pfn} is not populated");
            }

            if ((pages.TrapsOf(pfn) & PageTraps.Missing) != 0)
            {
                throw Refused(call, $"page {pfn} is missing");
            }
        }
    }

    private MigrationException Refused(SimulatedCall call, string reason) => new(
        MigrationErrorId.HypervisorCall,
        $"{call} of domain {domain?.Name ?? "(reference)"} was refused: {reason}.",
        "Use populated pages that have arrived.", domain?.Name);
}
