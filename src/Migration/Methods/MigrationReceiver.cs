using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <summary>Listens on loopback for migrations into a host.</summary>
public sealed class MigrationReceiver : IAsyncDisposable
{
    /// <summary>Connections that have greeted but lack their partner, at most.</summary>
    private const int MaximumWaiting = 64;

    private const int MaximumRejections = 100;
    private static readonly TimeSpan s_greetingTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(2);
    private readonly Socket _listener;
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, (ConnectionRole Role, Connection Connection)> _waiting = [];
    private readonly List<IncomingMigration> _incoming = [];
    private readonly ConcurrentQueue<MigrationException> _rejections = new();
    private readonly ConcurrentDictionary<Connection, byte> _greeting = new();
    private readonly Thread _acceptor;
    private volatile bool _isStopping;

    private MigrationReceiver(IMigrationHost host, Socket listener)
    {
        Host = host;
        _listener = listener;
        Endpoint = (IPEndPoint)listener.LocalEndPoint!;
        _acceptor = new Thread(Accept) { Name = "migration receiver", IsBackground = true };
    }

    /// <summary>The host into which domains come.</summary>
    public IMigrationHost Host { get; }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>The migrations that have come, the ended ones included, oldest first.</summary>
    public IReadOnlyList<IncomingMigration> Incoming
    {
        get
        {
            lock (_gate)
            {
                return [.. _incoming];
            }
        }
    }

    /// <summary>Why connections were turned away, oldest first; the last hundred.</summary>
    public IReadOnlyList<MigrationException> Rejections => [.. _rejections];

    /// <summary>Starts to listen.</summary>
    /// <param name="host">The host into which domains come; the caller keeps it.</param>
    /// <param name="listen">A loopback address; port 0 for any free one.</param>
    /// <exception cref="MigrationException">The address is not loopback, or is in use.</exception>
    public static MigrationReceiver Start(IMigrationHost host, IPEndPoint listen)
    {
        Connection.RequireLoopback(listen);
        Socket listener = new(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(listen);
            listener.Listen();
        }
        catch (SocketException e)
        {
            listener.Dispose();
            throw new MigrationException(
                MigrationErrorId.InvalidOption, $"Cannot listen at {listen}: {e.Message}.", "Choose a free port, or 0 for any.", listen.ToString(), e);
        }

        MigrationReceiver receiver = new(host, listener);
        receiver._acceptor.Start();
        return receiver;
    }

    /// <summary>
    /// Stops listening. Migrations whose domain does not run here yet are given up; those whose domain runs here are
    /// waited for.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _isStopping = true;
        _listener.Dispose();
        _acceptor.Join();
        foreach (Connection connection in _greeting.Keys)
        {
            connection.Dispose();
        }

        lock (_gate)
        {
            foreach ((_, Connection connection) in _waiting.Values)
            {
                connection.Dispose();
            }

            _waiting.Clear();
        }

