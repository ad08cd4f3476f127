using System.Globalization;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Xen.Domains;

/// <summary>
/// How many pages a domain has. That is the guest's own word: a PV guest writes the number down, and any other guest may use a page
/// wherever it likes. Tables with an entry for each page follow from it, so it is believed only as far as the memory goes that the
/// toolstack lets the domain have.
/// </summary>
internal static class DomainExtent
{
    /// <summary>Pages below 4 GiB, where a small guest may have some anywhere.</summary>
    private const ulong BelowFourGiB = 1UL << 20;

    /// <summary>The page count, within the bound that the hypervisor's extension has, too.</summary>
    /// <param name="maximumGfn">The highest page number that the domain says it uses.</param>
    /// <param name="maxPages">How many pages it may have.</param>
    /// <param name="subject">The domain's name, for errors.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: it says that it has far more.</exception>
    internal static int Count(long maximumGfn, ulong maxPages, string subject)
    {
        ulong most = Math.Min((2 * Math.Min(maxPages, int.MaxValue)) + BelowFourGiB, int.MaxValue);
        return maximumGfn >= 0 && (ulong)maximumGfn < most
            ? (int)maximumGfn + 1
            : throw new MigrationException(
                MigrationErrorId.DomainState,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{subject}: the guest says that its memory reaches to page {(ulong)maximumGfn}; with a limit of {maxPages} pages that is believed below {most} alone."),
                "Raise its limit (`xl mem-max`) if that is what it needs; else do not trust this guest.",
                subject);
    }

    /// <summary>The page count for a list of domains, which must show a domain whatever it says of itself.</summary>
    internal static int Listed(long maximumGfn) => (int)Math.Clamp(maximumGfn, 0, int.MaxValue - 1) + 1;
}
