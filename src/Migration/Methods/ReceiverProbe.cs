using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Policies;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>What a receiver says when it is asked whether it is there.</summary>
/// <param name="Version">The version of the protocol that it speaks, which is the one spoken here.</param>
/// <param name="Peer">Its certificate's SHA-256 thumbprint; null where the way to it proves nothing.</param>
public sealed record ReceiverProbe(int Version, string? Peer)
{
    /// <summary>Asks a receiver whether it would take a migration in. It does nothing but answer.</summary>
    /// <param name="route">The way to it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="peerTimeout">How long it may stay silent; null for <see cref="PeerTimeout.Default"/>.</param>
    /// <exception cref="MigrationException">Nobody answers, one side does not trust the other, or the versions differ.</exception>
    public static ReceiverProbe Ask(Route route, CancellationToken cancellationToken, TimeSpan? peerTimeout = null) =>
        Greet(route, ConnectionRole.Probe, static (_, probe) => probe, peerTimeout, cancellationToken);

    /// <summary>Asks a receiver whether it would let a domain in. It looks at what it is told, and makes nothing.</summary>
    /// <param name="route">The way to it.</param>
    /// <param name="description">The domain: <see cref="IMigrationHost.Announce"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="peerTimeout">How long it may stay silent; null for <see cref="PeerTimeout.Default"/>.</param>
    /// <exception cref="MigrationException">As <see cref="Ask(Route, CancellationToken, TimeSpan?)"/>; or its policy cannot be used.</exception>
    public static AdmissionVerdict Ask(
        Route route, DomainDescription description, CancellationToken cancellationToken, TimeSpan? peerTimeout = null) =>
        Greet(
            route,
            ConnectionRole.Inquiry,
            (connection, _) =>
            {
                connection.Send(new PrepareRecord(description, PageArrival.BeforeRun));
                RecordType type = connection.Receive(out ReadOnlySpan<byte> body);
                return RecordCodec.Decode(type, body) switch
                {
                    VerdictRecord answer => answer.Verdict,
                    AbortRecord abort => throw new MigrationException(abort.ErrorId, abort.Message, abort.Remedy, route.Address),
                    _ => throw ProtocolErrors.Violation($"{route} answered the question for a domain with {type}."),
                };
            },
            peerTimeout,
            cancellationToken);

    private static T Greet<T>(
        Route route, ConnectionRole role, Func<Connection, ReceiverProbe, T> then, TimeSpan? peerTimeout, CancellationToken cancellationToken)
    {
        TimeSpan patience = peerTimeout ?? PeerTimeout.Default;
        using Connection connection = Connection.Open(route, patience, cancellationToken);
        using CancellationTokenRegistration end = cancellationToken.UnsafeRegister(_ => connection.Dispose(), null);
        connection.ReceiveTimeout = patience;
        try
        {
            connection.Send(new HelloRecord(Protocol.Version, role, Guid.NewGuid(), 0));
            RecordType type = connection.Receive(out ReadOnlySpan<byte> body);
            return RecordCodec.Decode(type, body) switch
            {
                WelcomeRecord { Version: Protocol.Version } => then(connection, new ReceiverProbe(Protocol.Version, connection.Peer)),
                WelcomeRecord other => throw ProtocolErrors.Version(other.Version, Protocol.Version),
                AbortRecord abort => throw new MigrationException(
                    abort.ErrorId, $"{route} turned the connection away: {abort.Message}", abort.Remedy, route.Address),
                _ => throw ProtocolErrors.Violation($"{route} answered the greeting with {type}."),
            };
        }
        catch (MigrationException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }
}
