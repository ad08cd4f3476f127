using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <content>Carries out what the session decides.</content>
public sealed partial class IncomingMigration
{
    /// <summary>Carries an action out.</summary>
    /// <returns>The event that follows from it, if any.</returns>
    private DestinationEvent? CarryOut(DestinationAction action, DestinationEvent cause)
    {
        try
        {
            switch (action)
            {
                case DestinationAction.Create:
                    Create((PrepareRecord)((DestinationEvent.Received)cause).Record);
                    return new DestinationEvent.Created();
                case DestinationAction.SendPrepared:
                    _bulk.Send(new PreparedRecord());
                    return null;
                case DestinationAction.Restore:
                    Restore((CoreStateRecord)((DestinationEvent.Received)cause).Record);
                    return new DestinationEvent.RestoreDone();
                case DestinationAction.SendRestored:
                    _bulk.Send(new RestoredRecord());
                    return null;
                case DestinationAction.Start:
                    Start();
                    return new DestinationEvent.Started();
                case DestinationAction.SendRunning:
                    _bulk.Send(new RunningRecord());
                    return null;
                case DestinationAction.FinishPaging:
                    _isAllHere = true;
                    Report = new CompleteRecord(_faults.Count, _faults.Summarise(), _placer?.DuplicatePages ?? 0);
                    _faultWorkers.Stop();
                    _faultWorkers.Join();
                    _paging?.Disable();
                    _bulk.Send(Report);
                    return null;
                case DestinationAction.ContinueDomain:
                    Start();
                    return null;
                case DestinationAction.CompleteDomain:
                    _domain!.Complete();
                    return null;
                case DestinationAction.SendAbort:
                    MigrationException error = ((DestinationState.Aborted)_session.State).Error;
                    _bulk.Send(new AbortRecord(error.ErrorId, error.Message, error.Remedy));
                    return null;
                case DestinationAction.DestroyDomain:
                    _faultWorkers.Stop();
                    _faultWorkers.Join();
                    _domain?.Destroy();
                    return null;
                case DestinationAction.PauseDomain:
                    _domain!.Pause();
                    return null;
                default:
                    throw new ArgumentOutOfRangeException(nameof(action), action, null);
            }
        }
#pragma warning disable CA1031 // What an action throws is the next event; the session decides.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (_session.State.IsFinal || _isAllHere)
            {
                AfterwardsError ??= e;
            }

            return _session.State.IsFinal ? null : Failure(e);
        }
    }

    private void Create(PrepareRecord prepare)
    {
        DomainDescription description = prepare.Description;
        _domainName = description.Name;
        _populated = new PageBitmap(description.PageCount);
        foreach (PageRange range in description.Populated)
        {
            _populated.SetRange(range.First, range.Count);
        }

        _domain = _host.CreateIncoming(description, _stopping.Token);
        if (prepare.RemotePF)
        {
            _paging = _domain.EnableRemotePF();
        }
    }

    private void Restore(CoreStateRecord record)
    {
        CoreState core = new(
            record.Vcpus, record.Sections, _corePages!.ToPageSet(record.PageCount), record.PageTablePageCount);
        _corePages = null;
        if (_paging is not null)
        {
            PageBitmap expected = _populated!.Clone();
            foreach (int pfn in core.Pages.Pfns)
            {
                expected.TryClear(pfn);
            }

            _placer = new PagePlacer(_paging, new SentPageTable(expected), _faults);
        }

        if (_domain!.IsTouchedByRestore)
        {
            ServeFaults();
        }

        _domain.Restore(core, _stopping.Token);
    }

    /// <summary>Starts the threads that wait for faults and receive what was asked for, where they do not run yet.</summary>
    private void ServeFaults()
    {
        if (_paging is not null && !_isServing)
        {
            _isServing = true;
            FaultRequester requester = new(_paging, _demand, _populated!, _placer!, _faults);
            _faultWorkers.Start("remote faults", requester.RequestPages);
            _demandWorkers.Start("demanded pages", _ => requester.ReceivePages(PostWhenAllPlaced));
        }
    }

    private void Start()
    {
        ServeFaults();
        _domain!.Unpause();
        if (_paging is not null)
        {
            // From here on this thread places what is pushed; the guest waits for the other two.
            BulkThread.Enter();
        }
    }
}
