using System.Globalization;
using PreRecordMigration.Backup;
using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Xen.Life;

/// <summary>What a note in XenStore says of itself, whatever else it says.</summary>
/// <param name="Owner">Who made it.</param>
/// <param name="Uuid">The UUID of the domain that it is of.</param>
internal readonly record struct NoteOrigin(OwnerProcess Owner, string Uuid);

/// <summary>
/// Notes of killed processes about domains that are gone, of which nobody will do what they say. A note is removed where its process is
/// dead and no domain with its number has its UUID; one that is not understood, where no domain has its number. A living process removes its notes itself.
/// </summary>
internal static class StaleNotes
{
    /// <summary>Removes them, with what was held back for their domains.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="layers">What the control domain has for holding outputs back.</param>
    internal static void Remove(IDomainControl control, OutputLayers layers)
    {
        Remove(
            control, SourceMarker.Root, SourceMarker.OriginOf,
            (domid, uuid, content) => new DomainOutputs(control, layers, domid, $"domain {domid}")
                .Settle(uuid, SourceMarker.MarkOf(content) ?? SourceMark.Running),
            content => SourceMarker.DepartureOf(content)?.DeleteOriginals());
        Remove(control, SuspendRequest.Root, SuspendRequest.OriginOf, (_, _, _) => { }, _ => { });
    }

    /// <summary>Takes away originals of recordings that were killed when they were there for whoever takes over, and before a mark said so.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="runtime">The runtime folder; null for this user's.</param>
    internal static void RemoveOriginals(IDomainControl control, string? runtime = null) =>
        BackupFiles.SweepUnmarked(() => SourceMarker.OriginalsOf(control), runtime);

    private static void Remove(
        IDomainControl control, string root, Func<string, NoteOrigin?> parse, Action<int, string, string> before, Action<string> afterwards)
    {
        foreach (string child in control.ListStore(root))
        {
            string path = $"{root}/{child}";
            if (control.ReadStore(path) is not { } content)
            {
                continue;
            }

            if (parse(content) is not { } origin)
            {
                UnknownNotes.TryForget(control, root, child, content);
            }
            else if (int.TryParse(child, NumberStyles.None, CultureInfo.InvariantCulture, out int domid)
                && !origin.Owner.IsAlive
                && new KnownDomain(control, domid, origin.Uuid, child).Find() is null)
            {
                // What a note says of things that are left is done before it goes. Where that cannot be done, it stays for the next command: it keeps no
                // other domain from being worked with.
                if (!new CleanUp().Try(() => before(domid, origin.Uuid, content)))
                {
                    continue;
                }

                // Only this very text is removed: somebody may have noted another domain of that number since.
                if (control.TrySwapStore(path, content, null))
                {
                    afterwards(content);
                }
            }
        }
    }
}
