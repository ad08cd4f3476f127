using System.Net.Sockets;
using PreRecordMigration.Errors;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <content>What happens to a connection from being accepted until its migration begins.</content>
public sealed partial class MigrationReceiver
{
    /// <summary>Greets on a thread of its own: a peer that stays silent must not keep others from being greeted.</summary>
    private void Greet(Socket socket)
    {
        Arrival? arrival = null;
        try
        {
            arrival = _arrivals.Add(socket, _listener.IsStranger(socket));
            if (arrival is null)
            {
                return;
            }

            new Thread(() => Receive(arrival)) { Name = "migration destination", IsBackground = true }.Start();
        }
        catch
        {
            if (arrival is not null)
            {
                _arrivals.Remove(arrival);
            }

            socket.Dispose();
            throw;
        }
    }

    /// <summary>The thread of a connection. That of the second of two becomes the owner of their migration.</summary>
    private void Receive(Arrival arrival)
    {
        Connection? connection = null;
        Action? migration = null;
        bool isKept = false;
        try
        {
            (PeerChannel? channel, MigrationException? refusal) = _listener.Authenticate(arrival.Socket, arrival.IsStranger);
            connection = channel is null ? null : new Connection(channel, _peerTimeout, _clock) { MaximumBody = Protocol.HelloLength };
            if (refusal is not null)
            {
                throw refusal;
            }

            HelloRecord hello = ReceiveHello(connection!, arrival);
            Interlocked.Increment(ref _greetings);
            _arrivals.Greeted(arrival, connection!);
            connection!.MaximumBody = Protocol.MaximumLength;
            if (hello.Role == ConnectionRole.Probe)
            {
                connection.Send(new WelcomeRecord(Protocol.Version, Protocol.Capabilities));
                connection.CloseAfterPeer(s_farewell);
                return;
            }

            if (hello.Role == ConnectionRole.Inquiry)
            {
                AnswerInquiry(connection);
                return;
            }

            isKept = true;
            migration = Pair(hello, arrival);
        }
#pragma warning disable CA1031 // Whatever a stranger makes fail, only its own connection ends.
        catch (Exception e)
#pragma warning restore CA1031
        {
            isKept = false;
            Reject(connection, Explain(arrival, e));
        }
        finally
        {
            if (!isKept)
            {
                _arrivals.Remove(arrival);
                connection?.Dispose();
                arrival.Socket.Dispose();
            }
        }

        migration?.Invoke();
    }

    /// <summary>Says what of a domain would be refused. It is judged and forgotten.</summary>
    private void AnswerInquiry(Connection connection)
    {
        connection.Memory = Budget.Share(connection.Peer);
        connection.Send(new WelcomeRecord(Protocol.Version, Protocol.Capabilities));
        RecordType type = connection.Receive(out ReadOnlySpan<byte> body);
        connection.Memory.Take((long)body.Length * IncomingMigration.ConfigurationCost, "What is asked about");
        if (type != RecordType.Prepare || RecordCodec.Decode(type, body) is not PrepareRecord prepare)
        {
            throw ProtocolErrors.Violation($"{type} came where Prepare must be.");
        }

        connection.Send(new VerdictRecord(JudgeRoom(Host.Judge(prepare.Description), prepare.Description, connection.Peer)));
        connection.CloseAfterPeer(s_farewell);
    }

    private HelloRecord ReceiveHello(Connection connection, Arrival arrival)
    {
        RecordType type;
        ReadOnlySpan<byte> body;
        try
        {
            type = connection.Receive(out body);
        }
        catch (MigrationException lost) when (lost.ErrorId == MigrationErrorId.ConnectionLost && arrival.EndedBecause is null && Identity is { } identity)
        {
            throw TlsHandshake.HungUp(identity, lost);
        }

        if (type != RecordType.Hello || RecordCodec.Decode(type, body) is not HelloRecord hello)
        {
            throw ProtocolErrors.Violation($"The first record of a connection was {type}, not Hello.");
        }

        return hello.Version == Protocol.Version ? hello : throw ProtocolErrors.Version(hello.Version, Protocol.Version);
    }

    /// <summary>Begins the migration when both of its connections are there.</summary>
    /// <returns>The work of its owner, which throws nothing; null where a connection waits for its partner.</returns>
    private Action? Pair(HelloRecord hello, Arrival arrival)
    {
        lock (_gate)
        {
            if (_isStopping || arrival.EndedBecause is not null)
            {
                throw ProtocolErrors.Lost();
            }

            IncomingMigration? known = RequireRightful(hello, arrival.Connection!);
            if (_pairing.Add(hello, arrival.Connection!) is not { } pair)
            {
                return null;
            }

            Connection partner = ReferenceEquals(pair.Bulk, arrival.Connection) ? pair.Demand : pair.Bulk;
            try
            {
                // From here on their time does not run, and they make room for nobody.
                if (!_arrivals.TryLeave(pair.Bulk, pair.Demand))
                {
                    throw ProtocolErrors.Lost();
                }

                // What was found is held on to: room may be made for others before its thread begins.
                return pair.IsResumed ? () => Resume(known, pair) : Begin(pair);
            }
            catch
            {
                _arrivals.Remove(partner);
                partner.Dispose();
                throw;
            }
        }
    }

    /// <summary>
    /// What this receiver knows can be resumed by the peer that it came from alone. A session that is here already is not begun again: its id
    /// is not a secret any more.
    /// </summary>
    /// <returns>What is to be resumed; null for a new one, or where another process took it in.</returns>
    private IncomingMigration? RequireRightful(HelloRecord hello, Connection connection)
    {
        IncomingMigration? known = _incoming.Find(incoming => incoming.Id == hello.Session);
        if (!ConnectionPairing.IsResumed(hello.Role))
        {
            if (known is not null)
            {
                throw ProtocolErrors.Violation($"Session {hello.Session} has begun already.");
            }

            if (!_takesNew)
            {
                throw ProtocolErrors.ReceiverStopped();
            }

            RequireRoom(connection.Peer);
            return null;
        }

        if (known is not null && known.Peer != connection.Peer)
        {
            throw IncomingMigration.OtherSource();
        }

        return known;
    }

    /// <summary>The time of a connection is over, or the receiver stops: one that waits for its partner waits no longer.</summary>
    private void OnEnded(Arrival arrival)
    {
        bool hasWaited;
        lock (_gate)
        {
            hasWaited = arrival.Connection is { } connection && _pairing.Remove(connection);
        }

        if (hasWaited)
        {
            Note(Explain(arrival, null));
        }
    }

    private static MigrationException Explain(Arrival arrival, Exception? error) => (arrival.EndedBecause, error) switch
    {
        ({ } reason, _) => new MigrationException(
            MigrationErrorId.ConnectionLost, reason, "Where it was a source, check the network between it and this host.", null, error),
        (_, MigrationException migration) => migration,
        _ => ProtocolErrors.Lost(error),
    };

    /// <summary>Turns a connection away, and says why where the peer can understand it.</summary>
    private void Reject(Connection? connection, MigrationException error)
    {
        Note(error);
        if (connection is null)
        {
            return;
        }

        try
        {
            connection.Send(new AbortRecord(error.ErrorId, error.Message, error.Remedy));
        }
        catch (MigrationException)
        {
            // The peer has gone; why it was turned away is kept.
        }

        connection.CloseAfterPeer(s_farewell);
    }

    private void Note(MigrationException error)
    {
        _rejections.Enqueue(error);
        while (_rejections.Count > MaximumRejections)
        {
            _rejections.TryDequeue(out _);
        }
    }
}
