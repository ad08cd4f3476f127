using System.Collections.Concurrent;
using System.Net;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.History;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Rehearsals;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Operations;

/// <summary>The receivers that administrators started in a process, at most one a host, and those of single migrations.</summary>
public sealed class ReceiverRegistry
{
    private readonly BeginGate _gate;
    private readonly MigrationHistory _history;
    private readonly ConcurrentDictionary<string, MigrationReceiver> _receivers = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<MigrationReceiver, byte> _temporary = new();
    private readonly Lock _starting = new();

    internal ReceiverRegistry(BeginGate gate, MigrationHistory history) => (_gate, _history) = (gate, history);

    /// <summary>All receivers, those of single migrations included.</summary>
    public IEnumerable<MigrationReceiver> Listening => _receivers.Values.Concat(_temporary.Keys).OrderBy(receiver => receiver.Host.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>The receivers that administrators started, ordered by their host's name.</summary>
    public IReadOnlyList<MigrationReceiver> All => [.. _receivers.Values.OrderBy(receiver => receiver.Host.Name, StringComparer.OrdinalIgnoreCase)];

    /// <summary>All migrations that came in.</summary>
    public IEnumerable<IncomingMigration> Incoming => Listening.SelectMany(receiver => receiver.Incoming);

    /// <summary>Finds a host's receiver.</summary>
    /// <param name="hostName">The host.</param>
    /// <param name="receiver">Its receiver, where it has one.</param>
    public bool TryGet(string hostName, out MigrationReceiver receiver) => _receivers.TryGetValue(hostName, out receiver!);

    /// <summary>Finds a host's receiver.</summary>
    /// <param name="hostName">The host.</param>
    /// <exception cref="OperationException">The host has none.</exception>
    public MigrationReceiver Get(string hostName) => TryGet(hostName, out MigrationReceiver receiver)
        ? receiver
        : throw NotFound(hostName);

    /// <summary>Whether a receiver that an administrator started listens still.</summary>
    /// <param name="receiver">The receiver.</param>
    public bool IsListed(MigrationReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        return TryGet(receiver.Host.Name, out MigrationReceiver running) && ReferenceEquals(running, receiver);
    }

    /// <summary>Starts a host's receiver.</summary>
    /// <param name="host">The host.</param>
    /// <param name="listen">Where to listen.</param>
    /// <param name="identity">What it presents and whom it trusts; null only on loopback.</param>
    /// <param name="peerTimeout">How long a source may be silent.</param>
    /// <exception cref="OperationException">The host has one, or the session ends.</exception>
    /// <exception cref="MigrationException">The port is taken.</exception>
    public MigrationReceiver Start(IMigrationHost host, IPEndPoint listen, TlsIdentity? identity, TimeSpan peerTimeout)
    {
        ArgumentNullException.ThrowIfNull(host);
        lock (_starting)
        {
            if (TryGet(host.Name, out MigrationReceiver running))
            {
                throw new OperationException(
                    nameof(SR.ReceiverExists),
                    OperationProblem.Exists,
                    Text.Format(SR.ReceiverExists, host.Name, running.Endpoint),
                    SR.ReceiverExistsRemedy,
                    host.Name);
            }

            MigrationReceiver receiver = _gate.Begin(() => _receivers[host.Name] = identity is null
                ? MigrationReceiver.Start(host, listen, peerTimeout)
                : MigrationReceiver.Start(host, listen, identity, peerTimeout));
            receiver.TellEnds(incoming => _history.Note(incoming));
            if (identity is null && HostRegistry.IsThisMachine(host.Name))
            {
                Announce(receiver);
            }

            // What comes in is not known yet: hybrid has all that a destination may have to do. What fails of it no domain waits for.
            _ = Rehearsal.Begin(MigrationMethod.Hybrid, RecordingMode.Observe);
            return receiver;
        }
    }

    /// <summary>Has who comes through ssh find a receiver of this machine's host. One that cannot be found is none.</summary>
    private void Announce(MigrationReceiver receiver)
    {
        try
        {
            receiver.Announce(RuntimeFolder.Find());
        }
        catch (MigrationException error)
        {
            throw CleanUp.After(error, () => Stop(receiver));
        }
    }

    /// <summary>Refuses to stop a receiver that keeps domains which wait to be resumed.</summary>
    /// <param name="hostName">The host.</param>
    /// <param name="kept">What it keeps.</param>
    /// <exception cref="OperationException">It keeps some.</exception>
    public static void RequireNothingKept(string hostName, IReadOnlyCollection<IncomingMigration> kept)
    {
        ArgumentNullException.ThrowIfNull(kept);
        if (kept.Count > 0)
        {
            throw new OperationException(
                nameof(SR.ReceiverHoldsDomains),
                OperationProblem.Busy,
                Text.Format(SR.ReceiverHoldsDomains, hostName, string.Join(", ", kept.Select(incoming => $"'{incoming.DomainName}'"))),
                SR.ReceiverHoldsDomainsRemedy,
                hostName);
        }
    }

    /// <summary>
    /// Stops a receiver for good, gives up what is undecided in it, and takes it out of the list. What could not be given up stays where
    /// it can be found, and be given up again.
    /// </summary>
    /// <param name="receiver">The receiver.</param>
    /// <exception cref="MigrationException">Something could not be given up.</exception>
    public void Stop(MigrationReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        CleanUp stopping = new();
        stopping.Try(() => receiver.DisposeAsync().AsTask().GetAwaiter().GetResult());
        foreach (IncomingMigration left in receiver.Incoming.Where(incoming => incoming.IsUndecided))
        {
            stopping.Try(left.GiveUp);
        }

        stopping.ThrowIfFailed();
        _receivers.TryRemove(new(receiver.Host.Name, receiver));
    }

    /// <summary>A host as it is now, with where it receives.</summary>
    internal MigrationHost Describe(IMigrationHost host) => new(
        host.Name,
        host.Hypervisor,
        host.GetDomains().Count,
        host.FreeMemoryBytes,
        TryGet(host.Name, out MigrationReceiver receiver) ? receiver.Endpoint.ToString() : null,
        null);

    /// <summary>The error of a host that does not receive.</summary>
    /// <param name="hostName">What was asked for.</param>
    public static OperationException NotFound(string hostName) => new(
        nameof(SR.ReceiverNotFound),
        OperationProblem.NotFound,
        Text.Format(SR.ReceiverNotFound, hostName),
        SR.ReceiverNotFoundRemedy,
        hostName);

    /// <summary>Makes a receiver for one migration; <see cref="EndTemporaryAsync"/> ends it.</summary>
    /// <param name="host">The host.</param>
    /// <param name="peerTimeout">How long the source may be silent.</param>
    internal MigrationReceiver StartTemporary(IMigrationHost host, TimeSpan peerTimeout)
    {
        MigrationReceiver receiver = MigrationReceiver.StartPrivate(host, peerTimeout);
        _temporary[receiver] = 0;
        return receiver;
    }

    /// <summary>Ends the receiver of one migration.</summary>
    internal async ValueTask EndTemporaryAsync(MigrationReceiver receiver)
    {
        await receiver.DisposeAsync().ConfigureAwait(false);
        _temporary.TryRemove(receiver, out _);
    }
}
