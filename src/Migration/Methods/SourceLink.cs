using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>
/// The source's session with its two connections: carries out the state machine's sends, and keeps what concerns the
/// domain for the one thread that owns it.
/// </summary>
internal sealed class SourceLink : IDisposable
{
    private readonly object _gate = new();
    private readonly SourceSession _session;
    private readonly PrepareRecord? _prepare;
    private readonly CancellationTokenSource _ended = new();
    private readonly IProgress<MigrationTrace>? _trace;
    private readonly int _pageCount;
    private SourceAction? _domainAction;

    private SourceLink(
        Guid id,
        SourceSession session,
        (Connection Bulk, Connection Demand) connections,
        PrepareRecord? prepare,
        int pageCount,
        IProgress<MigrationTrace>? trace)
    {
        _pageCount = pageCount;
        Id = id;
        _session = session;
        (Bulk, Demand) = connections;
        _prepare = prepare;
        _trace = trace;
    }

    /// <summary>The session's id, which outlives its connections.</summary>
    public Guid Id { get; }

    /// <summary>Who the destination is, as the transport has proved it; null where it proves nothing.</summary>
    public string? Peer => Bulk.Peer;

    public Connection Bulk { get; }

    public Connection Demand { get; }

    /// <summary>Cancelled when the session has come to an end other than the good one.</summary>
    public CancellationToken Ended => _ended.Token;

    public SourceState State
    {
        get
        {
            lock (_gate)
            {
                return _session.State;
            }
        }
    }

    /// <summary>What is to happen to the domain, once the session has come to its end; null before.</summary>
    public SourceAction? DomainAction
    {
        get
        {
            lock (_gate)
            {
                return _domainAction;
            }
        }
    }

    public long BytesSent => Bulk.BytesSent + Demand.BytesSent;

    /// <summary>What a destination that was come back to says is missing; null before, and in a migration never lost.</summary>
    public PageBitmap? Missing { get; private set; }

    /// <summary>Connects for a new migration.</summary>
    public static SourceLink Open(
        Route destination,
        PrepareRecord prepare,
        TimeSpan peerTimeout,
        IProgress<MigrationTrace>? trace,
        CancellationToken cancellationToken)
    {
        Guid id = Guid.NewGuid();
        return new SourceLink(
            id,
            new SourceSession(),
            Connect(destination, id, ConnectionRole.Bulk, ConnectionRole.Demand, _ => { }, peerTimeout, trace, cancellationToken),
            prepare,
            prepare.Description.PageCount,
            trace);
    }

