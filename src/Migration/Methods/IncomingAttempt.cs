using PreRecordMigration.CoreStates;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>
/// One attempt of an incoming migration: its connections, its session and its threads. The owner's thread does what the
/// session decides; another receives control records and pushed pages, a third demanded pages, and a fourth asks for them.
/// </summary>
internal sealed partial class IncomingAttempt : IDestinationWork, IDisposable
{
    /// <summary>How long a source may take to read why the migration was given up.</summary>
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(5);

    /// <summary>How long the loss of the demand connection is kept back before the domain has run: a source that gives up closes both
    /// connections, and says why on the other one.</summary>
    private static readonly TimeSpan s_explanation = TimeSpan.FromMilliseconds(500);

    /// <summary>What its threads, their buffers and the records that they receive take, in bytes: its migration has it, from one attempt to the next.</summary>
    internal const int Cost = (6 << 20) + Protocol.MaximumLength + MaximumAnswer;

    /// <summary>Most bytes of a record that brings demanded pages.</summary>
    private const int MaximumAnswer = (Protocol.MaximumBatch * (Page.Size + sizeof(ulong))) + sizeof(uint);

    private readonly IncomingMigration _migration;
    private readonly Connection _bulk;
    private readonly Connection _demand;
    private ResumeRecord? _resume;
    private readonly SessionPump<DestinationState, DestinationEvent, DestinationAction> _pump;
    private readonly DestinationDispatcher _dispatcher;
    private readonly CancellationTokenSource _interrupting = new();
    private readonly Workers _receiving;
    private readonly Workers _faultWorkers;
    private readonly Workers _demandWorkers;
    private readonly ControlReader _control;
    private CorePageCollector? _corePages;
    private EarlyPages? _early;
    private readonly ProgressWatch _watch;
    private readonly ProgressWatch? _beginning;
    private volatile int _recordsTaken;
    private volatile PagePlacer? _placer;
    private volatile FaultRequester? _requester;
    private volatile bool _isDemandLost;
    private int _missingAtEnd;
    private TimeSpan _restoration;

    /// <summary>Prepares; <see cref="Run"/> does the work.</summary>
    /// <param name="migration">The migration that it belongs to.</param>
    /// <param name="bulk">The bulk connection, given over.</param>
    /// <param name="demand">The demand connection, given over.</param>
    /// <param name="session">Where it begins.</param>
    /// <param name="resume">What a source is told that comes back and has been welcomed; null for a new source.</param>
    /// <param name="missing">The pages that have not arrived; null before that is known.</param>
    public IncomingAttempt(
        IncomingMigration migration, Connection bulk, Connection demand, DestinationSession session, ResumeRecord? resume, PageBitmap? missing)
    {
        // That a domain is whole already can be said whatever else comes in: nothing comes with it that would have to be counted.
        (bulk.MaximumBody, demand.MaximumBody) =
            resume is { Position: ResumePosition.Complete } ? (Protocol.HelloLength, Protocol.HelloLength) : (Protocol.MaximumLength, MaximumAnswer);
        _control = ControlReader.AtDestination(migration.Memory, isPrepared: resume is not null);
        _corePages = new CorePageCollector(migration.Budget.Share(migration.Peer));
        _migration = migration;
        _bulk = bulk;
        _demand = demand;
        _resume = resume;
        _dispatcher = new DestinationDispatcher(migration.Custody, this);
        _pump = new(session, _dispatcher.CarryOut, () => migration.Trace) { Changed = OnChanged };
        _receiving = new Workers(Post, Disconnect);
        _faultWorkers = new Workers(PostWhileNeeded, Disconnect);
        _demandWorkers = new Workers(PostOfDemand, Disconnect);
        _watch = new ProgressWatch(migration.Clock, () => migration.PeerTimeout, () => (State, MissingPages), OnStalled);
        _beginning = resume is null ? new ProgressWatch(migration.Clock, () => Arrivals.Patience, () => (State, _recordsTaken), OnNotBegun) : null;
        _placer = missing is null || migration.Custody.Paging is null
            ? null
            : new PagePlacer(migration.Custody.Paging, new SentPageTable(missing), migration.Faults);
    }

    /// <summary>Where it stands.</summary>
    public DestinationState State => _pump.State;

