using System.Diagnostics.CodeAnalysis;
using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Custody;

/// <summary>What can happen next.</summary>
internal enum StepKind
{
    DeliverToSource,
    DeliverToDestination,
    SourceActs,
    DestinationActs,
    SourceStops,
    SourcePushedAll,
    DestinationPlacedAll,
    SourceLoses,
    DestinationLoses,
    SourceNotices,
    DestinationNotices,
    SourceFails,
    DestinationFails,
    SourceCancels,
    ReceiverStops,
    Resume,
    SourceCleansUp,
    DestinationCleansUp,
    SourceDies,
    DestinationDies,
    SourceOpens,
    DestinationOpens,
}

/// <summary>A step, and how the hypervisor's calls in it go.</summary>
internal readonly record struct Step(StepKind Kind, Outcome Outcome = Outcome.Right)
{
    public bool IsFault => Outcome != Outcome.Right || Kind is StepKind.SourceLoses or StepKind.DestinationLoses or StepKind.SourceFails
        or StepKind.DestinationFails or StepKind.SourceCancels or StepKind.ReceiverStops or StepKind.SourceDies or StepKind.DestinationDies;

    public override string ToString() => Outcome == Outcome.Right ? $"{Kind}" : $"{Kind} ({Outcome})";
}

/// <summary>One state of a migration, reached by a trace of steps: the production sessions, dispatchers and custodies of both sides,
/// with domains and wires that fail on demand.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Its custodies hold fakes; that they are disposed is a step of the world.")]
internal sealed class CommitWorld : IDestinationWork
{
    private const int MaximumResumptions = 2;
    private static readonly MigrationException s_error = new(MigrationErrorId.HypervisorCall, "It was made to fail.", "None.");
    private static readonly MigrationException s_lost = new(MigrationErrorId.ConnectionLost, "It was cut.", "None.");
    private readonly FaultyCalls _calls = new();
    private readonly Queue<ControlRecord> _toSource = new([new WelcomeRecord(Protocol.Version, 0)]);
    private readonly Queue<ControlRecord> _toDestination = new();
    private readonly Queue<SourceAction> _sourceDue = new();
    private readonly Queue<DestinationAction> _destinationDue = new();
    private readonly SourceCustody _sourceCustody;
    private readonly IncomingCustody _incomingCustody = new();
    private readonly SourceDispatcher _sourceDispatcher;
    private readonly DestinationDispatcher _destinationDispatcher;
    private SourceSession _source;
    private DestinationSession _destination = new();
    private bool _sourceCut;
    private bool _destinationCut;
    private bool _sourceLives = true;
    private bool _destinationLives = true;
    private bool _sourceCleaned;
    private bool _destinationCleaned;
    private bool _sourceRefused;
    private int _resumptions;

    private CommitWorld(bool remotePF)
    {
        Source = new FakeSource(_calls);
        Destination = new FakeDestination(_calls);
        _sourceCustody = new SourceCustody(Source);
        _sourceDispatcher = new SourceDispatcher(_sourceCustody, SendToDestination);
        _destinationDispatcher = new DestinationDispatcher(_incomingCustody, this);
        _source = new SourceSession(new PrepareRecord(
            new DomainDescription("d", DomainKind.Simulated, 1, [], 1, ReadOnlyMemory<byte>.Empty), remotePF));
    }

    public FakeSource Source { get; }

    public FakeDestination Destination { get; }

    /// <summary>Whether the domain is wholly at the destination.</summary>
    public bool IsWholeThere => Destination.Exists && _incomingCustody.Holding is IncomingHolding.Whole or IncomingHolding.Taken;

    /// <summary>Whether both halves are kept, to be resumed or given up.</summary>
    public bool IsKept => Source.Noted == SourceMark.Leaving && !Source.IsGone;

    public string Key => string.Join(
        '|', _source.State, _destination.State, Names(_toSource), Names(_toDestination), string.Join(',', _sourceDue), string.Join(',', _destinationDue),
        _sourceCustody.Holding, _incomingCustody.Holding, Source.Runs, Source.IsGone, Source.Noted, Destination.Exists, Destination.Runs,
        Destination.HasEverRun, Destination.IsNamed, Destination.Noted, Destination.Paging.Missing.Count, _sourceCut, _destinationCut,
        _sourceLives, _destinationLives, _sourceCleaned, _destinationCleaned, _sourceRefused, _resumptions);

    /// <summary>The states of both sessions: what a run has reached.</summary>
    public string States => $"{_source.State.GetType().Name} / {_destination.State.GetType().Name}";

    public static CommitWorld Replay(bool remotePF, IEnumerable<Step> trace)
    {
        CommitWorld world = new(remotePF);
        foreach (Step step in trace)
        {
            world.Take(step);
        }

        return world;
    }

    public IEnumerable<StepKind> PossibleSteps()
    {
        if (_sourceLives)
        {
            foreach (StepKind kind in SourceSteps())
            {
                yield return kind;
            }
        }
        else if (Source is { IsGone: false, Noted: not null } && !_sourceRefused)
        {
            yield return StepKind.SourceOpens;
        }

        if (_destinationLives)
        {
            foreach (StepKind kind in DestinationSteps())
            {
                yield return kind;
            }
        }
        else if (Destination.Noted == IncomingMark.Preparing)
        {
            yield return StepKind.DestinationOpens;
        }
    }

    void IDestinationWork.Create(PrepareRecord prepare) =>
        _incomingCustody.Create(Destination, prepare.Description, prepare.RemotePF, CancellationToken.None);

    void IDestinationWork.Restore(CoreStateRecord core) => _incomingCustody.Restore(
        new PreRecordMigration.CoreStates.CoreState(core.Vcpus, core.Sections, PageSet.Empty, 0), CancellationToken.None);

