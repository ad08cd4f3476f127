using PreRecordMigration.Custody;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Transfer;

/// <summary>
/// Where a source stands. Each state says what is legal in it: pushes (page records to the destination), faults (answers
/// to page requests), and aborts (ending with the domain running here).
/// </summary>
public abstract record SourceState
{
    private SourceState()
    {
    }

    /// <summary>Connected; the greeting is out. No pushes, no faults; abort is free.</summary>
    public sealed record Greeting : SourceState;

    /// <summary>Back after a loss: the destination is asked where it stands. No pushes, no faults; the domain stays stopped
    /// unless the destination says that it never ran there.</summary>
    public sealed record Resuming : SourceState;

    /// <summary>The destination creates the incoming domain. No pushes, no faults; abort is free.</summary>
    public sealed record Preparing : SourceState;

    /// <summary>
    /// The incoming domain exists. The checkpoint, the core state, recorded pages and rounds travel now: pushes are legal,
    /// and faults once the core state is out (nothing runs there, but an emulator may touch memory while it starts); abort
    /// is free. Both must be true before the commit.
    /// </summary>
    /// <param name="IsRestored">The destination has everything it needs to run.</param>
    /// <param name="IsStopped">The domain has stopped here for good.</param>
    public sealed record Open(bool IsRestored, bool IsStopped) : SourceState;

    /// <summary>Both are true; that the domain leaves is being noted here. Commit is not sent, so abort is free.</summary>
    public sealed record Committing : SourceState;

    /// <summary>Commit is about to be sent or sent, Running not yet received. Pushes and faults are legal. The domain stays stopped
    /// here unless the destination says that it never ran there.</summary>
    public sealed record Committed : SourceState;

    /// <summary>The domain runs there. Pushes and faults are legal; there is no abort any more.</summary>
    public sealed record Running : SourceState;

    /// <summary>Every page is sent. No pushes; faults are legal until all is placed; no abort.</summary>
    public sealed record Draining : SourceState;

    /// <summary>Every page is there. The domain here is being destroyed, and the destination gives its own the final name. Whatever
    /// is lost or fails now, the domain has moved.</summary>
    public sealed record Releasing(CompleteRecord Report) : SourceState;

    /// <summary>Moved. Final.</summary>
    /// <param name="Report">What the destination saw.</param>
    /// <param name="Settled">How the naming there went; null where that was not heard.</param>
    public sealed record Finished(CompleteRecord Report, SettledRecord? Settled) : SourceState;

    /// <summary>Given up before the domain could run elsewhere: it runs here. Final.</summary>
    public sealed record Aborted(MigrationException Error) : SourceState;

    /// <summary>Lost after the commit: the domain stays paused here with its memory. Final for this connection.</summary>
    public sealed record Detached(MigrationException Error) : SourceState;

    /// <summary>How far the migration has come.</summary>
    public SourceStage Stage => this switch
    {
        Open or Committing => SourceStage.Open,
        Committed => SourceStage.Committed,
        Running => SourceStage.Running,
        Draining => SourceStage.Draining,
        Releasing => SourceStage.Releasing,
        Finished => SourceStage.Finished,
        _ => SourceStage.None,
    };

    /// <summary>Whether no event changes the state any more.</summary>
    public bool IsFinal => this is Finished or Aborted or Detached;

    /// <summary>Whether page requests may come.</summary>
    public bool MayAnswerFaults => this is Open or Committing or Committed or Running or Draining;
}

/// <summary>How far a migration has come on its good way, in order.</summary>
public enum SourceStage
{
    /// <summary>Not open yet, or ended otherwise.</summary>
    None,

    /// <summary>The incoming domain exists.</summary>
    Open,

    /// <summary>Commit is sent.</summary>
    Committed,

    /// <summary>The domain runs there.</summary>
    Running,

    /// <summary>Every page is sent.</summary>
    Draining,

    /// <summary>Every page is there.</summary>
    Releasing,

    /// <summary>The domain has moved.</summary>
    Finished,
}

/// <summary>What happens to a source.</summary>
public abstract record SourceEvent
{
    private SourceEvent()
    {
    }

    /// <summary>A control record came.</summary>
    public sealed record Received(ControlRecord Record) : SourceEvent;

    /// <summary>The domain has stopped here for good, and its core state is sent.</summary>
    public sealed record Stopped : SourceEvent;

    /// <summary>That the domain leaves is noted.</summary>
    public sealed record Left : SourceEvent;

    /// <summary>Every page has been sent.</summary>
    public sealed record PushedAll : SourceEvent;

    /// <summary>A connection was lost.</summary>
    public sealed record Lost(MigrationException Error) : SourceEvent;

    /// <summary>Something failed here.</summary>
    public sealed record Failed(MigrationException Error) : SourceEvent;

    /// <summary>The administrator cancelled. After the commit that is passed over: the shortest way to safety is to finish.</summary>
    public sealed record Cancelled(MigrationException Error) : SourceEvent;
}

/// <summary>What a source must do now.</summary>
public abstract record SourceAction
{
    private SourceAction()
    {
    }

    /// <summary>Send a record on the bulk connection.</summary>
    public sealed record Send(ControlRecord Record) : SourceAction;

    /// <summary>Note that the domain leaves; then the event Left.</summary>
    public sealed record Leave : SourceAction;

    /// <summary>Destroy the domain here.</summary>
    public sealed record Destroy(WhollyThere Word) : SourceAction;

    /// <summary>The domain never ran there: it is only stopped here.</summary>
    public sealed record Return(NeverRanThere Word) : SourceAction;

    /// <summary>Let the domain run on here.</summary>
    public sealed record RunOn : SourceAction;
}
