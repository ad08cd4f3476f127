using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transfer;

/// <summary>
/// Explores every interleaving of the two state machines with message delivery, lost connections and failures on either
/// side, and checks in each reachable state what must never be.
/// </summary>
public sealed class CommitModelTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void No_interleaving_of_losses_and_failures_makes_two_runnable_copies_or_loses_the_domain(bool remotePF)
    {
        HashSet<string> visited = [];
        Queue<Step[]> frontier = new([[]]);
        int finished = 0;
        while (frontier.TryDequeue(out Step[]? trace))
        {
            World world = World.Replay(remotePF, trace);
            if (!visited.Add(world.Key))
            {
                continue;
            }

            world.CheckInvariants(trace);
            finished += world.IsFinished ? 1 : 0;
            foreach (Step step in world.PossibleSteps())
            {
                frontier.Enqueue([.. trace, step]);
            }
        }

        Assert.True(finished > 0, "The good end was never reached.");
        Assert.True(visited.Count > 50, $"Only {visited.Count} states were reached.");
    }

    private enum Step
    {
        DeliverToSource,
        DeliverToDestination,
        SourceStops,
        SourcePushedAll,
        DestinationPlacedAll,
        SourceLoses,
        DestinationLoses,
        SourceFails,
        DestinationFails,
        DestinationCannotStart,
        Resume,
    }

    private sealed class World(bool remotePF)
    {
        /// <summary>How often a trace resumes at most: more often only repeats what was explored.</summary>
        private const int MaximumResumptions = 2;

        private SourceSession _source = new();
        private DestinationSession _destination = new();
        private readonly Queue<ControlRecord> _toSource = new([new WelcomeRecord(Protocol.Version, 0)]);
        private readonly Queue<ControlRecord> _toDestination = new();
        private bool _sourceRuns = true;
        private bool _sourceDestroyed;
        private bool _destinationRuns;
        private bool _destinationEverRan;
        private bool _destinationDestroyed;
        private bool _destinationComplete;
        private bool _cannotStart;
        private bool _sourceCut;
        private bool _destinationCut;
        private bool _isAllPlaced;
        private int _resumptions;

        public bool IsFinished => _source.State is SourceState.Finished && _destination.State is DestinationState.Finished;

        public string Key => string.Join(
            '|', _source.State, _destination.State, Names(_toSource), Names(_toDestination), _sourceRuns, _sourceDestroyed,
            _destinationRuns, _destinationEverRan, _destinationDestroyed, _destinationComplete, _cannotStart, _sourceCut, _destinationCut,
            _isAllPlaced, _resumptions);

        public static World Replay(bool remotePF, IEnumerable<Step> trace)
        {
            World world = new(remotePF);
            foreach (Step step in trace)
            {
                world.Take(step);
            }

            return world;
        }

        public void CheckInvariants(Step[] trace)
        {
            string context = $"after {string.Join(", ", trace)}: {Key}";
            Assert.False(_sourceRuns && _destinationRuns, "Two runnable copies " + context);
            Assert.False(_sourceRuns && _destinationEverRan, "The source runs what has run elsewhere " + context);
            Assert.False(_sourceDestroyed && _destinationDestroyed, "The domain is lost " + context);
            Assert.False(_sourceDestroyed && _destination.State is DestinationState.Detached, "Memory is lost " + context);
            if (_source.State is SourceState.Aborted)
            {
                Assert.True(_sourceRuns, "Aborted, but the domain does not run on " + context);
            }

            if (_source.State is SourceState.Detached)
            {
                Assert.False(_sourceRuns, "Detached, but the domain runs on " + context);
            }

            if (IsFinished)
            {
                Assert.True(_destinationRuns && _destinationComplete && _sourceDestroyed, "Not a good end " + context);
            }
        }

        public IEnumerable<Step> PossibleSteps()
        {
            if (_toSource.Count > 0)
            {
                yield return Step.DeliverToSource;
            }

            if (_toDestination.Count > 0)
            {
                yield return Step.DeliverToDestination;
                if (_destination.State is DestinationState.Restored && _toDestination.Peek() is CommitRecord)
                {
                    yield return Step.DestinationCannotStart;
                }
            }

            if (_source.State is SourceState.Open { IsStopped: false })
            {
                yield return Step.SourceStops;
            }

            if (_source.State is SourceState.Running)
            {
                yield return Step.SourcePushedAll;
            }

            // What is not at its end can be taken up again.
            if (_source.State is SourceState.Detached && _resumptions < MaximumResumptions)
            {
                yield return Step.Resume;
            }

            if (_destination.State is DestinationState.Running { IsAllPlaced: false, IsPushComplete: true })
            {
                yield return Step.DestinationPlacedAll;
            }

            if (!_sourceCut)
            {
                yield return Step.SourceLoses;
                yield return Step.SourceFails;
            }

            if (!_destinationCut)
            {
                yield return Step.DestinationLoses;
                yield return Step.DestinationFails;
            }
        }

        private void Take(Step step)
        {
            MigrationException error = new(MigrationErrorId.HypervisorCall, step.ToString(), "none");
            switch (step)
            {
                case Step.DeliverToSource:
                    Post(new SourceEvent.Received(_toSource.Dequeue()));
                    break;
                case Step.DestinationCannotStart:
                    _cannotStart = true;
                    Post(new DestinationEvent.Received(_toDestination.Dequeue()));
                    break;
                case Step.DeliverToDestination:
                    Post(new DestinationEvent.Received(_toDestination.Dequeue()));
                    break;
                case Step.Resume:
                    Resume(error);
                    break;
                case Step.SourceStops:
                    _sourceRuns = false;
                    Post(new SourceEvent.Stopped());
                    break;
                case Step.SourcePushedAll:
                    Post(new SourceEvent.PushedAll());
                    break;
                case Step.DestinationPlacedAll:
                    Post(new DestinationEvent.PlacedAll());
                    break;
                case Step.SourceLoses:
                    // What is under way to a side that has lost its connection never arrives; the other side may still get
                    // what was sent before.
                    _sourceCut = true;
                    _toSource.Clear();
                    Post(new SourceEvent.Lost(error));
                    break;
                case Step.DestinationLoses:
                    _destinationCut = true;
                    _toDestination.Clear();
                    Post(new DestinationEvent.Lost(error));
                    break;
                case Step.SourceFails:
                    Post(new SourceEvent.Failed(error));
                    _sourceCut = true;
                    _toSource.Clear();
                    break;
                case Step.DestinationFails:
                    Post(new DestinationEvent.Failed(error));
                    _destinationCut = true;
                    _toDestination.Clear();
                    break;
            }
        }

        /// <summary>The source connects again; a destination that has not noticed the loss yet does so now.</summary>
        private void Resume(MigrationException error)
        {
            _resumptions++;
            if (!_destinationCut)
            {
                _toDestination.Clear();
                Post(new DestinationEvent.Lost(error));
            }

            _toSource.Clear();
            _toDestination.Clear();
            (_sourceCut, _destinationCut) = (false, false);
            _source = SourceSession.Resume();
            Assert.True(_destination.State.IsFinal);
            _toSource.Enqueue(new WelcomeRecord(Protocol.Version, 0));
            PageBitmap missing = new(1);
            switch (_destination.State)
            {
                case DestinationState.Detached:
                    _destination = DestinationSession.Resume(_isAllPlaced);
                    _toSource.Enqueue(new ResumeRecord(ResumePosition.Paused, missing));
                    break;
                case DestinationState.Finished:
                    _toSource.Enqueue(new ResumeRecord(ResumePosition.Complete, missing));
                    _toSource.Enqueue(new CompleteRecord(0, FaultLatency.None, 0));
                    break;
                default:
                    _toSource.Enqueue(new ResumeRecord(ResumePosition.NeverRan, missing));
                    break;
            }
        }

        private void Post(SourceEvent e)
        {
            foreach (SourceAction action in _source.On(e))
            {
                switch (action)
                {
                    case SourceAction.SendPrepare:
                        SendToDestination(Prepare());
                        break;
                    case SourceAction.SendCommit:
                        SendToDestination(new CommitRecord());
                        break;
                    case SourceAction.SendResumed:
                        SendToDestination(new ResumedRecord());
                        break;
                    case SourceAction.SendPushComplete:
                        SendToDestination(new PushCompleteRecord());
                        break;
                    case SourceAction.DestroyAndRelease:
                        _sourceDestroyed = true;
                        SendToDestination(new ReleasedRecord());
                        break;
                    case SourceAction.SendAbort:
                        SendToDestination(new AbortRecord(MigrationErrorId.HypervisorCall, "source", "none"));
                        break;
                    case SourceAction.ResumeDomain:
                        _sourceRuns = true;
                        break;
                    case SourceAction.KeepStopped:
                        Assert.False(_sourceRuns);
                        break;
                }
            }

            // The core state goes out as soon as the incoming domain exists.
            if (_source.State is SourceState.Open && e is SourceEvent.Received { Record: PreparedRecord })
            {
                SendToDestination(new CoreStateRecord(0, 0, [], []));
            }
        }

        private void Post(DestinationEvent e)
        {
            DestinationEvent? next = e;
            while (next is not null)
            {
                DestinationEvent current = next;
                next = null;
                IReadOnlyList<DestinationAction> actions = _destination.On(current);
                _isAllPlaced = _destination.State is DestinationState.Running running ? running.IsAllPlaced : _isAllPlaced;
                foreach (DestinationAction action in actions)
                {
                    next = CarryOut(action) ?? next;
                }
            }
        }

        private DestinationEvent? CarryOut(DestinationAction action)
        {
            switch (action)
            {
                case DestinationAction.Create:
                    return new DestinationEvent.Created();
                case DestinationAction.SendPrepared:
                    SendToSource(new PreparedRecord());
                    break;
                case DestinationAction.Restore:
                    return new DestinationEvent.RestoreDone();
                case DestinationAction.SendRestored:
                    SendToSource(new RestoredRecord());
                    break;
                case DestinationAction.Start when _cannotStart:
                    return new DestinationEvent.Failed(new MigrationException(MigrationErrorId.HypervisorCall, "start", "none"));
                case DestinationAction.Start:
                    _destinationRuns = _destinationEverRan = true;
                    return new DestinationEvent.Started();
                case DestinationAction.ContinueDomain:
                    _destinationRuns = true;
                    break;
                case DestinationAction.SendRunning:
                    SendToSource(new RunningRecord());
                    break;
                case DestinationAction.FinishPaging:
                    SendToSource(new CompleteRecord(0, FaultLatency.None, 0));
                    break;
                case DestinationAction.CompleteDomain:
                    _destinationComplete = true;
                    break;
                case DestinationAction.SendAbort:
                    Assert.False(_destinationEverRan, "An abort says that the domain never ran.");
                    SendToSource(new AbortRecord(MigrationErrorId.HypervisorCall, "destination", "none"));
                    break;
                case DestinationAction.DestroyDomain:
                    _destinationRuns = false;
                    _destinationDestroyed = true;
                    break;
                case DestinationAction.PauseDomain:
                    _destinationRuns = false;
                    break;
            }

            return null;
        }

        private void SendToSource(ControlRecord record)
        {
            if (!_sourceCut && !_destinationCut)
            {
                _toSource.Enqueue(record);
            }
        }

        private void SendToDestination(ControlRecord record)
        {
            if (!_sourceCut && !_destinationCut)
            {
                _toDestination.Enqueue(record);
            }
        }

        private PrepareRecord Prepare() => new(
            new DomainDescription("d", DomainKind.Simulated, 1, [], 1, ReadOnlyMemory<byte>.Empty), remotePF);

        private static string Names(IEnumerable<ControlRecord> records) =>
            string.Join(',', records.Select(record => record.GetType().Name));
    }
}