    void IDestinationWork.ServeFaults()
    {
        // No thread here.
    }

    void IDestinationWork.EndFaults()
    {
        // No thread here.
    }

    void IDestinationWork.EndPaging() => _incomingCustody.Paging?.Disable();

    CompleteRecord IDestinationWork.Report() => new(0, FaultLatency.None, 0);

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

    private IEnumerable<StepKind> SourceSteps()
    {
        if (_sourceDue.Count > 0)
        {
            yield return StepKind.SourceActs;
        }
        else if (_source.State.IsFinal && !_sourceCleaned && _source.State is not SourceState.Detached)
        {
            yield return StepKind.SourceCleansUp;
        }

        if (_sourceCleaned && Source is { IsGone: false, Noted: not null } && !_sourceRefused)
        {
            yield return StepKind.SourceOpens;
        }

        if (_toSource.Count > 0)
        {
            yield return StepKind.DeliverToSource;
        }

        if (_source.State is SourceState.Open { IsStopped: false })
        {
            yield return StepKind.SourceStops;
        }

        if (_source.State is SourceState.Running)
        {
            yield return StepKind.SourcePushedAll;
        }

        // What is not at its end can be taken up again.
        if (_source.State is SourceState.Detached && _destinationLives && _resumptions < MaximumResumptions)
        {
            yield return StepKind.Resume;
        }

        // Silence is noticed sooner or later, by the beat if by nothing else.
        if (!_source.State.IsFinal && (_destinationCut || _destination.State.IsFinal))
        {
            yield return StepKind.SourceNotices;
        }

        if (!_source.State.IsFinal)
        {
            yield return StepKind.SourceLoses;
            yield return StepKind.SourceFails;
            yield return StepKind.SourceCancels;
        }

        yield return StepKind.SourceDies;
    }

    private IEnumerable<StepKind> DestinationSteps()
    {
        if (_destinationDue.Count > 0)
        {
            yield return StepKind.DestinationActs;
        }
        else if (_destination.State is DestinationState.Aborted or DestinationState.Finished && !_destinationCleaned)
        {
            yield return StepKind.DestinationCleansUp;
        }

        // The receiving thread waits while the owner is at work on the domain.
        if (_toDestination.Count > 0 && !_destination.State.MustWait)
        {
            yield return StepKind.DeliverToDestination;
        }

        if (_destination.State is DestinationState.Running { IsAllPlaced: false, IsPushComplete: true })
        {
            yield return StepKind.DestinationPlacedAll;
        }

        if (!_destination.State.IsFinal && (_sourceCut || _source.State.IsFinal))
        {
            yield return StepKind.DestinationNotices;
        }

        if (!_destination.State.IsFinal)
        {
            yield return StepKind.DestinationLoses;
            yield return StepKind.DestinationFails;
            yield return StepKind.ReceiverStops;
        }

        yield return StepKind.DestinationDies;
    }

    private void Take(Step step)
    {
        _calls.Begin(step.Outcome);
        switch (step.Kind)
        {
            case StepKind.DeliverToSource:
                Deliver(_toSource.Dequeue());
                break;
            case StepKind.DeliverToDestination:
                Post(new DestinationEvent.Received(_toDestination.Dequeue()));
                break;
            case StepKind.SourceActs:
                PostAfter(_sourceDispatcher.CarryOut(_sourceDue.Dequeue()));
                break;
            case StepKind.DestinationActs:
                PostAfter(_destinationDispatcher.CarryOut(_destinationDue.Dequeue()));
                break;
            case StepKind.SourceStops:
                Stop();
                break;
            case StepKind.SourcePushedAll:
                Post(new SourceEvent.PushedAll());
                break;
            case StepKind.DestinationPlacedAll:
                Destination.Paging.Place([0], []);
                Post(new DestinationEvent.PlacedAll());
                break;
            case StepKind.SourceLoses or StepKind.SourceNotices:
                // What is under way to a side that has lost its connection never arrives; the other may still get what was sent.
                CutSource();
                Post(new SourceEvent.Lost(s_lost));
                break;
            case StepKind.DestinationLoses or StepKind.DestinationNotices:
                CutDestination();
                Post(new DestinationEvent.Lost(s_lost));
                break;
            case StepKind.SourceFails:
                Post(new SourceEvent.Failed(s_error));
                break;
            case StepKind.SourceCancels:
                Post(new SourceEvent.Cancelled(s_error));
                break;
            case StepKind.DestinationFails:
                Post(new DestinationEvent.Failed(s_error));
                break;
            case StepKind.ReceiverStops:
                Post(new DestinationEvent.Stopped(s_error));
                break;
            case StepKind.Resume:
                Resume();
                break;
            case StepKind.SourceCleansUp:
                _sourceCleaned = true;
                Xunit.Record.Exception(_sourceCustody.Dispose);
                break;
            case StepKind.DestinationCleansUp:
                _destinationCleaned = true;
                Xunit.Record.Exception(_incomingCustody.Dispose);
                break;
            case StepKind.SourceDies:
                _sourceLives = false;
                _sourceDue.Clear();
                CutSource();
                break;
            case StepKind.DestinationDies:
                _destinationLives = false;
                _destinationDue.Clear();
                CutDestination();
                break;
            case StepKind.SourceOpens:
                _sourceRefused = !Source.Open();
                break;
            case StepKind.DestinationOpens:
                Destination.Open();
                break;
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
        _toSource.Enqueue(new WelcomeRecord(Protocol.Version, 0));
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

    private static string Names(IEnumerable<ControlRecord> records) =>
        string.Join(',', records.Select(record => record is ResumeRecord resume ? $"{resume.Position}" : record.GetType().Name));
}