    /// <summary>Pages that have not arrived; zero before the core state and without RemotePF.</summary>
    public int MissingPages => _placer?.Unplaced ?? _missingAtEnd;

    /// <summary>What failed without changing the outcome.</summary>
    public IReadOnlyList<Exception> Afterwards => _dispatcher.Afterwards;

    /// <summary>Who the source is, as the transport has proved it; null where it proves nothing.</summary>
    public string? Peer => _bulk.Peer;

    /// <summary>The owner's thread: greets, and works to the end. Every other thread has ended when it returns.</summary>
    public void Run()
    {
        CleanUp working = new();
        try
        {
            _beginning?.Start();
            if (_resume is null)
            {
                _bulk.Send(new WelcomeRecord(Protocol.Version, Protocol.Capabilities));
                _demand.Send(new WelcomeRecord(Protocol.Version, Protocol.Capabilities));
            }
            else
            {
                _bulk.Send(_resume);
                if (_resume.Position == ResumePosition.Complete)
                {
                    _bulk.Send(_migration.Report!);
                    _bulk.Send(_migration.Observe());
                }

                _resume = null;
            }

            _receiving.Start("migration records", ReceiveRecords);

            // This connection is read even before pages are asked for: while the domain is made or restored, pushed pages wait, and
            // everything behind them, so that only here the end of the source is heard.
            _demandWorkers.StartFirst("demanded pages", ReceiveDemanded);
        }
#pragma warning disable CA1031 // Whatever fails, the session decides what becomes of the domain.
        catch (Exception e)
#pragma warning restore CA1031
        {
            working.Try(() => Post(e));
        }

        while (!working.Try(() => _pump.WorkUntil(_ => false)))
        {
            // Whoever is told of a state may throw. What was due by then is done, and the rest still is.
        }

        working.Try(End);
        working.ThrowIfFailed();
    }

    /// <summary>Ends the connections, as a network that fails does. What becomes of the domain the session decides.</summary>
    public void Disconnect()
    {
        _demand.Dispose();
        _bulk.Dispose();
    }

    /// <summary>Gives up if the domain does not run here yet. A domain that runs here is waited for as long as the migration makes
    /// progress.</summary>
    public void Stop()
    {
        _pump.Post(new DestinationEvent.Stopped(ProtocolErrors.ReceiverStopped()));
        _watch.Start();
    }

    /// <summary>Tells of every record from now on.</summary>
    public void TraceTo(IProgress<MigrationTrace>? trace)
    {
        _bulk.TraceTo("bulk", trace);
        _demand.TraceTo("demand", trace);
    }

    /// <inheritdoc/>
    public void Dispose() => CleanUp.All(
        _watch.Dispose,
        () => _beginning?.Dispose(),
        Disconnect,
        _receiving.Dispose,
        _faultWorkers.Dispose,
        _demandWorkers.Dispose,
        _interrupting.Dispose);

    void IDestinationWork.Create(PrepareRecord prepare)
    {
        _beginning?.Dispose();
        _corePages!.Expect(prepare.Description);
        _migration.Create(prepare, _interrupting.Token);
        _early = prepare.Arrival == PageArrival.Both ? new EarlyPages(_migration.Populated!) : null;
    }

    void IDestinationWork.Restore(CoreStateRecord record)
    {
        long begun = TimeProvider.System.GetTimestamp();
        using CorePageCollector collected = _corePages!;
        CoreState core = new(record.Vcpus, record.Sections, collected.ToPageSet(record.PageCount), record.PageTablePageCount);
        _corePages = null;
        if (_migration.Custody.Paging is { } paging)
        {
            PageBitmap expected = _migration.Populated!.Clone();
            foreach (int pfn in core.Pages.Pfns)
            {
                expected.TryClear(pfn);
            }

            if (_early is { } early)
            {
                expected = early.StillMissing(expected);
                _migration.Custody.TakeAway(expected);
                _early = null;
            }

            _placer = new PagePlacer(paging, new SentPageTable(expected), _migration.Faults);
        }

        if (_migration.Custody.Domain.IsTouchedByRestore)
        {
            ServeFaults();
        }

        _migration.Custody.Restore(core, _interrupting.Token);
        _restoration = TimeProvider.System.GetElapsedTime(begun);
    }

