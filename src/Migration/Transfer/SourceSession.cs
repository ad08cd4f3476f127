using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Transfer;

/// <summary>The source's half of the protocol: a state machine without socket, thread or clock.</summary>
/// <remarks>Not thread-safe: the caller serialises events, and carries actions out in order.</remarks>
public sealed class SourceSession : ISession<SourceState, SourceEvent, SourceAction>
{
    private readonly PrepareRecord? _prepare;

    /// <summary>Begins a migration.</summary>
    /// <param name="prepare">What the destination must know to prepare.</param>
    public SourceSession(PrepareRecord prepare)
        : this(new SourceState.Greeting()) => _prepare = prepare;

    private SourceSession(SourceState state) => State = state;

    /// <summary>Where it stands.</summary>
    public SourceState State { get; private set; }

    /// <inheritdoc/>
    public bool IsFinal => State.IsFinal;

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
                welcome.Version != Protocol.Version ? Fail(ProtocolErrors.Version(welcome.Version, Protocol.Version))
                : _prepare!.Arrival == PageArrival.Both && (welcome.Capabilities & Protocol.ArrivalOfBoth) == 0 ? Fail(ProtocolErrors.NoArrivalOfBoth())
                : (new SourceState.Preparing(), [new SourceAction.Send(_prepare)]),
            (SourceState.Resuming, SourceEvent.Received { Record: WelcomeRecord { Version: Protocol.Version } }) => (State, []),
            (SourceState.Resuming, SourceEvent.Received { Record: ResumeRecord resume }) => ResumeFrom(resume.Position),
            (SourceState.Preparing, SourceEvent.Received { Record: PreparedRecord }) =>
                (new SourceState.Open(false, false), []),
            (SourceState.Open { IsRestored: false } open, SourceEvent.Received { Record: RestoredRecord }) =>
                CommitWhenReady(open with { IsRestored = true }),
            (SourceState.Open { IsStopped: false } open, SourceEvent.Stopped) =>
                CommitWhenReady(open with { IsStopped = true }),
            (SourceState.Committing, SourceEvent.Left) =>
                (new SourceState.Committed(), [new SourceAction.Send(new CommitRecord())]),
            (SourceState.Committed, SourceEvent.Received { Record: RunningRecord }) =>
                (new SourceState.Running(), []),

            // It says nothing about the domain, and comes when the source has long gone on.
            (SourceState.Running or SourceState.Draining, SourceEvent.Received { Record: HandoverTimesRecord }) => (State, []),
            (SourceState.Running, SourceEvent.PushedAll) =>
                (new SourceState.Draining(), [new SourceAction.Send(new PushCompleteRecord())]),
            (SourceState.Draining, SourceEvent.Received { Record: CompleteRecord complete }) =>
                (new SourceState.Releasing(complete),
                    [new SourceAction.Destroy(new WhollyThereWord()), new SourceAction.Send(new ReleasedRecord())]),
            (SourceState.Releasing, SourceEvent.Received { Record: ObservationsRecord }) => (State, []),
            (SourceState.Releasing releasing, SourceEvent.Received { Record: SettledRecord settled }) =>
                (new SourceState.Finished(releasing.Report, settled), []),
            (SourceState.Committed or SourceState.Running or SourceState.Draining, SourceEvent.Cancelled) => (State, []),
            (SourceState.Releasing releasing, _) => (new SourceState.Finished(releasing.Report, null), []),

            (_, SourceEvent.Received { Record: AbortRecord abort }) => OnAbort(abort),
            (_, SourceEvent.Received received) => Fail(ProtocolErrors.Violation(
                $"The destination sent {received.Record.GetType().Name}, which is not legal while the source is {Name(State)}.")),
            (_, SourceEvent.Lost lost) => End(lost.Error, tellPeer: false),
            (_, SourceEvent.Failed failed) => Fail(failed.Error),
            (_, SourceEvent.Cancelled cancelled) => Fail(cancelled.Error),
            _ => throw new InvalidOperationException($"{Name(State)} does not take {e.GetType().Name}."),
        };
        State = next;
        return actions;
    }

    private static (SourceState, SourceAction[]) CommitWhenReady(SourceState.Open open) =>
        open is { IsRestored: true, IsStopped: true }
            ? (new SourceState.Committing(), [new SourceAction.Leave()])
            : (open, []);

    private static (SourceState, SourceAction[]) ResumeFrom(ResumePosition position) => position switch
    {
        ResumePosition.Paused => (new SourceState.Running(), [new SourceAction.Send(new ResumedRecord())]),
        ResumePosition.Complete => (new SourceState.Draining(), []),
        _ => (new SourceState.Aborted(new MigrationException(
            MigrationErrorId.AbortedByPeer,
            "The destination gave the migration up before the domain ran there; it runs on here.",
            "Start the migration again.")), ComeBack()),
    };

    /// <summary>Takes the domain back and lets it run. That it never ran there has been said by the destination, or is known because
    /// Commit was never sent.</summary>
    private static SourceAction[] ComeBack() => [new SourceAction.Return(new NeverRanThereWord()), new SourceAction.RunOn()];

    private (SourceState, SourceAction[]) OnAbort(AbortRecord abort)
    {
        MigrationException error = new(
            abort.ErrorId, $"The destination gave up: {abort.Message}", abort.Remedy);

        // A destination sends Abort only while its domain has not run, so the domain may run here even after Commit.
        return State is SourceState.Running or SourceState.Draining or SourceState.Resuming
            ? End(error, tellPeer: false)
            : (new SourceState.Aborted(error), ComeBack());
    }

    private (SourceState, SourceAction[]) Fail(MigrationException error) => End(error, tellPeer: true);

    private (SourceState, SourceAction[]) End(MigrationException error, bool tellPeer)
    {
        if (State is SourceState.Committed or SourceState.Running or SourceState.Draining or SourceState.Resuming)
        {
            return (new SourceState.Detached(error), []);
        }

        SourceAction[] actions = tellPeer
            ? [new SourceAction.Send(new AbortRecord(error.ErrorId, error.Message, error.Remedy)), .. ComeBack()]
            : ComeBack();
        return (new SourceState.Aborted(error), actions);
    }

    private static string Name(SourceState state) => state.GetType().Name;
}

/// <summary>The session's word that every page is at the destination. Being local to this file, neither word can be made
/// elsewhere.</summary>
file sealed class WhollyThereWord : WhollyThere;

/// <summary>The session's word that the domain never ran at the destination.</summary>
file sealed class NeverRanThereWord : NeverRanThere;
