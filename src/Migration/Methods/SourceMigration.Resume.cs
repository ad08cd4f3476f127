using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <content>After the commit a lost connection pauses: everything is kept, and the migration goes on over new ones.</content>
internal sealed partial class SourceMigration
{
    private (long Bytes, long Pushed, long Demanded) _earlier;

    /// <summary>
    /// Connects again and reconciles: what the destination says is missing is what there is still to send. Returns when
    /// the domain runs there again, or when all of it is there already.
    /// </summary>
    /// <exception cref="MigrationException">It could not; <see cref="Abort"/> says what that means for the domain.</exception>
    public void Reconnect(Route destination, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        SourceLink reopened = Reopen(destination, cancellationToken);
        _earlier = (
            _earlier.Bytes + Link!.BytesSent,
            _earlier.Pushed + (_pusher?.PagesPushed ?? 0),
            _earlier.Demanded + (_faults?.PagesDemanded ?? 0));
        Dispose();
        (_pusher, _faults, _live, _demand) = (null, null, null, new DemandGate());
        (_destination, _cancellation) = (destination, cancellationToken);
        _running = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _workers = NewWorkers();
        Log.Tell(progress is null ? null : new ThrottledProgress(progress));

        Link = reopened;
        using CancellationTokenRegistration unblock = cancellationToken.UnsafeRegister(
            _ => Link.Post(SourceLink.Failure(new OperationCanceledException(cancellationToken))), null);
        _workers.Start("migration control", Link.ReceiveControl);
        Link.WelcomeDemand();
        Link.WaitFor(SourceStage.Running, cancellationToken);
        _runningAt = _runningAt == TimeSpan.Zero ? Log.Elapsed : _runningAt;
        if (Link.State is SourceState.Running)
        {
            StartPaging(StillToSend(Link.Missing!));
        }
    }

    /// <summary>Sends what is missing there, and waits until every page has been placed.</summary>
    public void PushMissing()
    {
        if (_pusher is null)
        {
            AwaitEnd();
        }
        else
        {
            PushRest(Order());
        }
    }

    /// <summary>Connects; where nobody answers, everything is as it was.</summary>
    private SourceLink Reopen(Route destination, CancellationToken cancellationToken)
    {
        try
        {
            return SourceLink.Reopen(destination, Link!, Options.PeerTimeout, Options.Trace, cancellationToken);
        }
        catch (MigrationException e)
        {
            throw AfterCommit(e);
        }
        catch (OperationCanceledException e)
        {
            throw AfterCommit(new MigrationException(
                MigrationErrorId.DestinationUnreachable, "The resumption was cancelled.", "Resume it again.", null, e));
        }
    }

    private PageBitmap StillToSend(PageBitmap missing)
    {
        if (missing.PageCount != Session.Populated.PageCount || missing.Pfns().Any(pfn => !Session.Populated[pfn]))
        {
            throw ProtocolErrors.Violation(
                $"The destination misses pages that {Domain.Info.Name} does not have.");
        }

        return missing;
    }

    private MigrationInterruptedException AfterCommit(MigrationException error) => new(
        error.ErrorId,
        $"{error.Message} The domain {Domain.Info.Name} had already left: it is kept stopped here with its memory, and paused at the destination with what has arrived.",
        "Do not destroy either side. Resume-Migration goes on from here when the destination can be reached again.",
        new InterruptedMigration(this),
        error);
}
