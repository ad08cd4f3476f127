using System.Diagnostics.CodeAnalysis;
using System.Text;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Custody;

/// <summary>One state of a migration, reached by a trace of steps: the production sessions, dispatchers and custodies of both sides,
/// with domains and wires that fail on demand.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Its custodies hold fakes; that they are disposed is a step of the world.")]
internal sealed partial class CommitWorld : IDestinationWork
{
    private const int MaximumResumptions = 2;
    private static readonly MigrationException s_error = new(MigrationErrorId.HypervisorCall, "It was made to fail.", "None.");
    private static readonly MigrationException s_lost = new(MigrationErrorId.ConnectionLost, "It was cut.", "None.");
    private readonly FaultyCalls _calls = new();
    private readonly Queue<ControlRecord> _toSource = new([new WelcomeRecord(Protocol.Version, Protocol.Capabilities)]);
    private readonly Queue<ControlRecord> _toDestination = new();
    private readonly Queue<SourceAction> _sourceDue = new();
    private readonly Queue<DestinationAction> _destinationDue = new();
    private SourceCustody _sourceCustody;
    private static readonly PageBitmap s_page = new(1);
    private readonly PageArrival _arrival;
    private IncomingCustody _incomingCustody = new();
    private SourceDispatcher _sourceDispatcher;
    private DestinationDispatcher _destinationDispatcher;
    private SourceSession _source;
    private DestinationSession _destination = new();
    private bool _sourceCut;
    private bool _destinationCut;
    private bool _sourceLives = true;
    private bool _destinationLives = true;
    private bool _sourceCleaned;
    private bool _destinationCleaned;
    private bool _sourceRefused;
    private bool _sourceGivenUp;
    private int _resumptions;

    private CommitWorld(PageArrival arrival)
    {
        _arrival = arrival;
        Source = new FakeSource(_calls);
        Destination = new FakeDestination(_calls);
        _sourceCustody = new SourceCustody(Source);
        _sourceDispatcher = new SourceDispatcher(_sourceCustody, SendToDestination);
        _destinationDispatcher = new DestinationDispatcher(_incomingCustody, this);
        _source = new SourceSession(new PrepareRecord(
            new DomainDescription("d", DomainKind.Simulated, 1, [], 1, ReadOnlyMemory<byte>.Empty), arrival));
    }

    public FakeSource Source { get; }

    public FakeDestination Destination { get; }

    /// <summary>Whether the domain is wholly at the destination.</summary>
    public bool IsWholeThere => Destination.Exists && _incomingCustody.Holding is IncomingHolding.Whole or IncomingHolding.Taken;

    /// <summary>Whether a tool was killed that had the domain, or a half of it.</summary>
    public bool HasToolDied => !_sourceLives || !_destinationLives;

    /// <summary>Whether the source's half stands still, with its note and its memory, for whoever comes; a tool that was killed knows nothing
    /// any more, and the note alone counts.</summary>
    public bool IsKeptAtSource => Source is { IsGone: false, Runs: false, Noted: SourceMark.Leaving }
        && (!_sourceLives || _sourceCustody.Holding == SourceHolding.Leaving);

    /// <summary>Whether an administrator has given a half up.</summary>
    public bool IsGivenUp { get; private set; }

    /// <summary>How many calls of the hypervisor the last step made.</summary>
    public int LastCalls => _calls.Count;

    public string Key
    {
        get
        {
            StringBuilder key = new();
            StateText.Append(key, _source.State);
            StateText.Append(key, _destination.State);
            foreach (ControlRecord record in _toSource)
            {
                key.Append(record is ResumeRecord resume ? resume.Position.ToString() : record.GetType().Name);
            }

            key.Append('|');
            foreach (object due in _toDestination.Concat<object>(_sourceDue).Append("|").Concat(_destinationDue))
            {
                StateText.Append(key, due);
            }

            return key.Append('|').Append((int)_sourceCustody.Holding).Append((int)_incomingCustody.Holding)
                .Append((int?)Source.Noted ?? 9).Append((int?)Destination.Noted ?? 9).Append(Destination.Paging.Missing.Count).Append(_resumptions)
                .Append(string.Concat(new[]
                {
                    Source.Runs, Source.IsGone, Destination.Exists, Destination.Runs, Destination.HasEverRun, Destination.IsNamed, _sourceCut, _destinationCut,
                    _sourceLives, _destinationLives, _sourceCleaned, _destinationCleaned, _sourceRefused, _sourceGivenUp, IsGivenUp,
                }.Select(flag => flag ? '1' : '0')))
                .ToString();
        }
    }

    /// <summary>The states of both sessions: what a run has reached.</summary>
    public string States => $"{_source.State.GetType().Name} / {_destination.State.GetType().Name}";

    public static CommitWorld Replay(PageArrival arrival, IEnumerable<Step> trace)
    {
        CommitWorld world = new(arrival);
        foreach (Step step in trace)
        {
            world.Take(step);
        }

        return world;
    }

    void IDestinationWork.Create(PrepareRecord prepare)
    {
        _incomingCustody.Create(Destination, prepare.Description, prepare.RemotePF, ReadOnlyMemory<byte>.Empty, CancellationToken.None);
        if (_arrival == PageArrival.AfterRun)
        {
            _incomingCustody.TakeAway(s_page);
        }
    }

