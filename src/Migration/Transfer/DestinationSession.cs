using PreRecordMigration.Errors;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Transfer;

/// <summary>The destination's half of the protocol: a state machine without socket, thread or clock.</summary>
/// <remarks>Not thread-safe: the caller serialises events, and carries actions out in order.</remarks>
public sealed class DestinationSession : ISession<DestinationState, DestinationEvent, DestinationAction>
{
    /// <summary>Begins a migration.</summary>
    public DestinationSession()
        : this(new DestinationState.Greeted())
    {
    }

    private DestinationSession(DestinationState state) => State = state;

    /// <summary>Where it stands.</summary>
    public DestinationState State { get; private set; }

    /// <inheritdoc/>
    public bool IsFinal => State.IsFinal;

    /// <summary>Goes on with a migration that was <see cref="DestinationState.Detached"/>, over new connections.</summary>
    /// <param name="isAllPlaced">No page is missing.</param>
    public static DestinationSession Resume(bool isAllPlaced) => new(new DestinationState.Resuming(isAllPlaced));

    /// <summary>Answers a source that comes back for a domain which is whole here already.</summary>
    public static DestinationSession ResumeWhole() => new(new DestinationState.Completed());

    /// <summary>Takes an event.</summary>
    /// <returns>What to do now, in order.</returns>
    public IReadOnlyList<DestinationAction> On(DestinationEvent e)
    {
        (DestinationState next, DestinationAction[] actions) = Next(State, e);
        State = next;
        return actions;
    }

    private static (DestinationState, DestinationAction[]) Next(DestinationState state, DestinationEvent e) => (state, e) switch
    {
        ({ IsFinal: true }, _) => (state, []),
        (DestinationState.Starting or DestinationState.Undoing or DestinationState.Running or { IsWhole: true }, DestinationEvent.Stopped) =>
            (state, []),

        (DestinationState.Greeted, DestinationEvent.Received { Record: PrepareRecord prepare }) =>
            (new DestinationState.Creating(prepare, null), [new DestinationAction.Create(prepare)]),
        (DestinationState.Creating creating, DestinationEvent.Created) =>
            creating.End is null
                ? (new DestinationState.Collecting(creating.Prepare.Arrival), [new DestinationAction.Send(new PreparedRecord())])
                : EndBeforeStart(state, creating.End),
        (DestinationState.Collecting collecting, DestinationEvent.Received { Record: CoreStateRecord core }) =>
            (new DestinationState.Restoring(collecting.Arrival != PageArrival.BeforeRun, null), [new DestinationAction.Restore(core)]),
        (DestinationState.Restoring restoring, DestinationEvent.RestoreDone) =>
            restoring.End is null
                ? (new DestinationState.Restored(restoring.RemotePF), [new DestinationAction.Send(new RestoredRecord())])
                : EndBeforeStart(state, restoring.End),
        (DestinationState.Restored restored, DestinationEvent.Received { Record: CommitRecord }) =>
            (new DestinationState.Starting(restored.RemotePF, null), [new DestinationAction.Start()]),
        (DestinationState.Starting starting, DestinationEvent.Started started) =>
            starting.End is null
                ? (new DestinationState.Running(false, !starting.RemotePF), [new DestinationAction.Send(new RunningRecord()), new DestinationAction.Send(started.Times)])
                : EndAfterStart(state, starting.End, isAllPlaced: !starting.RemotePF),
        (DestinationState.Starting, DestinationEvent.WorkFailed failed) =>
            (new DestinationState.Undoing(failed.Error), [new DestinationAction.ProveNeverRan()]),

        // While the owner is at work on the domain, only the outcome of that work changes the state. An end that comes from elsewhere is
        // noted until then, and of several the first.
        (DestinationState.Creating busy, DestinationEvent.WorkFailed failed) => EndBeforeStart(state, busy.End ?? new DestinationEvent.Failed(failed.Error)),
        (DestinationState.Restoring busy, DestinationEvent.WorkFailed failed) => EndBeforeStart(state, busy.End ?? new DestinationEvent.Failed(failed.Error)),
        (DestinationState.Creating { End: null } busy, _) when IsEnd(e) => (busy with { End = e }, []),
        (DestinationState.Restoring { End: null } busy, _) when IsEnd(e) => (busy with { End = e }, []),
        (DestinationState.Starting { End: null } busy, _) when IsEnd(e) => (busy with { End = e }, []),

        // A source that gives up closes the other connection too, and its reason may be read after that.
        (DestinationState.Creating { End: DestinationEvent.Lost } busy, DestinationEvent.Received { Record: AbortRecord }) => (busy with { End = e }, []),
        (DestinationState.Restoring { End: DestinationEvent.Lost } busy, DestinationEvent.Received { Record: AbortRecord }) => (busy with { End = e }, []),
        (DestinationState.Creating or DestinationState.Restoring or DestinationState.Starting, _) when IsEnd(e) => (state, []),

        (DestinationState.Undoing undoing, DestinationEvent.NeverRan) => Abort(undoing.Error, tellPeer: true),
        (DestinationState.Undoing undoing, DestinationEvent.MayHaveRun) => (new DestinationState.Detached(undoing.Error), []),
        (DestinationState.Undoing, _) when IsEnd(e) => (state, []),

        (DestinationState.Resuming resuming, DestinationEvent.Received { Record: ResumedRecord }) =>
            (new DestinationState.Running(false, resuming.IsAllPlaced), [new DestinationAction.Continue()]),

        (DestinationState.Running { IsPushComplete: false } running, DestinationEvent.Received { Record: PushCompleteRecord }) =>
            FinishWhenAllHere(running with { IsPushComplete = true }),
        (DestinationState.Running { IsAllPlaced: false } running, DestinationEvent.PlacedAll) =>
            FinishWhenAllHere(running with { IsAllPlaced = true }),

        // Two threads may see the last page placed.
        (DestinationState.Running or DestinationState.Resuming or { IsWhole: true }, DestinationEvent.PlacedAll) => (state, []),

        // The domain turned out not to be whole, or does not run: it is kept, as after a lost connection.
        (DestinationState.Finishing, DestinationEvent.WorkFailed failed) =>
            (new DestinationState.Detached(failed.Error), [new DestinationAction.Pause()]),
        (DestinationState.Finishing { End: null }, DestinationEvent.PagingEnded ended) =>
            (new DestinationState.Completed(), [new DestinationAction.Send(ended.Report), new DestinationAction.Send(ended.Observations)]),
        (DestinationState.Finishing, DestinationEvent.PagingEnded ended) =>
            (new DestinationState.Naming(), [new DestinationAction.Send(ended.Report), new DestinationAction.Send(ended.Observations), new DestinationAction.TakeName()]),
        (DestinationState.Finishing { End: null } finishing, _) when IsEnd(e) => (finishing with { End = e }, []),
        (DestinationState.Finishing, _) when IsEnd(e) => (state, []),

        // The source destroys its domain once it has Complete; whether it said so before it vanished does not matter.
        (DestinationState.Completed, DestinationEvent.Received { Record: ReleasedRecord }) => Name(),
        (DestinationState.Completed, _) when IsEnd(e) => Name(),
        (DestinationState.Naming, DestinationEvent.Named named) =>
            (new DestinationState.Finished(), [new DestinationAction.Send(named.Outcome)]),
        (DestinationState.Naming, _) when IsEnd(e) => (state, []),

        (DestinationState.Aborting aborting, DestinationEvent.Destroyed) => (
            new DestinationState.Aborted(aborting.Error),
            aborting.TellPeer
                ? [new DestinationAction.Send(new AbortRecord(aborting.Error.ErrorId, aborting.Error.Message, aborting.Error.Remedy))]
                : []),
        (DestinationState.Aborting aborting, DestinationEvent.NotDestroyed) => (new DestinationState.Unproved(aborting.Error), []),
        (DestinationState.Aborting, _) when IsEnd(e) => (state, []),

        (DestinationState.Running running, _) when IsEnd(e) => EndAfterStart(state, e, running.IsAllPlaced),
        (DestinationState.Resuming, _) when IsEnd(e) => (new DestinationState.Detached(ErrorOf(state, e)), []),
        (_, _) when IsEnd(e) => EndBeforeStart(state, e),
        _ => throw new InvalidOperationException($"{NameOf(state)} does not take {e.GetType().Name}."),
    };

