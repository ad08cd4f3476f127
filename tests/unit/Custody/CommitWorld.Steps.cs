using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Custody;

/// <content>What can happen next in a world, and taking it.</content>
internal sealed partial class CommitWorld
{
    /// <summary>More than any way to a good end takes.</summary>
    private const int MaximumMending = 200;

    public IEnumerable<StepKind> PossibleSteps()
    {
        if (_sourceLives)
        {
            foreach (StepKind kind in SourceSteps())
            {
                yield return kind;
            }
        }
        else
        {
            if (Source is { IsGone: false, Noted: not null } && !_sourceRefused)
            {
                yield return StepKind.SourceOpens;
            }

            if (Source is { IsGone: false, Noted: SourceMark.Leaving } && CanComeBack)
            {
                yield return StepKind.TakeOver;
            }
        }

        if (_destinationLives)
        {
            foreach (StepKind kind in DestinationSteps())
            {
                yield return kind;
            }
        }
        else if (Destination is { Exists: true, Noted: { } noted })
        {
            if (noted == IncomingMark.Preparing)
            {
                yield return StepKind.DestinationOpens;
            }

            yield return StepKind.Adopt;
        }
    }

    /// <summary>Lets everybody do what there is left to do, with nothing going wrong any more.</summary>
    /// <returns>Whether that came to an end.</returns>
    public bool ComeToRest()
    {
        for (int i = 0; i < MaximumMending; i++)
        {
            // However often the migration was lost before, it can be resumed once more.
            _resumptions = 0;
            Step[] steps = [.. PossibleSteps().Select(kind => new Step(kind)).Where(step => !step.IsFault)];
            Step? next = steps.Where(step => !step.IsMending).Concat(steps).Select(step => (Step?)step).FirstOrDefault();
            if (next is null)
            {
                return true;
            }

            Take(next.Value);
        }

        return false;
    }

    /// <summary>Whether the destination would take its source up again.</summary>
    private bool CanComeBack =>
        _destinationLives && _resumptions < MaximumResumptions && _incomingCustody.Holding is not (IncomingHolding.GivenUp or IncomingHolding.None);

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

        // A migration that has not come to its end can be taken up again, until one of its halves is given up.
        if (_source.State is SourceState.Detached && _sourceDue.Count == 0 && !_sourceGivenUp)
        {
            if (CanComeBack)
            {
                yield return StepKind.Resume;
            }

            yield return StepKind.SourceGivesUp;
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
        else if (_destination.State is DestinationState.Aborted or DestinationState.Finished && !_destinationCleaned
            && _incomingCustody.Holding != IncomingHolding.Whole)
        {
            yield return StepKind.DestinationCleansUp;
        }

        if (_destination.State.IsFinal && _destinationDue.Count == 0)
        {
            if (_incomingCustody.Holding is IncomingHolding.Preparing or IncomingHolding.Whole || (_incomingCustody.Holding == IncomingHolding.Started && _incomingCustody.IsAllHere))
            {
                yield return StepKind.DestinationDecides;
            }
            else if (_incomingCustody.Holding == IncomingHolding.Started)
            {
                yield return StepKind.DestinationGivesUp;
            }
        }

        // The receiving thread waits while the owner is at work on the domain, unless that is broken off.
        if (_toDestination.Count > 0 && (!_destination.State.MustWait || _destination.State.IsInterrupted))
        {
            yield return StepKind.DeliverToDestination;
        }

        // A page can be placed from the restoration on; whoever looks next says that it was the last.
        if (_destination.State is DestinationState.Restored or DestinationState.Running { IsAllPlaced: false })
        {
            if (Destination.Paging.Missing.Count > 0)
            {
                yield return StepKind.DestinationPlaces;
            }
            else if (_destination.State is DestinationState.Running)
            {
                yield return StepKind.DestinationPlacedAll;
            }
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
            case StepKind.DestinationPlaces:
                Destination.Paging.Place([0], []);
                break;
            case StepKind.DestinationPlacedAll:
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
            case StepKind.TakeOver:
                TakeOver();
                break;
            case StepKind.Adopt:
                Adopt();
                break;
            case StepKind.SourceCleansUp:
                _sourceCleaned = true;
                Xunit.Record.Exception(_sourceCustody.Dispose);
                break;
            case StepKind.DestinationCleansUp:
                _destinationCleaned = true;
                Xunit.Record.Exception(_incomingCustody.Dispose);
                break;
            case StepKind.DestinationDecides or StepKind.DestinationGivesUp:
                Xunit.Record.Exception(() => _incomingCustody.Conclude(GivenUp.ByTheAdministrator));
                IsGivenUp |= step.Kind == StepKind.DestinationGivesUp;
                break;
            case StepKind.SourceGivesUp:
                (_sourceGivenUp, IsGivenUp) = (true, true);
                Xunit.Record.Exception(() => _sourceCustody.Destroy(GivenUp.ByTheAdministrator));
                Xunit.Record.Exception(_sourceCustody.Dispose);
                _sourceCleaned = true;
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
}
