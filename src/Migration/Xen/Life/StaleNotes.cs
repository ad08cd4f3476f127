using System.Globalization;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>What a note in XenStore says of itself, whatever else it says.</summary>
/// <param name="Owner">Who made it.</param>
/// <param name="Uuid">The UUID of the domain that it is of.</param>
internal readonly record struct NoteOrigin(OwnerProcess Owner, string Uuid);

/// <summary>
/// What killed processes noted of domains that are gone: nobody is left to do what it says. A note goes where its process is dead and no
/// domain of its number has its UUID; one of a living process is that process' to take away.
/// </summary>
internal static class StaleNotes
{
    /// <summary>Takes them away.</summary>
    internal static void Remove(IDomainControl control)
    {
        Remove(control, SourceMarker.Root, SourceMarker.OriginOf);
        Remove(control, SuspendRequest.Root, SuspendRequest.OriginOf);
    }

    private static void Remove(IDomainControl control, string root, Func<string, NoteOrigin?> parse)
    {
        foreach (string child in control.ListStore(root))
        {
            string path = $"{root}/{child}";
            if (int.TryParse(child, NumberStyles.None, CultureInfo.InvariantCulture, out int domid)
                && control.ReadStore(path) is { } content
                && parse(content) is { Owner.IsAlive: false } origin
                && new KnownDomain(control, domid, origin.Uuid, child).Find() is null)
            {
                // What somebody has noted of another domain of that number since stays.
                control.TrySwapStore(path, content, null);
            }
        }
    }
}