    HandoverTimesRecord IDestinationWork.TimesOf(TimeSpan resume)
    {
        _migration.NoteRunning();
        TimeSpan toolstack = _migration.Custody.Domain.ToolstackTime;
        return new HandoverTimesRecord(_restoration > toolstack ? _restoration - toolstack : TimeSpan.Zero, toolstack, resume);
    }

    void IDestinationWork.ServeFaults() => ServeFaults();

    void IDestinationWork.EndFaults() => EndFaults();

    void IDestinationWork.EndPaging()
    {
        EndFaults();
        _migration.Custody.EndPaging();
    }

    CompleteRecord IDestinationWork.Report() => _migration.MakeReport(_placer?.DuplicatePages ?? 0);

    ObservationsRecord IDestinationWork.Observe() => _migration.Observe();

    void IDestinationWork.Send(ControlRecord record)
    {
        _bulk.Send(record);
        if (record is ObservationsRecord && (_migration.Custody.Domain as IPageUse)?.TakeUsedPages() is { } used)
        {
            foreach (byte[] named in RestPages.Encode(used, RecordType.UsedPages))
            {
                _bulk.Send(named);
            }
        }
    }

    private void ServeFaults()
    {
        if (_migration.Custody.Paging is { } paging && _requester is null)
        {
            FaultRequester requester = new(paging, _demand, _migration.Populated!, _placer!, _migration.Faults);
            _requester = requester;
            _faultWorkers.StartFirst("remote faults", requester.RequestPages);
        }
    }

    private void EndFaults()
    {
        _faultWorkers.Stop();
        _faultWorkers.Join();
    }

    private void Post(Exception error) => _pump.Post(DestinationDispatcher.Failure(error));

    /// <summary>Whether the work on the domain is broken off, or will be: without the demand connection nothing comes of it.</summary>
    private bool IsOver(DestinationState state) =>
        state.IsInterrupted || (_isDemandLost && state is { MustWait: true, MayBeExplained: true });

    /// <summary>Posts how the demand connection ended. Why a source gave up is said on the other connection, which gets time to say
    /// it.</summary>
    private void PostOfDemand(Exception error)
    {
        _isDemandLost = true;
        _pump.Wake();
        _pump.WaitWhile(state => state.MayBeExplained, s_explanation);
        PostWhileNeeded(error);
    }

    private void OnStalled() => Post(new MigrationException(
        MigrationErrorId.Cancelled,
        $"The receiver is being stopped, and nothing of the migration has happened for {PeerTimeout.Text(_watch.Patience)} since.",
        "Look at the source's hypervisor, then resume the migration there."));

    private void OnNotBegun()
    {
        if (State is DestinationState.Greeted)
        {
            Post(ProtocolErrors.Violation($"The source did not say which domain comes within {PeerTimeout.Text(Arrivals.Patience)}."));
        }
    }

    /// <summary>Posts a failure of the demand connection, unless all pages are here: then its end is the normal one.</summary>
    private void PostWhileNeeded(Exception error)
    {
        if (!State.IsWhole)
        {
            Post(error);
        }
    }

    private void OnChanged(DestinationState state)
    {
        if (state.IsInterrupted)
        {
            _interrupting.Cancel();
        }

        // What arrived before the run may be all there is.
        PostWhenAllPlaced();
    }

    /// <summary>Closes the connections, after the source where that is still to read why; then ends every thread.</summary>
    private void End()
    {
        CleanUp.All(
            _migration.LookNoMore,
            _watch.Dispose,
            () => _beginning?.Dispose(),
            BidFarewell,
            Disconnect,
            EndFaults,
            _demandWorkers.Join,
            _receiving.Join,
            () => _corePages?.Dispose(),
            () =>
            {
                // An ended attempt is looked at long afterwards: nothing that is as large as the guest stays with it.
                (_missingAtEnd, _placer, _requester, _corePages, _early) = (MissingPages, null, null, null, null);
                _bulk.ForgetBuffer();
                _demand.ForgetBuffer();
            });
    }

    private void BidFarewell()
    {
        if (State is DestinationState.Aborted or DestinationState.Finished)
        {
            _bulk.EndSending();
            _receiving.Join(s_farewell);
        }
    }
}