        foreach (IncomingMigration incoming in Incoming)
        {
            incoming.Stop();
            await incoming.Ended.ConfigureAwait(false);
        }
    }

    private void Accept()
    {
        while (!_isStopping)
        {
            Socket socket;
            try
            {
                socket = _listener.Accept();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                if (_isStopping)
                {
                    return;
                }

                // One connection that broke while it was being accepted is no reason to stop for the others.
                continue;
            }

            Connection connection = Connection.Accept(socket);
            _greeting[connection] = 0;
            // A thread each: a peer that stays silent must not keep others from being greeted.
            new Thread(() => Greet(connection)) { Name = "migration greeting", IsBackground = true }.Start();
        }
    }

    private void Greet(Connection connection)
    {
        try
        {
            connection.ReceiveTimeout = s_greetingTimeout;
            RecordType type = connection.Receive(out ReadOnlySpan<byte> body);
            if (type != RecordType.Hello || RecordCodec.Decode(type, body) is not HelloRecord hello)
            {
                throw ProtocolErrors.Violation($"The first record of a connection was {type}, not Hello.");
            }

            if (hello.Version != Protocol.Version)
            {
                throw ProtocolErrors.Version(hello.Version);
            }

            connection.ReceiveTimeout = null;
            Pair(hello, connection);
        }
        catch (MigrationException e)
        {
            Reject(connection, e);
        }
        finally
        {
            _greeting.TryRemove(connection, out _);
        }
    }

    /// <summary>Starts the migration when both of its connections are there.</summary>
    private void Pair(HelloRecord hello, Connection connection)
    {
        IncomingMigration incoming;
        lock (_gate)
        {
            if (_isStopping)
            {
                connection.Dispose();
                return;
            }

            RequireKnown(hello);
            if (!_waiting.Remove(hello.Session, out (ConnectionRole Role, Connection Connection) partner))
            {
                if (_waiting.Count == MaximumWaiting)
                {
                    throw ProtocolErrors.Violation($"{MaximumWaiting} connections wait for their partner already.");
                }

                _waiting[hello.Session] = (hello.Role, connection);
                return;
            }

            if (partner.Role == hello.Role || IsResumed(partner.Role) != IsResumed(hello.Role))
            {
                partner.Connection.Dispose();
                throw ProtocolErrors.Violation($"Session {hello.Session} opened connections {partner.Role} and {hello.Role}, which do not go together.");
            }

            (Connection bulk, Connection demand) = hello.Role is ConnectionRole.Bulk or ConnectionRole.ResumedBulk
                ? (connection, partner.Connection)
                : (partner.Connection, connection);
            if (IsResumed(hello.Role))
            {
                new Thread(() => Resume(hello.Session, bulk, demand)) { Name = "migration resumption", IsBackground = true }.Start();
                return;
            }

            incoming = new IncomingMigration(hello.Session, Host, bulk, demand);
            _incoming.Add(incoming);
        }

        new Thread(incoming.Run) { Name = "migration destination", IsBackground = true }.Start();
    }

    private static bool IsResumed(ConnectionRole role) => role is ConnectionRole.ResumedBulk or ConnectionRole.ResumedDemand;

    /// <summary>Only what this receiver knows can be resumed; what it does not know it must not say anything about.</summary>
    private void RequireKnown(HelloRecord hello)
    {
        if (IsResumed(hello.Role) && !_incoming.Exists(incoming => incoming.Id == hello.Session))
        {
            throw new MigrationException(
                MigrationErrorId.DomainNotFound,
                "This receiver has never seen the migration that is to be resumed.",
                "Resume it at the receiver that it went to, in the process that has the domain.");
        }
    }

    /// <summary>A source has come back: tells it how far its migration is here, and goes on with it where it is not at its end.</summary>
    private void Resume(Guid session, Connection bulk, Connection demand)
    {
        IncomingMigration earlier = Incoming.Last(incoming => incoming.Id == session);

        // The source has lost the connections, whether that was noticed here or not.
        earlier.Disconnect();
        earlier.Ended.Wait();
        if (earlier.State is not DestinationState.Detached)
        {
            AnswerEnded(earlier, bulk, demand);
            return;
        }

        IncomingMigration resumed = new(earlier, bulk, demand);
        lock (_gate)
        {
            _incoming[_incoming.IndexOf(earlier)] = resumed;
        }

        earlier.Dispose();
        resumed.Run();
    }

    private static void AnswerEnded(IncomingMigration ended, Connection bulk, Connection demand)
    {
        try
        {
            demand.Send(new WelcomeRecord(Protocol.Version, 0));
            bulk.Send(new WelcomeRecord(Protocol.Version, 0));
            bulk.Send(new ResumeRecord(
                ended.Report is null ? ResumePosition.NeverRan : ResumePosition.Complete, new Pages.PageBitmap(0)));
            if (ended.Report is not null)
            {
                bulk.Send(ended.Report);
            }
        }
        catch (MigrationException)
        {
            // The source has gone again, and may come back again.
        }

        bulk.CloseAfterPeer(s_farewell);
        demand.Dispose();
    }

    private void Reject(Connection connection, MigrationException error)
    {
        _rejections.Enqueue(error);
        while (_rejections.Count > MaximumRejections)
        {
            _rejections.TryDequeue(out _);
        }

        try
        {
            connection.Send(new AbortRecord(error.ErrorId, error.Message, error.Remedy));
        }
        catch (MigrationException)
        {
            // The peer has gone; the rejection is kept above.
        }

        connection.CloseAfterPeer(s_farewell);
    }
}
