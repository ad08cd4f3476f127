using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <summary>
/// One migration at its destination. One thread receives control records and pushed pages, and from the start of the
/// domain on another waits for faults and a third receives demanded pages.
/// </summary>
public sealed partial class IncomingMigration : IDisposable
{
    /// <summary>How long a source may take to read why the migration was given up.</summary>
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly DestinationSession _session;
    private readonly IMigrationHost _host;
    private readonly ControlReader _control = ControlReader.AtDestination();
    private readonly Connection _bulk;
    private readonly Connection _demand;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Workers _faultWorkers;
    private readonly Workers _demandWorkers;
    private readonly FaultLog _faults;
    private CorePageCollector? _corePages = new();
    private string _domainName = "";
    private int _missingAtEnd;
    private PageBitmap? _populated;
    private IIncomingDomain? _domain;
    private IRemotePaging? _paging;
    private PagePlacer? _placer;
    private PageBitmap? _missing;
    private Exception? _workerFailure;
    private volatile bool _isAllHere;
    private bool _isServing;
    private volatile IProgress<MigrationTrace>? _trace;

    internal IncomingMigration(Guid id, IMigrationHost host, Connection bulk, Connection demand)
        : this(id, host, bulk, demand, new DestinationSession(), new FaultLog(TimeProvider.System))
    {
    }

    /// <summary>Goes on with a migration that is detached, over new connections.</summary>
    internal IncomingMigration(IncomingMigration detached, Connection bulk, Connection demand)
        : this(
            detached.Id,
            detached._host,
            bulk,
            demand,
            DestinationSession.Resume(detached.GetMissing().Count == 0),
            detached._faults)
    {
        (_domainName, _populated) = (detached._domainName, detached._populated);
        (_domain, _paging) = (detached._domain, detached._paging);
        _missing = detached.GetMissing();
        _placer = _paging is null ? null : new PagePlacer(_paging, new SentPageTable(_missing), _faults);
    }

    private IncomingMigration(
        Guid id, IMigrationHost host, Connection bulk, Connection demand, DestinationSession session, FaultLog faults)
    {
        Id = id;
        _host = host;
        _bulk = bulk;
        _demand = demand;
        _session = session;
        _faults = faults;
        _faultWorkers = new Workers(CloseFor);
        _demandWorkers = new Workers(CloseFor);
    }

    /// <summary>The domain's name; empty until the source has said it.</summary>
    public string DomainName => _domainName;

    /// <summary>Where the migration stands.</summary>
    public DestinationState State
    {
        get
        {
            lock (_gate)
            {
                return _session.State;
            }
        }
    }

    /// <summary>Pages that have not arrived; zero before the core state and without RemotePF.</summary>
    public int MissingPages => Volatile.Read(ref _placer)?.Unplaced ?? _missingAtEnd;

    /// <summary>Whether RemotePF is on: faults of the domain come here.</summary>
    public bool IsRemotePFEnabled => _paging is not null && State is not (DestinationState.Completed or DestinationState.Finished);

    /// <summary>Remote page faults so far.</summary>
    public long RemoteFaults => _faults.Count;

    /// <summary>Remote page faults that wait now.</summary>
    public int WaitingFaults => _faults.WaitingCount;

    /// <summary>Why it ended, where it did not end well.</summary>
    public MigrationException? Error => State switch
    {
        DestinationState.Aborted aborted => aborted.Error,
        DestinationState.Detached detached => detached.Error,
        _ => null,
    };

    /// <summary>
    /// What failed once the outcome was decided: destroying what was left, or giving the domain its final name. Null where
    /// nothing did.
    /// </summary>
    public Exception? AfterwardsError { get; private set; }

    /// <summary>The session's id, which outlives its connections: the source's half has the same.</summary>
    public Guid Id { get; }

    /// <summary>Who the source is, as the transport has proved it; null where it proves nothing.</summary>
    internal string? Peer => _bulk.Peer;

    /// <summary>What the source was told, or would have been, at the good end; null before.</summary>
    internal CompleteRecord? Report { get; private set; }

    /// <summary>Done when the migration has come to its end, good or bad, and every thread has ended.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Closes the connections, as a network that fails does. What becomes of the domain the session decides.</summary>
    public void Disconnect()
    {
        _demand.Dispose();
        _bulk.Dispose();
    }

    /// <summary>Whether the domain is kept here, stopped, until its source comes back or it is given up.</summary>
    public bool IsKept => State is DestinationState.Detached && Volatile.Read(ref _domain) is not null;

    /// <summary>
    /// Gives a detached migration up: the paused domain is destroyed, with all that has arrived of it. Nothing, where that was
    /// done before.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is not detached.</exception>
    public void Abandon()
    {
        if (State is not DestinationState.Detached)
        {
            throw new InvalidOperationException($"The incoming migration of {DomainName} is {State.GetType().Name}, not detached.");
        }

        using IIncomingDomain? domain = Interlocked.Exchange(ref _domain, null);
        if (domain is not null)
        {
            domain.Destroy();
            _paging?.Dispose();
            ForgetGuest();
        }
    }

    /// <summary>Lets go of what an ended migration holds.</summary>
    public void Dispose()
    {
        _faultWorkers.Dispose();
        _demandWorkers.Dispose();
        _stopping.Dispose();
    }

    /// <summary>Tells of every record and state from now on; null for nobody.</summary>
    internal void TraceTo(IProgress<MigrationTrace>? trace)
    {
        _trace = trace;
        _bulk.TraceTo("bulk", trace);
        _demand.TraceTo("demand", trace);
    }

