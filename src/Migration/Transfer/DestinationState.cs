using PreRecordMigration.Custody;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Transfer;

/// <summary>Where a destination stands. Each state says which page records, faults and aborts are legal in it.</summary>
/// <remarks>While the incoming domain is created, restored or started an end of the migration (<c>End</c>) is only noted: the
/// owner is at work on the domain, and what its work comes to decides what the end means.</remarks>
public abstract record DestinationState
{
    private DestinationState()
    {
    }

    /// <summary>A source greeted. No pages; abort is free.</summary>
    public sealed record Greeted : DestinationState;

    /// <summary>The incoming domain is being created. No pages; abort is free.</summary>
    public sealed record Creating(PrepareRecord Prepare, DestinationEvent? End) : DestinationState;

    /// <summary>The incoming domain exists. Core pages are legal, pushed pages too where memory arrives before the run, and the names of
    /// those that follow where it arrives after it as well; abort is free.</summary>
    public sealed record Collecting(PageArrival Arrival) : DestinationState;

    /// <summary>The core state is being restored. Pushed pages wait; demanded pages and faults are legal where RemotePF is on
    /// (an emulator may touch memory while it starts); abort is free.</summary>
    public sealed record Restoring(bool RemotePF, DestinationEvent? End) : DestinationState;

    /// <summary>It could run. Pushed and demanded pages and faults are legal where RemotePF is on; abort is free.</summary>
    public sealed record Restored(bool RemotePF) : DestinationState;

    /// <summary>The source has committed, and the domain is being unpaused here. Pushed pages wait.</summary>
    public sealed record Starting(bool RemotePF, DestinationEvent? End) : DestinationState;

    /// <summary>Unpausing failed: whether the domain ran all the same is being found out.</summary>
    public sealed record Undoing(MigrationException Error) : DestinationState;

    /// <summary>It runs. Pushed and demanded pages and faults are legal; there is no abort any more.</summary>
    /// <param name="IsPushComplete">The source has sent every page.</param>
    /// <param name="IsAllPlaced">No page is missing.</param>
    public sealed record Running(bool IsPushComplete, bool IsAllPlaced) : DestinationState;

    /// <summary>A source came back, and was told what is missing. The domain is paused; no pages, and no abort any more.</summary>
    /// <param name="IsAllPlaced">No page is missing.</param>
    public sealed record Resuming(bool IsAllPlaced) : DestinationState;

    /// <summary>Nothing is missing: the domain runs on whatever happens. RemotePF is being switched off.</summary>
    /// <param name="End">What ended the migration beside that: nobody hears the source any more, so that its release is not waited for.</param>
    public sealed record Finishing(DestinationEvent? End) : DestinationState;

    /// <summary>RemotePF is off, all is here, the source has been told. A lost connection changes nothing.</summary>
    public sealed record Completed : DestinationState;

    /// <summary>The source has let go, or is lost: the domain gets its final name.</summary>
    public sealed record Naming : DestinationState;

    /// <summary>The domain is wholly here. Final.</summary>
    public sealed record Finished : DestinationState;

    /// <summary>Given up before it ran: the incoming domain is being destroyed.</summary>
    public sealed record Aborting(MigrationException Error, bool TellPeer) : DestinationState;

    /// <summary>Given up; nothing is left here. Final.</summary>
    public sealed record Aborted(MigrationException Error) : DestinationState;

    /// <summary>Given up, and what was made here could not be destroyed: the source is told nothing. Final.</summary>
    public sealed record Unproved(MigrationException Error) : DestinationState;

    /// <summary>Lost after the start: the domain is paused with what it has. Final for this connection.</summary>
    public sealed record Detached(MigrationException Error) : DestinationState;

    /// <summary>Whether no event changes the state any more.</summary>
    public bool IsFinal => this is Finished or Aborted or Unproved or Detached;

    /// <summary>Whether the owner is at work on the domain, so that what arrives has to wait.</summary>
    public bool MustWait => this is Restoring or Starting or Undoing or Finishing or Naming or Aborting;

    /// <summary>Whether the work on the domain is to be broken off, because the migration has ended meanwhile.</summary>
    public bool IsInterrupted => this is Creating { End: not null } or Restoring { End: not null };

