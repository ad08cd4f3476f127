using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Domains;

/// <summary>Which pages an incoming domain has, and what becomes of each.</summary>
internal sealed class IncomingPages
{
    private const int Named = 8;
    private readonly PageBitmap _wanted;

    /// <summary>Sorts the pages by what the source said of the domain.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>: the description contradicts
    /// itself.</exception>
    internal IncomingPages(DomainDescription description, XenDomainConfiguration configuration)
    {
        Populated = new PageBitmap(description.PageCount);
        int previousEnd = 0;
        foreach (PageRange range in description.Populated)
        {
            if (range.First < previousEnd || range.Count <= 0 || range.Count > description.PageCount - range.First)
            {
                throw Violation($"its populated pages {range.First}+{range.Count} are out of order or not below {description.PageCount}");
            }

            Populated.SetRange(range.First, range.Count);
            previousEnd = range.End;
        }

        foreach (uint index in XenHvmParameters.Emptied)
        {
            ulong gfn = configuration.GetParameter(index);
            if (gfn != 0)
            {
                if (gfn >= (ulong)description.PageCount)
                {
                    throw Violation($"HVM parameter {index} names page {gfn}, which is not below {description.PageCount}");
                }

                Emptied.Add((int)gfn);
            }
        }

        Reserved.UnionWith(Emptied);
        foreach (int pfn in configuration.ReservedPages)
        {
            if (!Populated[pfn] && !Emptied.Contains(pfn))
            {
                throw Violation($"its reserved page {pfn} is not populated");
            }

            Reserved.Add(pfn);
        }

        Missing = new PageBitmap(description.PageCount);
        _wanted = new PageBitmap(description.PageCount);
    }

    /// <summary>The pages that the domain has at the source.</summary>
    internal PageBitmap Populated { get; }

    /// <summary>The pages that have been taken away and not yet placed; shared with RemotePF.</summary>
    internal PageBitmap Missing { get; }

    /// <summary>Pages that are there from the beginning and never missing.</summary>
    internal SortedSet<int> Reserved { get; } = [];

    /// <summary>The reserved pages whose content does not migrate.</summary>
    internal HashSet<int> Emptied { get; } = [];

    /// <summary>The pages that populating has to add to the reserved ones.</summary>
    internal PageBitmap OrdinaryPages() => Ordinary(Populated);

    /// <summary>The same, one by one.</summary>
    internal IEnumerable<int> Ordinary() => Populated.Pfns().Where(pfn => !Reserved.Contains(pfn));

    /// <summary>Notes which pages get their content after the domain runs.</summary>
    /// <returns>Those of them that can be missing until then.</returns>
    internal PageBitmap Want(PageBitmap later)
    {
        _wanted.Or(later);
        return Ordinary(later);
    }

    /// <summary>
    /// Every page whose content is to come after the domain runs must be missing until then: what is neither missing nor in the core state
    /// nor emptied would silently keep what is in it.
    /// </summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.VerificationFailed"/>.</exception>
    internal void RequireCovered(ReadOnlySpan<int> corePages, string subject)
    {
        PageBitmap uncovered = _wanted.Clone();
        uncovered.AndNot(Missing);
        foreach (int pfn in corePages)
        {
            uncovered.TryClear(pfn);
        }

        foreach (int pfn in Emptied)
        {
            uncovered.TryClear(pfn);
        }

        int count = uncovered.Count;
        if (count != 0)
        {
            throw new MigrationException(
                MigrationErrorId.VerificationFailed,
                $"{subject}: {count} pages can neither be missing nor are they in the core state, among them "
                + $"{string.Join(", ", uncovered.Pfns().Take(Named))}.",
                "Install the same version of the module on both hosts.",
                subject);
        }
    }

    private PageBitmap Ordinary(PageBitmap pages)
    {
        PageBitmap ordinary = pages.Clone();
        foreach (int pfn in Reserved)
        {
            ordinary.TryClear(pfn);
        }

        return ordinary;
    }

    private static MigrationException Violation(string problem) => new(
        MigrationErrorId.ProtocolViolation,
        $"The peer's description of the domain contradicts itself: {problem}.",
        "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.");
}
