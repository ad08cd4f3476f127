using System.Collections.Concurrent;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Operations;

/// <summary>
/// The hosts that a process knows: simulated ones, this machine's Xen, which is opened when it is first named and not before, and
/// other machines, to which it can only send. A name means the host whatever its case.
/// </summary>
public sealed class HostRegistry
{
    private readonly ConcurrentDictionary<string, IMigrationHost> _hosts = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, RemoteHost> _remote = new(StringComparer.OrdinalIgnoreCase);

    internal HostRegistry()
    {
    }

    /// <summary>The other machines, ordered by name.</summary>
    public IReadOnlyList<RemoteHost> AllRemote => [.. _remote.Values.OrderBy(host => host.Name, StringComparer.OrdinalIgnoreCase)];

    /// <summary>The hosts of this process, ordered by name.</summary>
    public IReadOnlyList<IMigrationHost> All => [.. _hosts.Values.OrderBy(host => host.Name, StringComparer.OrdinalIgnoreCase)];

    /// <summary>The names of all hosts, here and elsewhere.</summary>
    public IReadOnlyList<string> Names => [.. All.Select(host => host.Name), .. AllRemote.Select(host => host.Name)];

    /// <summary>The hosts that are meant where none is named: those known, and this machine's Xen where there is one.</summary>
    /// <exception cref="MigrationException">None is known, and Xen cannot be opened.</exception>
    public IReadOnlyList<IMigrationHost> Default()
    {
        if (LocalXen.IsPresent || _hosts.IsEmpty)
        {
            Get(LocalXen.HostName);
        }

        return All;
    }

    /// <summary>Adds another machine.</summary>
    /// <param name="host">The machine.</param>
    /// <exception cref="OperationException">There is a host of that name.</exception>
    public void Add(RemoteHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        RequireFree(host.Name);
        if (IsThisMachine(host.Name) || !_remote.TryAdd(host.Name, host))
        {
            throw Exists(host.Name);
        }
    }

    /// <summary>Adds a host.</summary>
    /// <param name="host">The host.</param>
    /// <exception cref="OperationException">There is one of that name.</exception>
    public void Add(IMigrationHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (_remote.ContainsKey(host.Name) || !_hosts.TryAdd(host.Name, host))
        {
            throw Exists(host.Name);
        }
    }

    /// <summary>Refuses a name that is taken.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="OperationException">There is a host of that name.</exception>
    public void RequireFree(string name)
    {
        if (_hosts.ContainsKey(name) || _remote.ContainsKey(name))
        {
            throw Exists(name);
        }
    }

    /// <summary>Finds a host by its name; the name of this machine opens its Xen.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="MigrationException">There is none, or Xen cannot be opened.</exception>
    /// <exception cref="OperationException">It is another machine.</exception>
    public IMigrationHost Get(string name)
    {
        if (_hosts.TryGetValue(name, out IMigrationHost? host))
        {
            return host;
        }

        return _remote.TryGetValue(name, out RemoteHost? remote)
            ? throw new OperationException(
                nameof(SR.HostIsRemote),
                OperationProblem.State,
                Text.Format(SR.HostIsRemote, remote.Name, remote.Route.Address),
                Text.Format(SR.HostIsRemoteRemedy, remote.Name),
                remote.Name)
            : IsThisMachine(name) ? _hosts.GetOrAdd(LocalXen.HostName, _ => OpenLocal()) : throw NotFound(name);
    }

    /// <summary>Whether a name is that of a host of this process; this machine's Xen is one before it is opened.</summary>
    /// <param name="name">The name.</param>
    public bool Contains(string name) => !_remote.ContainsKey(name) && (_hosts.ContainsKey(name) || IsThisMachine(name));

    /// <summary>Finds another machine.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="remote">The machine, where it is there.</param>
    public bool TryGetRemote(string name, out RemoteHost remote) => _remote.TryGetValue(name, out remote!);

    /// <summary>Lets go of a host.</summary>
    /// <param name="name">Its name.</param>
    public void Remove(string name)
    {
        _remote.TryRemove(name, out _);
        if (_hosts.TryRemove(name, out IMigrationHost? host))
        {
            host.Dispose();
        }
    }

    /// <summary>The error of a name that no host has.</summary>
    /// <param name="name">What was asked for.</param>
    public static MigrationException NotFound(string name)
    {
        // An example that could be followed: not of a pattern, and not with two ports.
        string remedy = HostAddress.TryParse(name, out HostAddress? host, out int? port, out _)
            ? port is null
                ? Text.Format(SR.HostNotFoundRemedy, name, host)
                : Text.Format(host!.IsLoopback ? SR.HostIsLoopbackRemedy : SR.HostIsAddressRemedy, name, host, port)
            : Text.Format(SR.HostNotFoundRemedy, "xen2", "xen2");
        return new MigrationException(MigrationErrorId.HostNotFound, Text.Format(SR.HostNotFound, name), remedy, name);
    }

    /// <summary>This machine's Xen. Where it cannot be opened and other hosts are known, one of those may have been meant.</summary>
    private IMigrationHost OpenLocal()
    {
        try
        {
            return LocalXen.Open();
        }
        catch (MigrationException error) when (!LocalXen.IsPresent && !_hosts.IsEmpty)
        {
            throw new MigrationException(
                error.ErrorId,
                Text.Format(SR.LocalXenMissing, LocalXen.HostName, error.Message),
                Text.Format(SR.LocalXenMissingRemedy, string.Join(", ", All.Select(host => host.Name)), error.Remedy),
                error.Target,
                error);
        }
    }

    /// <summary>Whether a name is this machine's, which is that of its Xen.</summary>
    internal static bool IsThisMachine(string name) => string.Equals(name, LocalXen.HostName, StringComparison.OrdinalIgnoreCase);

    private static OperationException Exists(string name) => new(
        nameof(SR.HostExists), OperationProblem.Exists, Text.Format(SR.HostExists, name), SR.HostExistsRemedy, name);
}
