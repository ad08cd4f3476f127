using PreRecordMigration.Custody;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>Takes what is noted in XenStore for this process, in one step.</summary>
internal static class StoreSwap
{
    /// <summary>Takes a note. Where that took effect and reported an error, the note is given back: nobody would know that this process has
    /// it.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="path">Where it is.</param>
    /// <param name="content">What it says; null where there is none.</param>
    /// <param name="own">What it says from then on.</param>
    /// <returns>Whether it was taken: false where somebody else has changed it since it was read.</returns>
    internal static bool Try(IDomainControl control, string path, string? content, string own)
    {
        try
        {
            return control.TrySwapStore(path, content, own);
        }
        catch (XenException error)
        {
            throw CleanUp.After(error, () => control.TrySwapStore(path, own, content));
        }
    }
}