    private static (DestinationState, DestinationAction[]) FinishWhenAllHere(DestinationState.Running running) =>
        running is { IsPushComplete: true, IsAllPlaced: true } ? Finish(null) : (running, []);

    private static (DestinationState, DestinationAction[]) Finish(DestinationEvent? end) =>
        (new DestinationState.Finishing(end), [new DestinationAction.EndPaging()]);

    private static (DestinationState, DestinationAction[]) Name() =>
        (new DestinationState.Naming(), [new DestinationAction.TakeName()]);

    /// <summary>What the end of a migration means after the start: a domain of which nothing is missing needs its source no more, and any
    /// other waits for it.</summary>
    private static (DestinationState, DestinationAction[]) EndAfterStart(DestinationState state, DestinationEvent e, bool isAllPlaced) =>
        isAllPlaced ? Finish(e) : (new DestinationState.Detached(ErrorOf(state, e)), [new DestinationAction.Pause()]);

    private static (DestinationState, DestinationAction[]) EndBeforeStart(DestinationState state, DestinationEvent e) =>
        Abort(ErrorOf(state, e), tellPeer: e is not (DestinationEvent.Lost or DestinationEvent.Received { Record: AbortRecord }));

    /// <summary>Gives up before the start. The domain is destroyed before the source is told, so that there is no second one, not even a
    /// paused one, when the source runs its own again.</summary>
    private static (DestinationState, DestinationAction[]) Abort(MigrationException error, bool tellPeer) =>
        (new DestinationState.Aborting(error, tellPeer), [new DestinationAction.Destroy()]);

    /// <summary>Whether an event ends a migration: a loss, a failure, the source's abort, or a record that is not legal.</summary>
    private static bool IsEnd(DestinationEvent e) =>
        e is DestinationEvent.Lost or DestinationEvent.Failed or DestinationEvent.Stopped or DestinationEvent.Received;

    private static MigrationException ErrorOf(DestinationState state, DestinationEvent e) => e switch
    {
        DestinationEvent.Lost lost => lost.Error,
        DestinationEvent.Failed failed => failed.Error,
        DestinationEvent.Stopped stopped => stopped.Error,
        DestinationEvent.Received { Record: AbortRecord abort } =>
            new MigrationException(abort.ErrorId, $"The source gave up: {abort.Message}", abort.Remedy),
        DestinationEvent.Received received => ProtocolErrors.Violation(
            $"The source sent {received.Record.GetType().Name}, which is not legal while the destination is {NameOf(state)}."),
        _ => throw new InvalidOperationException($"{e.GetType().Name} ends nothing."),
    };

    private static string NameOf(DestinationState state) => state.GetType().Name;
}
