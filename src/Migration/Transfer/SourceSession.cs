using PreRecordMigration.Hypervisor;

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

    /// <summary>Commit is sent, Running not yet received. Pushes and faults are legal. The domain stays stopped here unless
    /// the destination says that it never ran there.</summary>
    public sealed record Committed : SourceState;

    /// <summary>The domain runs there. Pushes and faults are legal; there is no abort any more.</summary>
    public sealed record Running : SourceState;

    /// <summary>Every page is sent. No pushes; faults are legal until all is placed; no abort.</summary>
    public sealed record Draining : SourceState;

    /// <summary>Every page is there, the domain here is destroyed. Final.</summary>
    public sealed record Finished(CompleteRecord Report) : SourceState;

    /// <summary>Given up before the domain could run elsewhere: it runs here. Final.</summary>
    public sealed record Aborted(MigrationException Error) : SourceState;

    /// <summary>Lost after the commit: the domain stays paused here with its memory. Final for this connection.</summary>
    public sealed record Detached(MigrationException Error) : SourceState;

    /// <summary>How far the migration has come.</summary>
    public SourceStage Stage => this switch
    {
        Open => SourceStage.Open,
        Committed => SourceStage.Committed,
        Running => SourceStage.Running,
        Draining => SourceStage.Draining,
        Finished => SourceStage.Finished,
        _ => SourceStage.None,
    };

    /// <summary>Whether no event changes the state any more.</summary>
    public bool IsFinal => this is Finished or Aborted or Detached;

    /// <summary>Whether page records may be pushed.</summary>
    public bool MayPush => this is Open or Committed or Running;

    /// <summary>Whether page requests may come.</summary>
    public bool MayAnswerFaults => this is Open or Committed or Running or Draining;
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

    /// <summary>Every page has been sent.</summary>
    public sealed record PushedAll : SourceEvent;

    /// <summary>A connection was lost.</summary>
    public sealed record Lost(MigrationException Error) : SourceEvent;

    /// <summary>Something failed here, or the administrator cancelled.</summary>
    public sealed record Failed(MigrationException Error) : SourceEvent;
}

/// <summary>What a source must do now.</summary>
public enum SourceAction
{
    /// <summary>Send Prepare.</summary>
    SendPrepare,

    /// <summary>Send Commit.</summary>
    SendCommit,

    /// <summary>Send PushComplete.</summary>
    SendPushComplete,

    /// <summary>Send Resumed; what is missing there is pushed and asked for from here on.</summary>
    SendResumed,

    /// <summary>Destroy the domain here, then send Released.</summary>
    DestroyAndRelease,

    /// <summary>Tell the destination, as far as it can be told.</summary>
    SendAbort,

    /// <summary>Let the domain run on here.</summary>
    ResumeDomain,

    /// <summary>Leave the domain stopped, with its memory.</summary>
    KeepStopped,
}

/// <summary>The source's half of the protocol: a state machine without socket, thread or clock.</summary>
/// <remarks>Not thread-safe: the caller serialises events, and carries actions out in order before the next event.</remarks>
public sealed class SourceSession
{
    /// <summary>Begins a migration.</summary>
    public SourceSession()
        : this(new SourceState.Greeting())
    {
    }

    private SourceSession(SourceState state) => State = state;

    /// <summary>Where it stands.</summary>
    public SourceState State { get; private set; }

    /// <summary>Goes on with a migration that was <see cref="SourceState.Detached"/>, over new connections.</summary>
    public static SourceSession Resume() => new(new SourceState.Resuming());

