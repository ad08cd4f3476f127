using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <content>What is done with the domain where no attempt is at work on it: it is given up, taken up again, or what is left of it
/// destroyed. Whoever does that claims it first.</content>
public sealed partial class IncomingMigration
{
    /// <summary>
    /// Gives a kept domain up: it is destroyed, with all that has arrived of it. A domain that is wholly here is not given up: it
    /// gets its final name. What never ran and could not be destroyed is destroyed now.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is nothing to decide about.</exception>
    /// <exception cref="MigrationException">It could not be destroyed, or named; or somebody else is at work on it.</exception>
    public void GiveUp()
    {
        if (Holding == IncomingHolding.GivenUp)
        {
            return;
        }

        if (!IsUndecided)
        {
            throw NothingToGiveUp();
        }

        // The last attempt may still be ending, and its threads must not use a domain that is being destroyed.
        if (IsClaimed || !Ended.Wait(s_endPatience) || !TryClaim())
        {
            throw new MigrationException(
                MigrationErrorId.DomainBusy, $"What {DomainName} was doing when it was interrupted has not ended yet, or it is being resumed or given up.",
                "Give it up again in a moment; if that does not help, look at this host's hypervisor.", DomainName);
        }

        try
        {
            Decide();
        }
        finally
        {
            EndClaim();
        }
    }

    /// <summary>Tries once more to destroy what never ran here. What fails is kept with the other errors.</summary>
    internal void DestroyLeft()
    {
        if (!IsUndestroyed || !TryClaim())
        {
            return;
        }

        Noting(cleaning => cleaning.Try(Decide));
        EndClaim();
    }

    /// <summary>
    /// A source has come back, on its own thread, which becomes the owner's: goes on over new connections. Once at a time; the
    /// attempt before it is ended first.
    /// </summary>
    /// <param name="bulk">The bulk connection, given over.</param>
    /// <param name="demand">The demand connection, given over.</param>
    /// <returns>Whether it went on; false where nothing of the domain is here, which the source may be told.</returns>
    /// <exception cref="MigrationException">It cannot be resumed: it was given up, or somebody else is at work on it.</exception>
    internal bool Resume(Connection bulk, Connection demand)
    {
        if (!TryClaim())
        {
            throw new MigrationException(
                MigrationErrorId.DomainBusy, $"{DomainName} is being resumed or given up already.", "Wait for that to end.", DomainName);
        }

        IncomingAttempt? next = null;
        try
        {
            next = Next(bulk, demand);
        }
        finally
        {
            if (next is null)
            {
                EndClaim();
            }
        }

        if (next is null)
        {
            return false;
        }

        IncomingAttempt? last = Attempt;
        bool isStopped;
        lock (_gate)
        {
            _afterwards = [.. _afterwards, .. last?.Afterwards ?? []];
            _attempt = next;

            // The claim passes to the attempt, and ends with it.
            _isClaimed = false;
            (isStopped, _isStopped) = (_isStopped, false);
        }

        Interlocked.Increment(ref _attempts);
        Noting(cleaning => cleaning.Try(() => last?.Dispose()));
        next.TraceTo(_trace);
        if (isStopped)
        {
            next.Stop();
        }

        Run(next);
        return true;
    }

    /// <summary>What a source that comes back is told of its domain, once every thread of the last attempt has ended.</summary>
    /// <exception cref="MigrationException">Nothing can be told: it was given up here, or never ran and cannot be destroyed.</exception>
    internal static ResumePosition PositionOf(IncomingCustody custody) => custody.Holding switch
    {
        IncomingHolding.Whole or IncomingHolding.Taken => ResumePosition.Complete,
        IncomingHolding.Started => ResumePosition.Paused,
        IncomingHolding.GivenUp => throw new MigrationException(
            MigrationErrorId.DomainNotFound,
            $"{custody.Name} was given up here: what had arrived of it is destroyed.",
            "Give it up at its source too (Stop-Migration -Force), and restore it from a backup."),
        _ => custody.Destroy() is { } ? ResumePosition.NeverRan : throw new InvalidOperationException("Nothing proves that it is gone."),
    };

    private bool IsClaimed
    {
        get
        {
            lock (_gate)
            {
                return _isClaimed;
            }
        }
    }

    private InvalidOperationException NothingToGiveUp() =>
        new($"The incoming migration of {DomainName} is {State.GetType().Name}: there is nothing to give up.");

    /// <summary>Claims the domain, where no attempt and nobody else is at work on it: what is done with it takes long, and is done
    /// outside of the lock.</summary>
    private bool TryClaim()
    {
        lock (_gate)
        {
            if (!_ended.Task.IsCompleted)
            {
                return false;
            }

            _ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _isClaimed = true;
        }
    }

    private void EndClaim()
    {
        TaskCompletionSource ended;
        lock (_gate)
        {
            (_isClaimed, _isStopped) = (false, false);
            ended = _ended;
        }

        ended.TrySetResult();
    }

    /// <summary>Does with a claimed domain what there is left to do here: names it, or destroys it.</summary>
    private void Decide()
    {
        if (!IsUndecided)
        {
            throw NothingToGiveUp();
        }

        if (Custody.IsAllHere)
        {
            // A source that comes back later is told what was decided here.
            Report ??= MakeReport(0);
        }

        CleanUp cleaning = new();
        cleaning.Try(() => Custody.Conclude(GivenUp.ByTheAdministrator));
        if (!IsUndecided)
        {
            // Whatever of it failed, nobody comes back to this.
            LetGo(cleaning);
        }

        cleaning.ThrowIfFailed();
        lock (_gate)
        {
            _afterwards = [];
        }

        AtEnd?.Invoke(this);
    }

    /// <summary>The attempt that goes on with a claimed migration; null where nothing of the domain is here.</summary>
    private IncomingAttempt? Next(Connection bulk, Connection demand)
    {
        bool wasLeft = IsUndestroyed;
        ResumePosition position;
        try
        {
            position = PositionOf(Custody);
        }
        finally
        {
            if (Holding is IncomingHolding.None or IncomingHolding.Gone)
            {
                // Nothing of the domain is here, whatever the source can be told of that.
                Noting(LetGo);
            }
        }

        switch (position)
        {
            case ResumePosition.NeverRan:
                if (wasLeft)
                {
                    AtEnd?.Invoke(this);
                }

                return null;
            case ResumePosition.Complete:
                return new IncomingAttempt(
                    this, bulk, demand, DestinationSession.ResumeWhole(), new ResumeRecord(ResumePosition.Complete, new PageBitmap(0)), null);
            default:
                PageBitmap missing = Custody.Paging?.Missing.Clone() ?? new PageBitmap(Populated!.PageCount);
                return new IncomingAttempt(
                    this, bulk, demand, DestinationSession.Resume(missing.Count == 0), new ResumeRecord(ResumePosition.Paused, missing), missing);
        }
    }
}
