using System.Globalization;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>
/// What has arrived of a domain before it runs, where the rest arrives afterwards: each of its pages must have come, be named as one that
/// follows, or be in the core state.
/// </summary>
/// <remarks>It belongs to the thread that receives, and to the owner's from the core state on, after which nothing comes before the
/// run.</remarks>
/// <param name="populated">The pages that the domain has.</param>
internal sealed class EarlyPages(PageBitmap populated)
{
    private const int Named = 8;

    private readonly PageBitmap _arrived = new(populated.PageCount);
    private readonly PageBitmap _rest = new(populated.PageCount);

    /// <summary>Pages have come. One may come again, and follow all the same: its last content counts.</summary>
    public void Arrived(ReadOnlySpan<int> pfns)
    {
        foreach (int pfn in pfns)
        {
            _arrived.TrySet(pfn);
        }
    }

    /// <summary>The source names pages that follow.</summary>
    /// <param name="body">The record's body.</param>
    /// <exception cref="Errors.MigrationException"><see cref="Errors.MigrationErrorId.ProtocolViolation"/>.</exception>
    public void StillToCome(ReadOnlySpan<byte> body) => RestPages.Decode(body, populated, _rest);

    /// <summary>The pages that are missing when the core state is restored.</summary>
    /// <param name="outside">The pages that the core state does not have.</param>
    /// <exception cref="Errors.MigrationException"><see cref="Errors.MigrationErrorId.ProtocolViolation"/>: one of them has not come and was not
    /// named; it would be empty without a word.</exception>
    public PageBitmap StillMissing(PageBitmap outside)
    {
        PageBitmap present = outside.Clone();
        present.AndNot(_rest);
        PageBitmap unaccounted = present.Clone();
        unaccounted.AndNot(_arrived);
        if (unaccounted.Count is > 0 and var count)
        {
            throw ProtocolErrors.Violation(string.Create(
                CultureInfo.InvariantCulture,
                $"{count} pages have not come, and the source does not say that they follow, among them {string.Join(", ", unaccounted.Pfns().Take(Named))}."));
        }

        PageBitmap missing = outside.Clone();
        missing.AndNot(present);
        return missing;
    }
}
