using System.Collections.Concurrent;
using System.Management.Automation;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// The hosts that this process knows, shared by all its runspaces: simulated ones, this machine's Xen, which is opened when
/// it is first named and not before, and other machines, to which it can only send.
/// </summary>
internal static class HostRegistry
{
    private static readonly ConcurrentDictionary<string, IMigrationHost> Hosts = new(StringComparer.OrdinalIgnoreCase);
    private static readonly ConcurrentDictionary<string, RemoteHost> Remote = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The other machines, ordered by name.</summary>
    public static IReadOnlyList<RemoteHost> AllRemote => [.. Remote.Values.OrderBy(host => host.Name, StringComparer.OrdinalIgnoreCase)];

    /// <summary>The hosts of this process, ordered by name.</summary>
    public static IReadOnlyList<IMigrationHost> All => [.. Hosts.Values.OrderBy(host => host.Name, StringComparer.OrdinalIgnoreCase)];

    /// <summary>The hosts that a command without -HostName means: those known, and this machine's Xen where there is one.</summary>
    public static IReadOnlyList<IMigrationHost> Default()
    {
        if (LocalXen.IsPresent || Hosts.IsEmpty)
        {
            Get(LocalXen.HostName);
        }

        return All;
    }

    /// <summary>Adds another machine.</summary>
    /// <exception cref="CommandException">There is a host of that name.</exception>
    public static void Add(RemoteHost host)
    {
        RequireFree(host.Name);
        if (IsThisMachine(host.Name) || !Remote.TryAdd(host.Name, host))
        {
            throw Exists(host.Name);
        }
    }

    /// <summary>Adds a host.</summary>
    /// <exception cref="CommandException">There is one of that name.</exception>
    public static void Add(IMigrationHost host)
    {
        if (Remote.ContainsKey(host.Name) || !Hosts.TryAdd(host.Name, host))
        {
            throw Exists(host.Name);
        }
    }

    /// <summary>Refuses a name that is taken.</summary>
    /// <exception cref="CommandException">There is a host of that name.</exception>
    public static void RequireFree(string name)
    {
        if (Hosts.ContainsKey(name) || Remote.ContainsKey(name))
        {
            throw Exists(name);
        }
    }

    /// <summary>Finds a host by its name; the name of this machine opens its Xen.</summary>
    /// <exception cref="MigrationException">There is none, or Xen cannot be opened.</exception>
    /// <exception cref="CommandException">It is another machine.</exception>
    public static IMigrationHost Get(string name)
    {
        string known = KnownName(name) ?? throw NotFound(name);
        if (Hosts.TryGetValue(known, out IMigrationHost? host))
        {
            return host;
        }

        return Remote.TryGetValue(known, out RemoteHost? remote)
            ? throw new CommandException(
                nameof(SR.HostIsRemote),
                ErrorCategory.InvalidOperation,
                Text.Format(SR.HostIsRemote, remote.Name, remote.Route.Address),
                Text.Format(SR.HostIsRemoteRemedy, remote.Name),
                remote.Name)
            : Hosts.GetOrAdd(LocalXen.HostName, _ => LocalXen.Open());
    }

    /// <summary>Whether a destination's or host's name is one this process can resolve.</summary>
    public static bool Contains(string name) => KnownName(name) is { } known && !Remote.ContainsKey(known);

    /// <summary>Finds another machine.</summary>
    public static bool TryGetRemote(string name, out RemoteHost remote) => Remote.TryGetValue(KnownName(name) ?? "", out remote!);

    /// <summary>The hosts of this process that are meant.</summary>
    /// <param name="pattern">A name, which must be there, or a pattern, which may mean none.</param>
    /// <exception cref="MigrationException">There is no host of that name.</exception>
    /// <exception cref="CommandException">It is another machine.</exception>
    public static IReadOnlyList<IMigrationHost> Match(string pattern)
    {
        NameMatch<IMigrationHost> match = NameRule.Find(pattern, All, host => host.Name);
        return match.Found.Count > 0 || match.IsPattern ? match.Found : [Get(pattern)];
    }

    /// <summary>The hosts that are meant, here and elsewhere.</summary>
    /// <param name="pattern">A name, which must be there, or a pattern, which may mean none.</param>
    /// <exception cref="MigrationException">There is no host of that name.</exception>
    public static (IReadOnlyList<IMigrationHost> Here, IReadOnlyList<RemoteHost> Remote) MatchAll(string pattern)
    {
        NameMatch<string> match = NameRule.Find(pattern, KnownHosts, name => name);
        return match.Found.Count > 0 || match.IsPattern
            ? ([.. All.Where(host => match.Found.Contains(host.Name))], [.. AllRemote.Where(host => match.Found.Contains(host.Name))])
            : ([Get(pattern)], []);
    }

    /// <summary>As <see cref="MatchAll"/> for who does something to them: a pattern that means none is an error too.</summary>
    public static (IReadOnlyList<IMigrationHost> Here, IReadOnlyList<RemoteHost> Remote) RequireAll(string pattern)
    {
        (IReadOnlyList<IMigrationHost> Here, IReadOnlyList<RemoteHost> Remote) found = MatchAll(pattern);
        return found.Here.Count + found.Remote.Count > 0 ? found : throw NotFound(pattern);
    }

    /// <summary>Lets go of a host.</summary>
    public static void Remove(string name)
    {
        Remote.TryRemove(name, out _);
        if (Hosts.TryRemove(name, out IMigrationHost? host))
        {
            host.Dispose();
        }
    }

    private static IEnumerable<string> KnownHosts => All.Select(host => host.Name).Concat(AllRemote.Select(host => host.Name));

    /// <summary>The host that a name means, whether this machine's Xen is open or not; null where it means none.</summary>
    private static string? KnownName(string name) =>
        NameRule.Find(name, KnownHosts.Append(LocalXen.HostName).Distinct(StringComparer.OrdinalIgnoreCase), known => known) is { IsPattern: false } match
            ? match.Found is [string known, ..] ? known : null
            : null;

    private static bool IsThisMachine(string name) => string.Equals(name, LocalXen.HostName, StringComparison.OrdinalIgnoreCase);

    private static CommandException Exists(string name) => new(
        nameof(SR.HostExists), ErrorCategory.ResourceExists, Text.Format(SR.HostExists, name), SR.HostExistsRemedy, name);

    private static MigrationException NotFound(string name) => new(
        MigrationErrorId.HostNotFound, Text.Format(SR.HostNotFound, name), Text.Format(SR.HostNotFoundRemedy, name), name);
}