    void IDestinationWork.Restore(CoreStateRecord core)
    {
        if (_arrival == PageArrival.Both)
        {
            _incomingCustody.TakeAway(s_page);
        }

        _incomingCustody.Restore(new PreRecordMigration.CoreStates.CoreState(core.Vcpus, core.Sections, PageSet.Empty, 0), CancellationToken.None);
    }

    void IDestinationWork.ServeFaults()
    {
        // No thread here.
    }

    void IDestinationWork.EndFaults()
    {
        // No thread here.
    }

    HandoverTimesRecord IDestinationWork.TimesOf(TimeSpan resume) => new(TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);

    void IDestinationWork.EndPaging() => _incomingCustody.EndPaging();

    CompleteRecord IDestinationWork.Report() => new(0, FaultLatency.None, 0);

    ObservationsRecord IDestinationWork.Observe() => new([], [], TimeSpan.FromSeconds(1), [], []);

    void IDestinationWork.Send(ControlRecord record)
    {
        if (_destinationCut)
        {
            throw s_lost;
        }

        if (!_sourceCut)
        {
            _toSource.Enqueue(record);
        }
    }

    private void Deliver(ControlRecord record)
    {
        bool wasOpen = _source.State is SourceState.Open;
        Post(new SourceEvent.Received(record));
        if (!wasOpen && _source.State is SourceState.Open && !_sourceCut && !_destinationCut)
        {
            // The core state goes out as soon as the incoming domain exists.
            _toDestination.Enqueue(new CoreStateRecord(0, 0, [], []));
        }
    }

    /// <summary>The owner stops the domain; a stop that fails goes through the abort path.</summary>
    private void Stop()
    {
        Exception? error = Xunit.Record.Exception(() => _sourceCustody.Suspend(TimeSpan.Zero, CancellationToken.None));
        Post(error is null ? new SourceEvent.Stopped() : SourceDispatcher.Failure(error));
    }

    /// <summary>Another tool takes the domain over as it was left, and goes on with its migration.</summary>
    private void TakeOver()
    {
        (_sourceLives, _sourceCleaned, _sourceRefused) = (true, false, false);
        _sourceCustody = new SourceCustody(new LeftDomain(Source, new Departure(null, null)));
        _sourceDispatcher = new SourceDispatcher(_sourceCustody, SendToDestination);
        Resume();
    }

    /// <summary>Another tool takes up what came in as it was left. It begins nothing: its source comes back, or an administrator decides.</summary>
    private void Adopt()
    {
        IncomingCustody custody = new();
        Exception? failed = Xunit.Record.Exception(() =>
        {
            if (Destination.Noted != IncomingMark.Preparing)
            {
                Destination.Pause();
            }

            custody.Adopt(new LeftArrival(Destination, Destination.Noted!.Value), _arrival != PageArrival.BeforeRun);
            if (custody.Holding == IncomingHolding.Whole)
            {
                custody.HaveAll();
            }
        });
        if (failed is not null)
        {
            return;
        }

        (_destinationLives, _destinationCleaned, _incomingCustody) = (true, false, custody);
        _destinationDispatcher = new DestinationDispatcher(custody, this);
        _destination = DestinationSession.Resume(false);
        _destination.On(new DestinationEvent.Lost(s_lost));
        _destinationDue.Clear();
    }

    /// <summary>The source connects again; the destination's attempt before it is ended first.</summary>
    private void Resume()
    {
        _resumptions++;
        CutSource();
        CutDestination();
        Post(new DestinationEvent.Lost(s_lost));
        while (_destinationDue.TryDequeue(out DestinationAction? action))
        {
            PostAfter(_destinationDispatcher.CarryOut(action));
        }

        Assert.True(_destination.State.IsFinal);
        (_sourceCut, _destinationCut, _destinationCleaned) = (false, false, false);
        _source = SourceSession.Resume();
        _toSource.Enqueue(new WelcomeRecord(Protocol.Version, Protocol.Capabilities));
        ResumePosition position;
        try
        {
            position = IncomingMigration.PositionOf(_incomingCustody);
        }
        catch (MigrationException error)
        {
            _toSource.Enqueue(new AbortRecord(error.ErrorId, error.Message, error.Remedy));
            return;
        }

        _toSource.Enqueue(new ResumeRecord(position, new PageBitmap(1)));
        if (position == ResumePosition.Complete)
        {
            _destination = DestinationSession.ResumeWhole();
            _toSource.Enqueue(new CompleteRecord(0, FaultLatency.None, 0));
        }
        else if (position == ResumePosition.Paused)
        {
            _destination = DestinationSession.Resume(Destination.Paging.Missing.Count == 0);
        }
    }

    private void Post(SourceEvent e)
    {
        foreach (SourceAction action in _source.On(e))
        {
            _sourceDue.Enqueue(action);
        }
    }

    private void Post(DestinationEvent e)
    {
        foreach (DestinationAction action in _destination.On(e))
        {
            _destinationDue.Enqueue(action);
        }
    }

    private void PostAfter(SourceEvent? e)
    {
        if (e is not null)
        {
            Post(e);
        }
    }

    private void PostAfter(DestinationEvent? e)
    {
        if (e is not null)
        {
            Post(e);
        }
    }

    private void SendToDestination(ControlRecord record)
    {
        if (_sourceCut)
        {
            throw s_lost;
        }

        if (!_destinationCut)
        {
            _toDestination.Enqueue(record);
        }
    }

    private void CutSource()
    {
        _sourceCut = true;
        _toSource.Clear();
    }

    private void CutDestination()
    {
        _destinationCut = true;
        _toDestination.Clear();
    }
}
