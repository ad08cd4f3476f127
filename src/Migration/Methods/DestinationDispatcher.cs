using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>What a destination's decisions ask for beside its custody: threads, pages, counts.</summary>
internal interface IDestinationWork
{
    /// <summary>Makes the incoming domain.</summary>
    void Create(PrepareRecord prepare);

    /// <summary>Restores the core state that has come.</summary>
    void Restore(CoreStateRecord core);

    /// <summary>Starts to answer the domain's faults, where RemotePF is on and that has not begun.</summary>
    void ServeFaults();

    /// <summary>Ends the threads that answer faults.</summary>
    void EndFaults();

    /// <summary>What the handover took here.</summary>
    /// <param name="resume">From the commit until the domain ran.</param>
    HandoverTimesRecord TimesOf(TimeSpan resume);

    /// <summary>Stops answering faults, of which there are no more, and switches RemotePF off.</summary>
    void EndPaging();

    /// <summary>What the source is told once nothing is missing.</summary>
    CompleteRecord Report();

    /// <summary>What it is told beyond that.</summary>
    ObservationsRecord Observe();

    /// <summary>Sends a record on the bulk connection.</summary>
    void Send(ControlRecord record);
}

/// <summary>Carries out what a destination's session decides. It decides nothing.</summary>
/// <param name="custody">Holds the domain.</param>
/// <param name="work">The rest.</param>
internal sealed class DestinationDispatcher(IncomingCustody custody, IDestinationWork work)
{
    private readonly List<Exception> _afterwards = [];

    /// <summary>What failed without changing the outcome, in order.</summary>
    public IReadOnlyList<Exception> Afterwards => _afterwards;

    /// <summary>Carries an action out.</summary>
    /// <returns>The event that follows from it; null for none.</returns>
    public DestinationEvent? CarryOut(DestinationAction action)
    {
        try
        {
            switch (action)
            {
                case DestinationAction.Send message:
                    work.Send(message.Record);
                    return null;
                case DestinationAction.Create create:
                    work.Create(create.Prepare);
                    return new DestinationEvent.Created();
                case DestinationAction.Restore restore:
                    work.Restore(restore.Core);
                    return new DestinationEvent.RestoreDone();
                case DestinationAction.Start:
                    long begun = TimeProvider.System.GetTimestamp();
                    work.ServeFaults();
                    custody.Start();
                    return new DestinationEvent.Started(work.TimesOf(TimeProvider.System.GetElapsedTime(begun)));
                case DestinationAction.ProveNeverRan:
                    return custody.ProveNeverRan() ? new DestinationEvent.NeverRan() : new DestinationEvent.MayHaveRun();
                case DestinationAction.Continue:
                    work.ServeFaults();
                    custody.Continue();
                    return null;
                case DestinationAction.EndPaging:
                    custody.HaveAll();

                    // The domain is whole, even if neither the note nor the end of RemotePF succeeds.
                    CleanUp ending = new();
                    ending.Try(custody.NoteWhole);
                    ending.Insist(work.EndPaging);
                    _afterwards.AddRange(ending.Errors);
                    return new DestinationEvent.PagingEnded(work.Report(), work.Observe());
                case DestinationAction.TakeName:
                    custody.Take();

                    // The domain is let go of before the source is told: whoever moves it on at once then must not find it owned by this
                    // migration.
                    CleanUp releasing = new();
                    releasing.Try(custody.Dispose);
                    _afterwards.AddRange(releasing.Errors);
                    return new DestinationEvent.Named(new SettledRecord(custody.Name, null));
                case DestinationAction.Destroy:
                    work.EndFaults();
                    return new DestinationEvent.Destroyed(custody.Destroy());
                case DestinationAction.Pause:
                    custody.Pause();
                    return null;
                default:
                    throw new ArgumentOutOfRangeException(nameof(action), action, null);
            }
        }
#pragma warning disable CA1031 // What an action throws, of whatever type, is the next event: the session decides.
        catch (Exception error)
#pragma warning restore CA1031
        {
            return Failed(action, error);
        }
    }

    /// <summary>What a thread threw, as the session's event.</summary>
    public static DestinationEvent Failure(Exception exception) => ProtocolErrors.Of(exception) switch
    {
        { ErrorId: MigrationErrorId.ConnectionLost } lost => new DestinationEvent.Lost(lost),
        { } error => new DestinationEvent.Failed(error),
    };

    private DestinationEvent? Failed(DestinationAction action, Exception error)
    {
        switch (action)
        {
            case DestinationAction.Create or DestinationAction.Restore or DestinationAction.Start or DestinationAction.EndPaging:
                return new DestinationEvent.WorkFailed(ProtocolErrors.Of(error));
            case DestinationAction.ProveNeverRan:
                _afterwards.Add(error);
                return new DestinationEvent.MayHaveRun();
            case DestinationAction.Destroy:
                _afterwards.Add(error);
                return new DestinationEvent.NotDestroyed();
            case DestinationAction.TakeName:
                _afterwards.Add(error);
                MigrationException problem = ProtocolErrors.Of(error);
                return new DestinationEvent.Named(new SettledRecord(
                    custody.Name, new AbortRecord(problem.ErrorId, problem.Message, problem.Remedy)));
            case DestinationAction.Pause:
                _afterwards.Add(error);
                return null;
            case DestinationAction.Send { Record: AbortRecord or SettledRecord }:
                // The source is told where it can still be reached.
                return null;
            default:
                return Failure(error);
        }
    }
}
