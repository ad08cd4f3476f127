using PreRecordMigration.Errors;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>Both connections of a session.</summary>
/// <param name="Session">The session's id.</param>
/// <param name="IsResumed">Whether the session was there before.</param>
/// <param name="Bulk">The bulk connection.</param>
/// <param name="Demand">The demand connection.</param>
internal sealed record ConnectionPair(Guid Session, bool IsResumed, Connection Bulk, Connection Demand);

/// <summary>
/// Finds the two connections of a session. They belong together when they carry the same session id and come from the same
/// peer: a peer that has got hold of another's id can neither take the other's place nor disturb it.
/// </summary>
/// <remarks>Not thread-safe. It closes nothing; who adds a connection that is refused turns it away.</remarks>
internal sealed class ConnectionPairing
{
    /// <summary>Connections that have greeted but lack their partner, at most.</summary>
    public const int MaximumWaiting = 64;

    private readonly Dictionary<Guid, (ConnectionRole Role, Connection Connection)> _waiting = [];

    /// <summary>Connections that wait for their partner.</summary>
    public int Count => _waiting.Count;

    /// <summary>Takes a connection that has greeted.</summary>
    /// <returns>The session's connections, or null where the other one has not come yet.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotTrusted"/> or
    /// <see cref="MigrationErrorId.ProtocolViolation"/>: this connection is refused. One that waits goes on waiting.</exception>
    public ConnectionPair? Add(HelloRecord hello, Connection connection)
    {
        if (!_waiting.TryGetValue(hello.Session, out (ConnectionRole Role, Connection Connection) partner))
        {
            if (_waiting.Count == MaximumWaiting)
            {
                throw ProtocolErrors.Violation($"{MaximumWaiting} connections wait for their partner already.");
            }

            _waiting[hello.Session] = (hello.Role, connection);
            return null;
        }

        if (partner.Connection.Peer != connection.Peer)
        {
            throw ProtocolErrors.OtherPeer("The two connections of a session must come from the same peer.");
        }

        if (partner.Role == hello.Role || IsResumed(partner.Role) != IsResumed(hello.Role))
        {
            throw ProtocolErrors.Violation(
                $"Session {hello.Session} opened connections {partner.Role} and {hello.Role}, which do not go together.");
        }

        _waiting.Remove(hello.Session);
        return hello.Role is ConnectionRole.Bulk or ConnectionRole.ResumedBulk
            ? new ConnectionPair(hello.Session, IsResumed(hello.Role), connection, partner.Connection)
            : new ConnectionPair(hello.Session, IsResumed(hello.Role), partner.Connection, connection);
    }

    /// <summary>Takes a connection out again.</summary>
    /// <returns>Whether it waited.</returns>
    public bool Remove(Connection connection)
    {
        foreach ((Guid session, (_, Connection waiting)) in _waiting)
        {
            if (ReferenceEquals(waiting, connection))
            {
                return _waiting.Remove(session);
            }
        }

        return false;
    }

    /// <summary>Whether a role is that of a session that was there before.</summary>
    public static bool IsResumed(ConnectionRole role) => role is ConnectionRole.ResumedBulk or ConnectionRole.ResumedDemand;
}
