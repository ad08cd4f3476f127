using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// Notes in XenStore that this version does not understand. They are another version's, perhaps a newer one's, which knows what is to be done with
/// the domain: they stay, and the domain is left alone, for as long as a domain has their number.
/// </summary>
internal static class UnknownNotes
{
    /// <summary>The error of such notes.</summary>
    /// <param name="id">What cannot be done for them.</param>
    /// <param name="what">What the domains do that they are of, as a part of a sentence.</param>
    /// <param name="paths">Where they are.</param>
    /// <param name="target">What the error is about.</param>
    internal static MigrationException Refusal(MigrationErrorId id, string what, IReadOnlyList<string> paths, string target)
    {
        string all = string.Join(' ', paths);
        return new MigrationException(
            id,
            $"{target}: XenStore has notes of domains that {what} which this version of the module does not understand: {all}.",
            $"Leave them to the version that made them. Where none is installed any more, look at these domains (xl list), and then: xenstore-rm {all}",
            target);
    }

    /// <summary>Removes a note of a number that no domain has.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="root">What the note is below.</param>
    /// <param name="child">Its name there, which should be a domain's number.</param>
    /// <param name="content">What it says: only this very text is removed.</param>
    /// <returns>False where it stays, because there is such a domain, or because its name is no number.</returns>
    internal static bool TryForget(IDomainControl control, string root, string child, string content)
    {
        if (!int.TryParse(child, NumberStyles.None, CultureInfo.InvariantCulture, out int domid) || control.ListDomains().Any(domain => domain.DomId == domid))
        {
            return false;
        }

        control.TrySwapStore($"{root}/{child}", content, null);
        return true;
    }
}
