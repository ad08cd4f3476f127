using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Transfer;

/// <summary>Where a destination stands. Each state says which page records, faults and aborts are legal in it.</summary>
public abstract record DestinationState
{
    private DestinationState()
    {
    }

    /// <summary>A source greeted. No pages; abort is free.</summary>
    public sealed record Greeted : DestinationState;

    /// <summary>The incoming domain is being created. No pages; abort is free.</summary>
    public sealed record Creating(PrepareRecord Prepare) : DestinationState;

    /// <summary>The incoming domain exists. Core pages are legal, pushed pages too where RemotePF is off; abort is free.</summary>
    public sealed record Collecting(bool RemotePF) : DestinationState;

    /// <summary>The core state is being restored. Pushed pages wait; demanded pages and faults are legal where RemotePF is on
    /// (an emulator may touch memory while it starts); abort is free.</summary>
    public sealed record Restoring(bool RemotePF) : DestinationState;

    /// <summary>It could run. Pushed and demanded pages and faults are legal where RemotePF is on; abort is free.</summary>
    public sealed record Restored(bool RemotePF) : DestinationState;

    /// <summary>The source has committed, and the domain is about to be unpaused here. The last moment for an abort.</summary>
    public sealed record Starting(bool RemotePF) : DestinationState;

    /// <summary>It runs. Pushed and demanded pages and faults are legal; there is no abort any more.</summary>
    /// <param name="IsPushComplete">The source has sent every page.</param>
    /// <param name="IsAllPlaced">No page is missing.</param>
    public sealed record Running(bool IsPushComplete, bool IsAllPlaced) : DestinationState;

    /// <summary>A source came back, and was told what is missing. The domain is paused; no pages, and no abort any more.</summary>
    /// <param name="IsAllPlaced">No page is missing.</param>
    public sealed record Resuming(bool IsAllPlaced) : DestinationState;

    /// <summary>RemotePF is off, all is here; the source has not let go yet. A lost connection changes nothing.</summary>
    public sealed record Completed : DestinationState;

    /// <summary>The domain is wholly here. Final.</summary>
    public sealed record Finished : DestinationState;

    /// <summary>Given up; nothing is left here. Final.</summary>
    public sealed record Aborted(MigrationException Error) : DestinationState;

    /// <summary>Lost after the start: the domain is paused with what it has. Final for this connection.</summary>
    public sealed record Detached(MigrationException Error) : DestinationState;

    /// <summary>Whether no event changes the state any more.</summary>
    public bool IsFinal => this is Finished or Aborted or Detached;

    /// <summary>Whether core pages may come.</summary>
    public bool MayTakeCorePages => this is Collecting;

    /// <summary>Whether pushed pages may come.</summary>
    public bool MayTakePages => this is Collecting { RemotePF: false } or Restored { RemotePF: true }
        or Running { IsPushComplete: false };
}

/// <summary>What happens to a destination.</summary>
public abstract record DestinationEvent
{
    private DestinationEvent()
    {
    }

    /// <summary>A control record came.</summary>
    public sealed record Received(ControlRecord Record) : DestinationEvent;

    /// <summary>The incoming domain exists.</summary>
    public sealed record Created : DestinationEvent;

    /// <summary>The core state is restored.</summary>
    public sealed record RestoreDone : DestinationEvent;

    /// <summary>The domain runs here.</summary>
    public sealed record Started : DestinationEvent;

    /// <summary>No page is missing any more.</summary>
    public sealed record PlacedAll : DestinationEvent;

    /// <summary>A connection was lost.</summary>
    public sealed record Lost(MigrationException Error) : DestinationEvent;

    /// <summary>Something failed here, or the receiver was stopped.</summary>
    public sealed record Failed(MigrationException Error) : DestinationEvent;
}

/// <summary>What a destination must do now.</summary>
public enum DestinationAction
{
    /// <summary>Create the incoming domain, RemotePF on where it is asked for; then the event Created.</summary>
    Create,

    /// <summary>Send Prepared.</summary>
    SendPrepared,

    /// <summary>Restore the core state; then the event RestoreDone.</summary>
    Restore,

    /// <summary>Send Restored.</summary>
    SendRestored,

    /// <summary>Unpause the domain; then the event Started.</summary>
    Start,

    /// <summary>Send Running.</summary>
    SendRunning,

    /// <summary>Let the domain run on, its faults answered again.</summary>
    ContinueDomain,

    /// <summary>RemotePF off, then send Complete.</summary>
    FinishPaging,

    /// <summary>Give the domain its final name.</summary>
    CompleteDomain,

    /// <summary>Tell the source, as far as it can be told, that the domain never ran here.</summary>
    SendAbort,

    /// <summary>Destroy the incoming domain.</summary>
    DestroyDomain,

    /// <summary>Pause the domain and keep it with what it has.</summary>
    PauseDomain,
}