    /// <summary>Takes an event.</summary>
    /// <returns>What to do now, in order.</returns>
    public IReadOnlyList<SourceAction> On(SourceEvent e)
    {
        (SourceState next, SourceAction[] actions) = (State, e) switch
        {
            ({ IsFinal: true }, _) => (State, []),

            (SourceState.Greeting, SourceEvent.Received { Record: WelcomeRecord welcome }) =>
                welcome.Version == Protocol.Version
                    ? (new SourceState.Preparing(), [SourceAction.SendPrepare])
                    : Fail(ProtocolErrors.Version(welcome.Version)),
            (SourceState.Resuming, SourceEvent.Received { Record: WelcomeRecord { Version: Protocol.Version } }) => (State, []),
            (SourceState.Resuming, SourceEvent.Received { Record: ResumeRecord resume }) => ResumeFrom(resume.Position),
            (SourceState.Preparing, SourceEvent.Received { Record: PreparedRecord }) =>
                (new SourceState.Open(false, false), []),
            (SourceState.Open { IsRestored: false } open, SourceEvent.Received { Record: RestoredRecord }) =>
                CommitWhenReady(open with { IsRestored = true }),
            (SourceState.Open { IsStopped: false } open, SourceEvent.Stopped) =>
                CommitWhenReady(open with { IsStopped = true }),
            (SourceState.Committed, SourceEvent.Received { Record: RunningRecord }) =>
                (new SourceState.Running(), []),
            (SourceState.Running, SourceEvent.PushedAll) =>
                (new SourceState.Draining(), [SourceAction.SendPushComplete]),
            (SourceState.Draining, SourceEvent.Received { Record: CompleteRecord complete }) =>
                (new SourceState.Finished(complete), [SourceAction.DestroyAndRelease]),

            (_, SourceEvent.Received { Record: AbortRecord abort }) => OnAbort(abort),
            (_, SourceEvent.Received received) => Fail(ProtocolErrors.Violation(
                $"The destination sent {received.Record.GetType().Name}, which is not legal while the source is {Name(State)}.")),
            (_, SourceEvent.Lost lost) => End(lost.Error, tellPeer: false),
            (_, SourceEvent.Failed failed) => Fail(failed.Error),
            _ => throw new InvalidOperationException($"{Name(State)} does not take {e.GetType().Name}."),
        };
        State = next;
        return actions;
    }

    private static (SourceState, SourceAction[]) CommitWhenReady(SourceState.Open open) =>
        open is { IsRestored: true, IsStopped: true }
            ? (new SourceState.Committed(), [SourceAction.SendCommit])
            : (open, []);

    private static (SourceState, SourceAction[]) ResumeFrom(ResumePosition position) => position switch
    {
        ResumePosition.Paused => (new SourceState.Running(), [SourceAction.SendResumed]),
        ResumePosition.Complete => (new SourceState.Draining(), []),
        _ => (new SourceState.Aborted(new MigrationException(
            MigrationErrorId.AbortedByPeer,
            "The destination gave the migration up before the domain ran there; it runs on here.",
            "Start the migration again.")), [SourceAction.ResumeDomain]),
    };

    private (SourceState, SourceAction[]) OnAbort(AbortRecord abort)
    {
        MigrationException error = new(
            abort.ErrorId, $"The destination gave up: {abort.Message}", abort.Remedy);
        // A destination sends Abort only while its domain has not run, so the domain may run here even after Commit.
        return State is SourceState.Running or SourceState.Draining or SourceState.Resuming
            ? End(error, tellPeer: false)
            : (new SourceState.Aborted(error), [SourceAction.ResumeDomain]);
    }

    private (SourceState, SourceAction[]) Fail(MigrationException error) => End(error, tellPeer: true);

    private (SourceState, SourceAction[]) End(MigrationException error, bool tellPeer)
    {
        if (State is SourceState.Committed or SourceState.Running or SourceState.Draining or SourceState.Resuming)
        {
            return (new SourceState.Detached(error), [SourceAction.KeepStopped]);
        }

        SourceAction[] actions = tellPeer
            ? [SourceAction.SendAbort, SourceAction.ResumeDomain]
            : [SourceAction.ResumeDomain];
        return (new SourceState.Aborted(error), actions);
    }

    private static string Name(SourceState state) => state.GetType().Name;
}
