using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// The devices through which what a domain does is seen outside: network cards, disks and others. Its console does not count, which is a
/// log for the administrator, nor do its XenStore nodes, which are its host's.
/// </summary>
internal static class DomainOutputs
{
    /// <summary>Device classes that carry nothing out: the console, and the marker of a guest's suspend support.</summary>
    private static readonly string[] s_silent = ["suspend", "console", "vkbd"];

    /// <summary>The domain's devices that carry something out, such as "vif 0".</summary>
    internal static IReadOnlyList<string> Find(IDomainControl control, int domid)
    {
        string root = string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domid}/device");
        return
        [
            .. control.ListStore(root)
                .Where(kind => !s_silent.Contains(kind))
                .SelectMany(kind => control.ListStore($"{root}/{kind}").Select(device => $"{kind} {device}")),
        ];
    }

    /// <summary>Refuses a domain of which something could get out.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutputNotIsolable"/>.</exception>
    internal static void RequireNone(IDomainControl control, int domid, string name)
    {
        IReadOnlyList<string> devices = Find(control, domid);
        if (devices.Count > 0)
        {
            throw new MigrationException(
                MigrationErrorId.OutputNotIsolable,
                $"What {name} sends through {string.Join(", ", devices)} during the window cannot be held back.",
                "Use the mode Observe, which rolls nothing back; or detach the devices for the migration.",
                name);
        }
    }
}

/// <summary>The plug of a domain that has no outputs: nothing is ever held.</summary>
internal sealed class EmptyOutputPlug : IOutputPlug
{
    /// <inheritdoc/>
    public long HeldCount => 0;

    /// <inheritdoc/>
    public void Release()
    {
        // There is nothing to let out: the domain has no device that carries anything.
    }

    /// <inheritdoc/>
    public void Drop()
    {
        // There is nothing to throw away: the domain has no device that carries anything.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is held.
    }
}
