using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Finds hosts and destinations by what somebody gave, by <see cref="NameRule"/>.</summary>
internal static class HostSelection
{
    private static HostRegistry Hosts => Workspace.OfProcess.Hosts;

    /// <summary>Finds a host of this process; the name of this machine opens its Xen.</summary>
    /// <exception cref="MigrationException">There is none, or Xen cannot be opened.</exception>
    /// <exception cref="OperationException">It is another machine.</exception>
    public static IMigrationHost Get(string name) => Hosts.Get(Known(name));

    /// <summary>Whether a name is one of a host of this process.</summary>
    public static bool Contains(string name) => Hosts.Contains(Known(name));

    /// <summary>Understands what was given as -Destination.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.HostNotFound"/>.</exception>
    /// <exception cref="OperationException">It is no loopback address, or nothing that can be understood.</exception>
    public static Destination Destination(string text) => Operations.Destination.Parse(Known(text), Workspace.OfProcess);

    /// <summary>The hosts of this process that are meant.</summary>
    /// <param name="pattern">A name, which must be there, or a pattern, which may mean none.</param>
    /// <exception cref="MigrationException">There is no host of that name.</exception>
    /// <exception cref="OperationException">It is another machine.</exception>
    public static IReadOnlyList<IMigrationHost> Match(string pattern)
    {
        NameMatch<IMigrationHost> match = NameRule.Find(pattern, Hosts.All, host => host.Name);
        return match.Found.Count > 0 || match.IsPattern ? match.Found : [Get(pattern)];
    }

    /// <summary>The hosts that are meant, here and elsewhere.</summary>
    /// <param name="pattern">A name, which must be there, or a pattern, which may mean none.</param>
    /// <exception cref="MigrationException">There is no host of that name.</exception>
    public static (IReadOnlyList<IMigrationHost> Here, IReadOnlyList<RemoteHost> Remote) MatchAll(string pattern)
    {
        NameMatch<string> match = NameRule.Find(pattern, Hosts.Names, name => name);
        return match.Found.Count > 0 || match.IsPattern
            ? ([.. Hosts.All.Where(host => match.Found.Contains(host.Name))], [.. Hosts.AllRemote.Where(host => match.Found.Contains(host.Name))])
            : ([Get(pattern)], []);
    }

    /// <summary>As <see cref="MatchAll"/> for who does something to them: a pattern that means none is an error too.</summary>
    public static (IReadOnlyList<IMigrationHost> Here, IReadOnlyList<RemoteHost> Remote) RequireAll(string pattern)
    {
        (IReadOnlyList<IMigrationHost> Here, IReadOnlyList<RemoteHost> Remote) found = MatchAll(pattern);
        return found.Here.Count + found.Remote.Count > 0 ? found : throw HostRegistry.NotFound(pattern);
    }

    /// <summary>The host that a name means, whether this machine's Xen is open or not; the name itself where it means none.</summary>
    private static string Known(string name) =>
        NameRule.Find(name, Hosts.Names.Append(LocalXen.HostName).Distinct(StringComparer.OrdinalIgnoreCase), known => known)
            is { IsPattern: false, Found: [string known, ..] }
            ? known
            : name;
}