/// <summary>The destination's half of the protocol: a state machine without socket, thread or clock.</summary>
/// <remarks>Not thread-safe: the caller serialises events, and carries actions out in order before the next event.</remarks>
public sealed class DestinationSession
{
    /// <summary>Begins a migration.</summary>
    public DestinationSession()
        : this(new DestinationState.Greeted())
    {
    }

    private DestinationSession(DestinationState state) => State = state;

    /// <summary>Where it stands.</summary>
    public DestinationState State { get; private set; }

    /// <summary>Goes on with a migration that was <see cref="DestinationState.Detached"/>, over new connections.</summary>
    /// <param name="isAllPlaced">No page is missing.</param>
    public static DestinationSession Resume(bool isAllPlaced) => new(new DestinationState.Resuming(isAllPlaced));

    /// <summary>Takes an event.</summary>
    /// <returns>What to do now, in order.</returns>
    public IReadOnlyList<DestinationAction> On(DestinationEvent e)
    {
        (DestinationState next, DestinationAction[] actions) = (State, e) switch
        {
            ({ IsFinal: true }, _) => (State, []),

            (DestinationState.Greeted, DestinationEvent.Received { Record: PrepareRecord prepare }) =>
                (new DestinationState.Creating(prepare), [DestinationAction.Create]),
            (DestinationState.Creating creating, DestinationEvent.Created) =>
                (new DestinationState.Collecting(creating.Prepare.RemotePF), [DestinationAction.SendPrepared]),
            (DestinationState.Collecting collecting, DestinationEvent.Received { Record: CoreStateRecord }) =>
                (new DestinationState.Restoring(collecting.RemotePF), [DestinationAction.Restore]),
            (DestinationState.Restoring restoring, DestinationEvent.RestoreDone) =>
                (new DestinationState.Restored(restoring.RemotePF), [DestinationAction.SendRestored]),
            (DestinationState.Restored restored, DestinationEvent.Received { Record: CommitRecord }) =>
                (new DestinationState.Starting(restored.RemotePF), [DestinationAction.Start]),
            (DestinationState.Starting starting, DestinationEvent.Started) =>
                (new DestinationState.Running(false, !starting.RemotePF), [DestinationAction.SendRunning]),

            (DestinationState.Resuming resuming, DestinationEvent.Received { Record: ResumedRecord }) =>
                (new DestinationState.Running(false, resuming.IsAllPlaced), [DestinationAction.ContinueDomain]),

            (DestinationState.Running { IsPushComplete: false } running, DestinationEvent.Received { Record: PushCompleteRecord }) =>
                FinishWhenAllHere(running with { IsPushComplete = true }),
            (DestinationState.Running { IsAllPlaced: false } running, DestinationEvent.PlacedAll) =>
                FinishWhenAllHere(running with { IsAllPlaced = true }),
            (DestinationState.Completed, DestinationEvent.Received { Record: ReleasedRecord }) =>
                (new DestinationState.Finished(), [DestinationAction.CompleteDomain]),
            // The source destroys its domain once it has Complete; whether it said so before it vanished does not matter.
            (DestinationState.Completed, DestinationEvent.Lost or DestinationEvent.Failed) =>
                (new DestinationState.Finished(), [DestinationAction.CompleteDomain]),

            (_, DestinationEvent.Received { Record: AbortRecord abort }) => End(
                new MigrationException(abort.ErrorId, $"The source gave up: {abort.Message}", abort.Remedy), tellPeer: false),
            (_, DestinationEvent.Received received) => End(
                ProtocolErrors.Violation(
                    $"The source sent {received.Record.GetType().Name}, which is not legal while the destination is {Name(State)}."),
                tellPeer: true),
            (_, DestinationEvent.Lost lost) => End(lost.Error, tellPeer: false),
            (_, DestinationEvent.Failed failed) => End(failed.Error, tellPeer: true),
            _ => throw new InvalidOperationException($"{Name(State)} does not take {e.GetType().Name}."),
        };
        State = next;
        return actions;
    }

    private static (DestinationState, DestinationAction[]) FinishWhenAllHere(DestinationState.Running running) =>
        running is { IsPushComplete: true, IsAllPlaced: true }
            ? (new DestinationState.Completed(), [DestinationAction.FinishPaging])
            : (running, []);

    private (DestinationState, DestinationAction[]) End(MigrationException error, bool tellPeer)
    {
        if (State is DestinationState.Running)
        {
            return (new DestinationState.Detached(error), [DestinationAction.PauseDomain]);
        }

        if (State is DestinationState.Resuming)
        {
            return (new DestinationState.Detached(error), []);
        }

        // Destroyed before the source is told: when it runs the domain again, there is no second one, not even paused.
        DestinationAction[] actions = tellPeer
            ? [DestinationAction.DestroyDomain, DestinationAction.SendAbort]
            : [DestinationAction.DestroyDomain];
        return (new DestinationState.Aborted(error), actions);
    }

    private static string Name(DestinationState state) => state.GetType().Name;
}
