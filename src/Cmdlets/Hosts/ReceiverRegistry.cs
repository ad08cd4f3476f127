using System.Collections.Concurrent;
using System.Management.Automation;
using System.Net;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>The receivers that administrators started in this process, at most one a host.</summary>
internal static class ReceiverRegistry
{
    private static readonly ConcurrentDictionary<string, MigrationReceiver> Receivers = new(StringComparer.OrdinalIgnoreCase);
    private static readonly ConcurrentDictionary<MigrationReceiver, byte> Temporary = new();
    private static readonly Lock Starting = new();

    /// <summary>All receivers of this process, those of single migrations included.</summary>
    public static IEnumerable<MigrationReceiver> Listening => Receivers.Values.Concat(Temporary.Keys).OrderBy(receiver => receiver.Host.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>The hosts that receive, ordered by name.</summary>
    public static IReadOnlyList<string> HostNames => [.. Receivers.Keys.Order(StringComparer.OrdinalIgnoreCase)];

    /// <summary>The hosts that receive and whose names match; a plain name is taken as it is.</summary>
    public static IReadOnlyList<string> Match(string pattern)
    {
        WildcardPattern wildcard = WildcardPattern.Get(pattern, WildcardOptions.IgnoreCase);
        return WildcardPattern.ContainsWildcardCharacters(pattern) ? [.. HostNames.Where(wildcard.IsMatch)] : [pattern];
    }

    /// <summary>Finds a host's receiver.</summary>
    public static bool TryGet(string hostName, out MigrationReceiver receiver) => Receivers.TryGetValue(hostName, out receiver!);

    /// <summary>Finds a host's receiver.</summary>
    /// <exception cref="CommandException">The host has none.</exception>
    public static MigrationReceiver Get(string hostName) => TryGet(hostName, out MigrationReceiver receiver)
        ? receiver
        : throw new CommandException(
            nameof(SR.ReceiverNotFound),
            ErrorCategory.ObjectNotFound,
            Text.Format(SR.ReceiverNotFound, hostName),
            SR.ReceiverNotFoundRemedy,
            hostName);

    /// <summary>Starts a host's receiver.</summary>
    /// <param name="host">The host.</param>
    /// <param name="listen">Where to listen.</param>
    /// <param name="identity">What it presents and whom it trusts; null only on loopback.</param>
    /// <exception cref="CommandException">The host has one, or the port is taken.</exception>
    public static MigrationReceiver Start(IMigrationHost host, IPEndPoint listen, TlsIdentity? identity)
    {
        lock (Starting)
        {
            if (TryGet(host.Name, out MigrationReceiver running))
            {
                throw new CommandException(
                    nameof(SR.ReceiverExists),
                    ErrorCategory.ResourceExists,
                    Text.Format(SR.ReceiverExists, host.Name, running.Endpoint),
                    SR.ReceiverExistsRemedy,
                    host.Name);
            }

            return Receivers[host.Name] = identity is null
                ? MigrationReceiver.Start(host, listen)
                : MigrationReceiver.Start(host, listen, identity);
        }
    }

    /// <summary>Makes a receiver for one migration; <see cref="EndTemporaryAsync"/> ends it.</summary>
    public static MigrationReceiver StartTemporary(IMigrationHost host)
    {
        MigrationReceiver receiver = MigrationReceiver.Start(host, new IPEndPoint(IPAddress.Loopback, 0));
        Temporary[receiver] = 0;
        return receiver;
    }

    /// <summary>Ends the receiver of one migration.</summary>
    public static async ValueTask EndTemporaryAsync(MigrationReceiver receiver)
    {
        await receiver.DisposeAsync().ConfigureAwait(false);
        Temporary.TryRemove(receiver, out _);
    }

    /// <summary>Takes a receiver that has stopped out of the list.</summary>
    public static void Remove(string hostName, MigrationReceiver receiver) => Receivers.TryRemove(new(hostName, receiver));
}