    /// <summary>Receives until the end. The one thread of the migration until the domain runs.</summary>
    internal void Run()
    {
        try
        {
            _bulk.Send(new WelcomeRecord(Protocol.Version, 0));
            _demand.Send(new WelcomeRecord(Protocol.Version, 0));
            if (_missing is not null)
            {
                _bulk.Send(new ResumeRecord(ResumePosition.Paused, _missing));
            }

            PageBatch batch = new();
            while (!State.IsFinal)
            {
                Receive(batch);
            }
        }
#pragma warning disable CA1031 // Whatever fails, the session decides what becomes of the domain.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Post(Failure(Volatile.Read(ref _workerFailure) ?? e));
        }
        finally
        {
            if (State is DestinationState.Aborted)
            {
                _bulk.CloseAfterPeer(s_farewell);
            }

            _demand.Dispose();
            _bulk.Dispose();
            _faultWorkers.Stop();
            _faultWorkers.Join();
            _demandWorkers.Join();
            Release();
            _ended.SetResult();
        }
    }

    /// <summary>Gives up if the domain does not run here yet; a domain that runs here is waited for.</summary>
    internal void Stop()
    {
        lock (_gate)
        {
            if (_session.State is DestinationState.Running or DestinationState.Completed || _session.State.IsFinal)
            {
                return;
            }
        }

        // Unblocks a creation or restore under way; the source closes its side when it reads the abort, which ends Run.
        _stopping.Cancel();
        Post(new DestinationEvent.Failed(ProtocolErrors.ReceiverStopped()));
        _bulk.ReceiveTimeout = s_farewell;
    }

    private void Receive(PageBatch batch)
    {
        RecordType type = _bulk.Receive(out ReadOnlySpan<byte> body);
        DestinationState state = State;
        switch (type)
        {
            case RecordType.CorePages when state.MayTakeCorePages:
                batch.Decode(type, body, _populated!, out ReadOnlySpan<int> core, out ReadOnlySpan<byte> contents);
                _corePages!.Add(core, contents);
                break;
            case RecordType.Pages when state.MayTakePages:
                batch.Decode(type, body, _populated!, out ReadOnlySpan<int> pfns, out ReadOnlySpan<byte> pages);
                if (_placer is null)
                {
                    _domain!.Memory.Write(pfns, pages);
                }
                else
                {
                    _placer.Place(pfns, pages);
                }

                break;
            case RecordType.CorePages or RecordType.Pages or RecordType.PageRequest or RecordType.DemandPages:
                throw ProtocolErrors.Violation(
                    $"The source sent {type} on the bulk connection, which is not legal while the destination is {state.GetType().Name}.");
            default:
                if (_control.Read(type, body) is { } record)
                {
                    Post(new DestinationEvent.Received(record));
                }

                break;
        }

        PostWhenAllPlaced();
    }

    private void PostWhenAllPlaced()
    {
        if (_placer is { Unplaced: 0 } && State is DestinationState.Running { IsAllPlaced: false })
        {
            Post(new DestinationEvent.PlacedAll());
            if (State.IsFinal)
            {
                // The finish failed on this thread; the receiving one would wait for a source that waits for Complete.
                Disconnect();
            }
        }
    }

    /// <summary>The pages that have not arrived.</summary>
    private PageBitmap GetMissing() => _paging?.Missing.Clone() ?? new PageBitmap(_populated?.PageCount ?? 0);

    private static DestinationEvent Failure(Exception exception) => exception switch
    {
        MigrationException { ErrorId: MigrationErrorId.ConnectionLost } lost => new DestinationEvent.Lost(lost),
        MigrationException error => new DestinationEvent.Failed(error),
        _ => new DestinationEvent.Failed(new MigrationException(
            MigrationErrorId.HypervisorCall, exception.Message, "See the inner exception.", null, exception)),
    };

    private void Post(DestinationEvent e)
    {
        lock (_gate)
        {
            DestinationEvent? next = e;
            while (next is not null)
            {
                DestinationEvent current = next;
                next = null;
                // Two threads may see the last page placed; the second one's event has been taken care of.
                if (current is DestinationEvent.PlacedAll && _session.State is not DestinationState.Running { IsAllPlaced: false })
                {
                    return;
                }

                DestinationState before = _session.State;
                IReadOnlyList<DestinationAction> actions = _session.On(current);
                if (_session.State != before)
                {
                    _trace?.Report(MigrationTrace.State(before, _session.State));
                }

                foreach (DestinationAction action in actions)
                {
                    next = CarryOut(action, current) ?? next;
                }
            }
        }
    }

    /// <summary>A fault thread failed: closing the connections makes the receiving thread end the session.</summary>
    private void CloseFor(Exception exception)
    {
        // No lock here: the thread that ends paging joins this one while it holds it. Once all is here, the end of the
        // demand connection is the normal one, and the bulk connection still has the source's last word.
        Interlocked.CompareExchange(ref _workerFailure, exception, null);
        _demand.Dispose();
        if (!_isAllHere)
        {
            _bulk.Dispose();
        }
    }

    private void Release()
    {
        if (State is DestinationState.Detached)
        {
            return;
        }

        try
        {
            _domain?.Dispose();
        }
#pragma warning disable CA1031 // The outcome stands; what letting go of the domain failed at is told beside it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            AfterwardsError ??= e;
        }
        finally
        {
            ForgetGuest();
        }
    }

    /// <summary>
    /// An ended migration stays in its receiver's list: what is left of it are a name, numbers and how it ended, and nothing
    /// that is as large as the guest. Every thread has been joined.
    /// </summary>
    private void ForgetGuest()
    {
        _missingAtEnd = MissingPages;
        (_domain, _paging, _corePages) = (null, null, null);
        (_placer, _populated, _missing) = (null, null, null);
        _bulk.ForgetBuffer();
        _demand.ForgetBuffer();
    }
}
