using System.Globalization;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Texts;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// A domain of this host, known by its number and its UUID: numbers are used again, and names are taken. Whether it runs is asked of Xen
/// at each call, so that one that took effect and reported an error can be made again.
/// </summary>
/// <param name="control">The connection.</param>
/// <param name="domid">Its number.</param>
/// <param name="uuid">Its UUID, in 32 digits; see <see cref="UuidOf"/>.</param>
/// <param name="name">What errors call it.</param>
internal sealed class KnownDomain(IDomainControl control, int domid, string uuid, string name)
{
    /// <summary>The connection.</summary>
    internal IDomainControl Control => control;

    /// <summary>Its number.</summary>
    internal int DomId => domid;

    /// <summary>Its UUID.</summary>
    internal string Uuid => uuid;

    /// <summary>What errors call it.</summary>
    internal string Name => name;

    /// <summary>A domain's UUID, in 32 digits.</summary>
    internal static string UuidOf(in XenDomainInfo info) => Convert.ToHexStringLower(info.Uuid);

    /// <summary>The domain as it is now; null where it is gone or going, or where its number is another domain's.</summary>
    internal XenDomainInfo? Find()
    {
        try
        {
            XenDomainInfo info = control.GetDomain(domid);
            return info.Flags.HasFlag(XenDomainFlags.Dying) || UuidOf(info) != uuid ? null : info;
        }
        catch (XenException error) when (error.Errno == XenErrno.NoProcess)
        {
            return null;
        }
    }

    /// <summary>The domain as it is now.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainChanged"/>: it was destroyed, or has rebooted.</exception>
    internal XenDomainInfo Require() => Find() ?? throw Gone(null);

    /// <summary>For how long its vCPUs have run, in seconds, as the hypervisor counts it; null where it is gone.</summary>
    internal double? Work => Find()?.CpuTimeNanoseconds / 1e9;

    /// <summary>Stops its vCPUs where they run.</summary>
    internal void Pause()
    {
        if (!Require().Flags.HasFlag(XenDomainFlags.Paused))
        {
            control.Pause(domid);
        }
    }

    /// <summary>Lets its vCPUs run where they are paused.</summary>
    internal void Unpause()
    {
        if (Require().Flags.HasFlag(XenDomainFlags.Paused))
        {
            control.Unpause(domid);
        }
    }

    /// <summary>Lets it run, whether it is suspended or paused. Does nothing where it runs or has shut down.</summary>
    internal void Wake() => CleanUp.All(EndSuspension, Unpause);

    /// <summary>Lets it run on where it is suspended; a pause stays.</summary>
    internal void EndSuspension()
    {
        XenDomainInfo info = Require();
        if (info.IsSuspended)
        {
            control.Resume(domid);
        }

        // XenStore is told in any case: an earlier call may have let the domain run and failed before it told XenStore, which must know
        // before the next suspension.
        control.ResumeStore(domid);
    }

    /// <summary>Destroys it. To return is the proof that no vCPU of it will run any more.</summary>
    internal void Destroy()
    {
        if (Find() is null)
        {
            return;
        }

        try
        {
            control.Destroy(domid);
        }
        catch (XenException) when (Find() is null)
        {
            // The call took effect and reported an error, or somebody else destroyed the domain first: it is gone, which is all that was wanted.
        }

        if (Find() is not null)
        {
            throw new MigrationException(
                MigrationErrorId.HypervisorCall,
                $"{name} (domain {domid}) is still there, although the toolstack says that it was destroyed.",
                $"xl destroy {domid}; look at /var/log/xen and `xl dmesg`.",
                name);
        }
    }

    /// <summary>Why a domain that was here is not, in words.</summary>
    /// <param name="cause">The error in which that showed; null where the domain was looked for.</param>
    internal MigrationException Gone(Exception? cause)
    {
        XenDomainInfo? successor = DomainNames.FindAll(control)
            .Where(other => (int)other.Info.DomId != domid && UuidOf(other.Info) == uuid && other.Name == name)
            .Select(other => (XenDomainInfo?)other.Info)
            .FirstOrDefault();
        return new MigrationException(
            MigrationErrorId.DomainChanged,
            successor is { } reborn
                ? string.Create(CultureInfo.InvariantCulture, $"{name} has rebooted: it was domain {domid} and is domain {reborn.DomId} now.")
                : string.Create(CultureInfo.InvariantCulture, $"{name} (domain {domid}) is gone: it was destroyed, has shut down, or reboots."),
            successor is null ? "Where it does not come back by itself, start it again; its console says why it went." : "It runs: migrate it again.",
            name,
            cause);
    }
}

/// <summary>Domains by name, as XenStore has them.</summary>
internal static class DomainNames
{
    /// <summary>
    /// The name of a domain, as it may be shown; null where it has none. A domain is asked for by this name and worked with by its number,
    /// so that one with control characters in its name is found by what is shown of it. No destination takes such a domain in.
    /// </summary>
    internal static string? Of(IDomainControl control, int domid) =>
        control.ReadStore(string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domid}/name")) is { } name
            ? ForeignText.Show(name, ForeignText.LongestName)
            : null;

    /// <summary>The domains that have a name and are not being taken down, by id.</summary>
    internal static IEnumerable<(XenDomainInfo Info, string Name)> FindAll(IDomainControl control)
    {
        foreach (XenDomainInfo domain in control.ListDomains())
        {
            if (!domain.Flags.HasFlag(XenDomainFlags.Dying) && Of(control, (int)domain.DomId) is { } name)
            {
                yield return (domain, name);
            }
        }
    }

    /// <summary>The domain of a name.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainNotFound"/>.</exception>
    internal static XenDomainInfo Require(IDomainControl control, string name) =>
        Find(control, name) ?? throw Missing(name);

    /// <summary>The error of a name that no domain bears.</summary>
    internal static MigrationException Missing(string name) => new(
        MigrationErrorId.DomainNotFound, $"There is no domain {name} on this host.", "`xl list` shows the domains.", name);

    /// <summary>The domain of a name, or null.</summary>
    internal static XenDomainInfo? Find(IDomainControl control, string name)
    {
        foreach ((XenDomainInfo info, string found) in FindAll(control))
        {
            if (found == name)
            {
                return info;
            }
        }

        return null;
    }
}
