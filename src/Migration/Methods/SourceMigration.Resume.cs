using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <content>After the commit a lost connection pauses: everything is kept, and the migration goes on in another attempt.</content>
internal sealed partial class SourceMigration
{
    /// <summary>
    /// Connects again and reconciles: what the destination says is missing is what there is still to send. Returns when
    /// the domain runs there again, or when all of it is there already.
    /// </summary>
    /// <exception cref="MigrationException">It could not; <see cref="Abort"/> says what that means for the domain.</exception>
    public void Reconnect(Route destination, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        SourceAttempt next = Reopen(destination, cancellationToken);
        SourceAttempt? lost = _attempt;
        (_destination, _cancellation, _attempt) = (destination, cancellationToken, next);
        if (lost is not null)
        {
            _timesThere ??= lost.TimesThere;
            _observed ??= lost.Observed;
            _used ??= lost.Used;
            _requestsBefore = (_requestsBefore.Count + lost.Requests.Count, _requestsBefore.Waited + lost.Requests.Waited);
            _earlier = (
                _earlier.Bytes + lost.Connections.BytesSent,
                _earlier.PlainBytes + lost.PageBytes.Plain,
                _earlier.PageBytes + lost.PageBytes.Sent,
                _earlier.ZeroPages + lost.ZeroPages);

            // Whatever fails of what is lost, this attempt is at work, and ends as every other one does.
            _leftOver.Try(lost.Dispose);
        }

        Log.Tell(progress is null ? null : new ThrottledProgress(progress));
        _attempt.Populated = _populated;
        _attempt.AllThere = () => _allThereAt = Log.Elapsed;
        _attempt.Begin(SourceStage.Running);
        NoteRunning();
        if (_attempt.State is SourceState.Running)
        {
            _attempt.StartPaging(StillToSend(_attempt.Missing!), _pageLog);
        }
    }

    /// <summary>Sends what is missing there, and waits until every page has been placed.</summary>
    public void PushMissing()
    {
        if (_attempt!.IsPaging)
        {
            PushRest(Order());
        }
        else
        {
            AwaitAllThere();
        }
    }

    /// <summary>The administrator gave the migration up: the half that is here goes.</summary>
    public void GiveUp()
    {
        CleanUp cleaning = new();
        _isGivenUp = true;
        cleaning.Try(() => Custody.Destroy(GivenUp.ByTheAdministrator));
        cleaning.Try(Dispose);
        cleaning.ThrowIfFailed();
    }

    /// <summary>The half that is here is left to whoever takes it over next.</summary>
    public void Relinquish() => CleanUp.All(
        _speed.Dispose, () => _attempt?.Dispose(), Custody.LeaveAsFound, () => (Recorded?.Backups ?? _originals)?.Dispose(), () => Options.Watch?.End());

    /// <summary>Connects; where nobody answers, everything is as it was.</summary>
    private SourceAttempt Reopen(Route destination, CancellationToken cancellationToken)
    {
        try
        {
            return SourceAttempt.Reopen(destination, _continuation!, Custody, () => Memory, Options, cancellationToken);
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
        if (missing.PageCount != _populated.PageCount || missing.Pfns().Any(pfn => !_populated[pfn]))
        {
            throw ProtocolErrors.Violation(
                $"The destination misses pages that {Domain.Info.Name} does not have.");
        }

        return missing;
    }

    /// <summary>Nothing is decided yet. What is said of the other half is what this side knows of it.</summary>
    private MigrationInterruptedException AfterCommit(MigrationException error)
    {
        string name = Domain.Info.Name;
        (string elsewhere, string remedy) = error.ErrorId switch
        {
            MigrationErrorId.DomainNotFound => (". Nothing of it is at that receiver.", error.Remedy),

            // What is on its way when the connection is lost may yet arrive.
            MigrationErrorId.DestinationUnreachable => (
                ", and at the destination with at least what has arrived.",
                $"Do not destroy either side. {error.Remedy} A receiver of the host that has the other half goes on with it: Get-MigrationReceiver says "
                + "there where it listens. Then repeat the command: "
                + $"Resume-Migration {name} -Destination PLACE in this session, Resume-Migration {name} -TakeOver -Destination PLACE in one after it."),
            _ => (
                ", and at the destination with at least what has arrived.",
                "Do not destroy either side. Resume-Migration goes on from here when the destination can be reached again. Where it was the destination that "
                + "ended the connection, Get-MigrationReceiver there says why: a domain that has shut down or rebooted there is not resumed."),
        };
        return new MigrationInterruptedException(
            error.ErrorId,
            $"{error.Message} The domain {name} had already left: it is kept stopped here with its memory{elsewhere}",
            remedy,
            new InterruptedMigration(this),
            error);
    }
}
