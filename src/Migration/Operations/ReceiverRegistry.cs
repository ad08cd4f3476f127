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

    static ReceiverRegistry() => ProcessEnd.Await();

    /// <summary>All receivers of this process, those of single migrations included.</summary>
    public static IEnumerable<MigrationReceiver> Listening => Receivers.Values.Concat(Temporary.Keys).OrderBy(receiver => receiver.Host.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>The receivers that administrators started, ordered by their host's name.</summary>
    public static IReadOnlyList<MigrationReceiver> All => [.. Receivers.Values.OrderBy(receiver => receiver.Host.Name, StringComparer.OrdinalIgnoreCase)];

    /// <summary>The receivers of the hosts that are meant.</summary>
    /// <param name="pattern">A host's name, which must receive, or a pattern, which may mean none.</param>
    /// <exception cref="CommandException">No host of that name receives.</exception>
    public static IReadOnlyList<MigrationReceiver> Match(string pattern) => Find(pattern).OrNoneOfPattern(() => NotFound(pattern));

    /// <summary>As <see cref="Match"/> for who does something to them: a pattern that means none is an error too.</summary>
    public static IReadOnlyList<MigrationReceiver> Require(string pattern) => Find(pattern).OrFail(() => NotFound(pattern));

    /// <summary>Finds a host's receiver.</summary>
    public static bool TryGet(string hostName, out MigrationReceiver receiver) => Receivers.TryGetValue(hostName, out receiver!);

    /// <summary>Finds a host's receiver.</summary>
    /// <exception cref="CommandException">The host has none.</exception>
    public static MigrationReceiver Get(string hostName) => TryGet(hostName, out MigrationReceiver receiver)
        ? receiver
        : throw NotFound(hostName);

    /// <summary>Starts a host's receiver.</summary>
    /// <param name="host">The host.</param>
    /// <param name="listen">Where to listen.</param>
    /// <param name="identity">What it presents and whom it trusts; null only on loopback.</param>
    /// <param name="peerTimeout">How long a source may be silent.</param>
    /// <exception cref="CommandException">The host has one, or the port is taken.</exception>
    public static MigrationReceiver Start(IMigrationHost host, IPEndPoint listen, TlsIdentity? identity, TimeSpan peerTimeout)
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

            return ProcessEnd.Begin(() => Receivers[host.Name] = identity is null
                ? MigrationReceiver.Start(host, listen, peerTimeout)
                : MigrationReceiver.Start(host, listen, identity, peerTimeout));
        }
    }

    /// <summary>Makes a receiver for one migration; <see cref="EndTemporaryAsync"/> ends it.</summary>
    /// <param name="host">The host.</param>
    /// <param name="peerTimeout">How long the source may be silent.</param>
    public static MigrationReceiver StartTemporary(IMigrationHost host, TimeSpan peerTimeout)
    {
        MigrationReceiver receiver = MigrationReceiver.StartPrivate(host, peerTimeout);
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

    private static NameMatch<MigrationReceiver> Find(string pattern) => NameRule.Find(pattern, All, receiver => receiver.Host.Name);

    private static CommandException NotFound(string hostName) => new(
        nameof(SR.ReceiverNotFound),
        ErrorCategory.ObjectNotFound,
        Text.Format(SR.ReceiverNotFound, hostName),
        SR.ReceiverNotFoundRemedy,
        hostName);
}