    /// <summary>Whether the migration is open and the domain has not run, so that a source which has gone may have said why.</summary>
    public bool MayBeExplained => this is Greeted or Creating { End: null } or Collecting or Restoring { End: null } or Restored;

    /// <summary>Whether nothing of the domain is missing any more, so that it runs on without its source.</summary>
    public bool IsWhole => this is Finishing or Completed or Naming or Finished;

    /// <summary>Whether core pages may come.</summary>
    public bool MayTakeCorePages => this is Collecting;

    /// <summary>Whether pushed pages may come.</summary>
    public bool MayTakePages => this is Collecting { Arrival: not PageArrival.AfterRun } or Restored { RemotePF: true }
        or Running { IsPushComplete: false };

    /// <summary>Whether the source may name pages that arrive after the domain runs.</summary>
    public bool MayTakeRest => this is Collecting { Arrival: PageArrival.Both };
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
    /// <param name="Times">What the handover took here.</param>
    public sealed record Started(HandoverTimesRecord Times) : DestinationEvent;

    /// <summary>What the owner was at work on (creating, restoring, starting) failed, or so it reported.</summary>
    public sealed record WorkFailed(MigrationException Error) : DestinationEvent;

    /// <summary>It is proved that the domain never ran here.</summary>
    public sealed record NeverRan : DestinationEvent;

    /// <summary>The domain may have run here, and is paused as far as that could be done.</summary>
    public sealed record MayHaveRun : DestinationEvent;

    /// <summary>No page is missing any more.</summary>
    public sealed record PlacedAll : DestinationEvent;

    /// <summary>RemotePF is off.</summary>
    /// <param name="Report">What the source is told of it.</param>
    /// <param name="Observations">What it is told beyond that, behind it.</param>
    public sealed record PagingEnded(CompleteRecord Report, ObservationsRecord Observations) : DestinationEvent;

    /// <summary>The domain has its final name, or could not get it.</summary>
    public sealed record Named(SettledRecord Outcome) : DestinationEvent;

    /// <summary>The incoming domain is destroyed.</summary>
    public sealed record Destroyed(CopyGone Proof) : DestinationEvent;

    /// <summary>The incoming domain could not be destroyed.</summary>
    public sealed record NotDestroyed : DestinationEvent;

    /// <summary>A connection was lost.</summary>
    public sealed record Lost(MigrationException Error) : DestinationEvent;

    /// <summary>Something failed here.</summary>
    public sealed record Failed(MigrationException Error) : DestinationEvent;

    /// <summary>The receiver is being stopped. A domain that runs here is waited for all the same.</summary>
    public sealed record Stopped(MigrationException Error) : DestinationEvent;
}

/// <summary>What a destination must do now.</summary>
public abstract record DestinationAction
{
    private DestinationAction()
    {
    }

    /// <summary>Send a record on the bulk connection.</summary>
    public sealed record Send(ControlRecord Record) : DestinationAction;

    /// <summary>Create the incoming domain, RemotePF on where it is asked for; then the event Created, or WorkFailed.</summary>
    public sealed record Create(PrepareRecord Prepare) : DestinationAction;

    /// <summary>Restore the core state; then the event RestoreDone, or WorkFailed.</summary>
    public sealed record Restore(CoreStateRecord Core) : DestinationAction;

    /// <summary>Unpause the domain; then the event Started, or WorkFailed.</summary>
    public sealed record Start : DestinationAction;

    /// <summary>Find out whether a domain that could not be started has run; then the event NeverRan, or MayHaveRun.</summary>
    public sealed record ProveNeverRan : DestinationAction;

    /// <summary>Let the domain run on, its faults answered again.</summary>
    public sealed record Continue : DestinationAction;

    /// <summary>Nothing is missing: RemotePF off; then the event PagingEnded.</summary>
    public sealed record EndPaging : DestinationAction;

    /// <summary>Give the domain its final name; then the event Named.</summary>
    public sealed record TakeName : DestinationAction;

    /// <summary>Destroy the incoming domain, which never ran; then the event Destroyed, or NotDestroyed.</summary>
    public sealed record Destroy : DestinationAction;

    /// <summary>Pause the domain and keep it with what it has.</summary>
    public sealed record Pause : DestinationAction;
}
