using System.Collections.Concurrent;
using System.Management.Automation;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// The hosts that this process knows, shared by all its runspaces: simulated ones, and this machine's Xen, which is opened
/// when it is first named and not before.
/// </summary>
internal static class HostRegistry
{
    private static readonly ConcurrentDictionary<string, IMigrationHost> Hosts = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The hosts, ordered by name.</summary>
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

    /// <summary>Adds a host.</summary>
    /// <exception cref="CommandException">There is one of that name.</exception>
    public static void Add(IMigrationHost host)
    {
        if (!Hosts.TryAdd(host.Name, host))
        {
            throw Exists(host.Name);
        }
    }

    /// <summary>Refuses a name that is taken.</summary>
    /// <exception cref="CommandException">There is a host of that name.</exception>
    public static void RequireFree(string name)
    {
        if (Hosts.ContainsKey(name))
        {
            throw Exists(name);
        }
    }

    /// <summary>Finds a host by its exact name; the name of this machine opens its Xen.</summary>
    /// <exception cref="MigrationException">There is none, or Xen cannot be opened.</exception>
    public static IMigrationHost Get(string name)
    {
        if (Hosts.TryGetValue(name, out IMigrationHost? host))
        {
            return host;
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

    /// <summary>Lets go of a host.</summary>
    public static void Remove(string name)
    {
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
