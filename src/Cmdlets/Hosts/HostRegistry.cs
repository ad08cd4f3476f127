using System.Collections.Concurrent;
using System.Management.Automation;
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

    /// <summary>Finds a host by its exact name; the name of this machine opens its Xen.</summary>
    /// <exception cref="MigrationException">There is none, or Xen cannot be opened.</exception>
    /// <exception cref="CommandException">It is another machine.</exception>
    public static IMigrationHost Get(string name)
    {
        if (Hosts.TryGetValue(name, out IMigrationHost? host))
        {
            return host;
        }

        if (Remote.TryGetValue(name, out RemoteHost? remote))
        {
            throw new CommandException(
                nameof(SR.HostIsRemote),
                ErrorCategory.InvalidOperation,
                Text.Format(SR.HostIsRemote, remote.Name, remote.Route.Address),
                Text.Format(SR.HostIsRemoteRemedy, remote.Name),
                remote.Name);
        }

        return IsThisMachine(name)
            ? Hosts.GetOrAdd(LocalXen.HostName, _ => LocalXen.Open())
            : throw new MigrationException(
                MigrationErrorId.HostNotFound,
                Text.Format(SR.HostNotFound, name),
                Text.Format(SR.HostNotFoundRemedy, name),
                name);
    }

    /// <summary>Whether a destination's or host's name is one this process can resolve.</summary>
    public static bool Contains(string name) => Hosts.ContainsKey(name) || IsThisMachine(name);

    /// <summary>Finds another machine.</summary>
    public static bool TryGetRemote(string name, out RemoteHost remote) => Remote.TryGetValue(name, out remote!);

    /// <summary>The other machines whose names match.</summary>
    public static IReadOnlyList<RemoteHost> MatchRemote(string pattern)
    {
        WildcardPattern wildcard = WildcardPattern.Get(pattern, WildcardOptions.IgnoreCase);
        return [.. AllRemote.Where(host => wildcard.IsMatch(host.Name))];
    }

    /// <summary>The hosts whose names match, and the other machines whose names do.</summary>
    /// <exception cref="MigrationException">A plain name matches nothing.</exception>
    public static (IReadOnlyList<IMigrationHost> Here, IReadOnlyList<RemoteHost> Remote) MatchAll(string pattern)
    {
        IReadOnlyList<RemoteHost> remote = MatchRemote(pattern);
        bool isPlainRemote = remote.Count > 0 && !WildcardPattern.ContainsWildcardCharacters(pattern);
        return (isPlainRemote ? [] : [.. Match(pattern)], remote);
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

    /// <summary>The hosts whose names match.</summary>
    /// <param name="pattern">A name or a wildcard pattern; a plain name that matches nothing is an error.</param>
    public static IEnumerable<IMigrationHost> Match(string pattern)
    {
        if (!WildcardPattern.ContainsWildcardCharacters(pattern))
        {
            return [Get(pattern)];
        }

        WildcardPattern wildcard = WildcardPattern.Get(pattern, WildcardOptions.IgnoreCase);
        return All.Where(host => wildcard.IsMatch(host.Name));
    }

    private static bool IsThisMachine(string name) => string.Equals(name, LocalXen.HostName, StringComparison.OrdinalIgnoreCase);

    private static CommandException Exists(string name) => new(
        nameof(SR.HostExists), ErrorCategory.ResourceExists, Text.Format(SR.HostExists, name), SR.HostExistsRemedy, name);
}