    /// <summary>Connects again for a migration whose connections were lost after the commit.</summary>
    /// <param name="destination">The way to the receiver that has the domain.</param>
    /// <param name="lost">What was lost. Only the same peer is believed: its word lets the domain run here again.</param>
    /// <param name="peerTimeout">How long the destination may be silent.</param>
    /// <param name="trace">Told of every record and state; null for nobody.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static SourceLink Reopen(
        Route destination,
        SourceLink lost,
        TimeSpan peerTimeout,
        IProgress<MigrationTrace>? trace,
        CancellationToken cancellationToken)
    {
        return new SourceLink(
            lost.Id,
            SourceSession.Resume(),
            Connect(
                destination, lost.Id, ConnectionRole.ResumedBulk, ConnectionRole.ResumedDemand, RequireSame, peerTimeout, trace, cancellationToken),
            null,
            lost._pageCount,
            trace);

        void RequireSame(string? peer)
        {
            if (peer != lost.Peer)
            {
                throw ProtocolErrors.OtherPeer(
                    $"{destination} is not the peer that the domain went to: it is {Name(peer)}, that was {Name(lost.Peer)}.");
            }
        }
    }

    /// <summary>The thread that receives control records.</summary>
    public void ReceiveControl(CancellationToken cancellationToken)
    {
        ControlReader reader = ControlReader.AtSource(_pageCount);
        try
        {
            while (!cancellationToken.IsCancellationRequested && !State.IsFinal)
            {
                RecordType type = Bulk.Receive(out ReadOnlySpan<byte> body);
                if (reader.Read(type, body) is not { } record)
                {
                    continue;
                }

                Missing = (record as ResumeRecord)?.Missing ?? Missing;
                Post(new SourceEvent.Received(record));
                Bulk.ReceiveTimeout = null;
            }
        }
        catch (MigrationException e)
        {
            Post(Failure(e));
        }
    }

    /// <summary>Waits for the destination's welcome on the demand connection; its other half is the fault server's.</summary>
    public void WelcomeDemand()
    {
        RecordType type = Demand.Receive(out ReadOnlySpan<byte> body);
        ControlRecord record = RecordCodec.Decode(type, body);
        if (record is AbortRecord abort)
        {
            throw new MigrationException(abort.ErrorId, $"The destination turned the connection away: {abort.Message}", abort.Remedy);
        }

        if (record is not WelcomeRecord welcome)
        {
            throw ProtocolErrors.Violation($"The destination answered the demand connection with {type}.");
        }

        if (welcome.Version != Protocol.Version)
        {
            throw ProtocolErrors.Version(welcome.Version);
        }

        Demand.ReceiveTimeout = null;
    }

    /// <summary>What a thread threw, as the session's event.</summary>
    public static SourceEvent Failure(Exception exception) => exception switch
    {
        MigrationException { ErrorId: MigrationErrorId.ConnectionLost } lost => new SourceEvent.Lost(lost),
        MigrationException error => new SourceEvent.Failed(error),
        OperationCanceledException => new SourceEvent.Failed(new MigrationException(
            MigrationErrorId.AbortedByPeer, "The migration was cancelled at the source.", "Start it again.", null, exception)),
        _ => new SourceEvent.Failed(new MigrationException(
            MigrationErrorId.HypervisorCall, exception.Message, "See the inner exception.", null, exception)),
    };

    /// <summary>Takes an event and carries out what follows for the connections.</summary>
    public void Post(SourceEvent e)
    {
        lock (_gate)
        {
            SourceState before = _session.State;
            IReadOnlyList<SourceAction> actions = _session.On(e);
            if (_session.State != before)
            {
                _trace?.Report(MigrationTrace.State(before, _session.State));
            }

            foreach (SourceAction action in actions)
            {
                CarryOut(action);
            }

            if (_session.State is SourceState.Aborted or SourceState.Detached)
            {
                _ended.Cancel();
            }

            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until the session has come as far as a stage, or further.</summary>
    /// <exception cref="MigrationException">The session ended otherwise.</exception>
    /// <remarks>Cancelled first, the session is told on the cancelling thread, so that it cannot commit between the cancellation
    /// and the abort; it has ended by then.</remarks>
    public void WaitFor(SourceStage stage, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration cancelling = cancellationToken.UnsafeRegister(_ => GiveUp(stage, cancellationToken), null);
        lock (_gate)
        {
            while (_session.State.Stage < stage)
            {
                ThrowIfEnded();
                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Waits until something happens to the session, at most for a time.</summary>
    public void WaitForChange(TimeSpan timeout)
    {
        lock (_gate)
        {
            if (!_session.State.IsFinal)
            {
                Monitor.Wait(_gate, timeout);
            }
        }
    }

    /// <summary>Tells the destination that the domain here is gone. Where that is lost, it knows enough without.</summary>
    public void TellReleased() => TrySend(new ReleasedRecord());

    /// <summary>Ends what is blocked on the connections.</summary>
    public void CloseConnections()
    {
        Bulk.Dispose();
        Demand.Dispose();
    }

    /// <exception cref="MigrationException">The session has ended other than well.</exception>
    public void ThrowIfEnded()
    {
        switch (State)
        {
            case SourceState.Aborted aborted:
                throw aborted.Error;
            case SourceState.Detached detached:
                throw detached.Error;
        }
    }

    public void Dispose()
    {
        CloseConnections();
        _ended.Dispose();
    }

    private void GiveUp(SourceStage stage, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_session.State.Stage < stage)
            {
                Post(Failure(new OperationCanceledException(cancellationToken)));
            }
        }
    }

    private void CarryOut(SourceAction action)
    {
        switch (action)
        {
            case SourceAction.SendPrepare:
                TrySend(_prepare!);
                break;
            case SourceAction.SendResumed:
                TrySend(new ResumedRecord());
                break;
            case SourceAction.SendCommit:
                TrySend(new CommitRecord());
                break;
            case SourceAction.SendPushComplete:
                TrySend(new PushCompleteRecord());
                break;
            case SourceAction.SendAbort when _session.State is SourceState.Aborted aborted:
                TrySend(new AbortRecord(aborted.Error.ErrorId, aborted.Error.Message, aborted.Error.Remedy));
                break;
            default:
                _domainAction = action;
                break;
        }
    }

    private static (Connection Bulk, Connection Demand) Connect(
        Route destination,
        Guid id,
        ConnectionRole bulkRole,
        ConnectionRole demandRole,
        Action<string?> requirePeer,
        TimeSpan peerTimeout,
        IProgress<MigrationTrace>? trace,
        CancellationToken cancellationToken)
    {
        Connection bulk = Connection.Open(destination, peerTimeout, cancellationToken);
        bulk.TraceTo("bulk", trace);
        Connection? demand = null;
        try
        {
            requirePeer(bulk.Peer);
            bulk.ReceiveTimeout = peerTimeout;
            bulk.Send(new HelloRecord(Protocol.Version, bulkRole, id, 0));
            demand = Connection.Open(destination, peerTimeout, cancellationToken);
            demand.TraceTo("demand", trace);
            if (demand.Peer != bulk.Peer)
            {
                throw ProtocolErrors.OtherPeer(
                    $"Two connections to {destination} led to two peers: {Name(bulk.Peer)} and {Name(demand.Peer)}.");
            }

            demand.ReceiveTimeout = peerTimeout;
            demand.Send(new HelloRecord(Protocol.Version, demandRole, id, 0));
            return (bulk, demand);
        }
        catch
        {
            demand?.Dispose();
            bulk.Dispose();
            throw;
        }
    }

    private static string Name(string? peer) => peer is null ? "one without a certificate" : $"the one with certificate {peer}";

    /// <summary>Sends; a connection lost while doing so is the next event, which ends the session by its own rules.</summary>
    private void TrySend(ControlRecord record)
    {
        try
        {
            Bulk.Send(record);
        }
        catch (MigrationException e)
        {
            Post(new SourceEvent.Lost(e));
        }
    }
}
