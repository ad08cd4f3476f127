using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>The two connections of an attempt, greeted and to one peer.</summary>
internal sealed class SourceConnections : IDisposable
{
    private SourceConnections(Guid session, Connection bulk, Connection demand)
    {
        Session = session;
        Bulk = bulk;
        Demand = demand;
    }

    /// <summary>The migration's id, which outlives its connections.</summary>
    public Guid Session { get; }

    /// <summary>Who the destination is, as the transport has proved it; null where it proves nothing.</summary>
    public string? Peer => Bulk.Peer;

    /// <summary>Control records, core state, pushed pages.</summary>
    public Connection Bulk { get; }

    /// <summary>Page requests and their answers.</summary>
    public Connection Demand { get; }

    /// <summary>Bytes sent on both.</summary>
    public long BytesSent => Bulk.BytesSent + Demand.BytesSent;

    /// <summary>Connects for a new migration.</summary>
    public static SourceConnections Open(Route destination, MigrationOptions options, CancellationToken cancellationToken) =>
        Connect(destination, Guid.NewGuid(), ConnectionRole.Bulk, ConnectionRole.Demand, _ => { }, options, cancellationToken);

    /// <summary>Connects again for a migration whose connections were lost after the commit.</summary>
    /// <param name="destination">The way to the receiver that has the domain.</param>
    /// <param name="lost">What is gone on with. Only the same peer is believed: its word lets the domain run here again.</param>
    /// <param name="options">How long the destination may be silent, and who is told of every record.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static SourceConnections Reopen(
        Route destination, Continuation lost, MigrationOptions options, CancellationToken cancellationToken)
    {
        return Connect(
            destination, lost.Session, ConnectionRole.ResumedBulk, ConnectionRole.ResumedDemand, RequireSame, options, cancellationToken);

        void RequireSame(string? peer)
        {
            if (peer != lost.Peer)
            {
                throw ProtocolErrors.OtherPeer(
                    $"{destination} is not the peer that the domain went to: it is {Name(peer)}, that was {Name(lost.Peer)}.");
            }
        }
    }

    /// <summary>Closes both; what is blocked on them ends.</summary>
    public void Dispose()
    {
        Bulk.Dispose();
        Demand.Dispose();
    }

    private static SourceConnections Connect(
        Route destination,
        Guid session,
        ConnectionRole bulkRole,
        ConnectionRole demandRole,
        Action<string?> requirePeer,
        MigrationOptions options,
        CancellationToken cancellationToken)
    {
        Connection bulk = Connection.Open(destination, options.PeerTimeout, cancellationToken, options.Clock);
        bulk.TraceTo("bulk", options.Trace);
        Connection? demand = null;
        try
        {
            requirePeer(bulk.Peer);
            bulk.ReceiveTimeout = options.PeerTimeout;
            bulk.Send(new HelloRecord(Protocol.Version, bulkRole, session, Protocol.Capabilities));
            demand = Connection.Open(destination, options.PeerTimeout, cancellationToken, options.Clock);
            demand.TraceTo("demand", options.Trace);
            if (demand.Peer != bulk.Peer)
            {
                throw ProtocolErrors.OtherPeer(
                    $"Two connections to {destination} led to two peers: {Name(bulk.Peer)} and {Name(demand.Peer)}.");
            }

            demand.ReceiveTimeout = options.PeerTimeout;
            demand.Send(new HelloRecord(Protocol.Version, demandRole, session, Protocol.Capabilities));
            return new SourceConnections(session, bulk, demand);
        }
        catch
        {
            demand?.Dispose();
            bulk.Dispose();
            throw;
        }
    }

    private static string Name(string? peer) => peer is null ? "one without a certificate" : $"the one with certificate {peer}";
}
