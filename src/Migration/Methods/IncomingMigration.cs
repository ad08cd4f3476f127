using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <summary>One migration at its destination, whatever number of attempts it takes: the custody of the incoming domain, which
/// pages are missing, and what came of it.</summary>
public sealed partial class IncomingMigration : IDisposable
{
    /// <summary>How long the end of an attempt is waited for: a hypercall may take a while.</summary>
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Bytes for each page number of a domain that comes in: its bits in some bitmaps, how long faults on the page waited, and for a PV
    /// domain the page's machine frame.
    /// </summary>
    private const int PageNumberCost = 4;
    private const int PvPageNumberCost = 20;

    /// <summary>Bytes for each byte of a configuration, which is parsed, judged and built anew.</summary>
    internal const int ConfigurationCost = 16;

    private readonly Lock _gate = new();
    private readonly IMigrationHost _host;

    /// <summary>What an attempt takes. It is kept from one to the next: who comes back is not turned away because others have come since.</summary>
    private readonly MemoryShare _place;
    private readonly DestinationState? _asLeft;
    private IncomingAttempt? _attempt;
    private TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isClaimed;
    private bool _isStopped;
    private volatile string _domainName = "";
    private List<Exception> _afterwards = [];
    private volatile IProgress<MigrationTrace>? _trace;
    private readonly long _begun;
    private readonly SpeedLog _speed = new(TimeProvider.System, () => DomainHolder.Destination);
    private int _attempts = 1;

    /// <summary>Begins with a source's connections.</summary>
    internal IncomingMigration(
        Guid id, IMigrationHost host, Connection bulk, Connection demand, TimeSpan peerTimeout, TimeProvider clock, MemoryBudget budget)
        : this(id, host, bulk.Peer, PeerName.Of(bulk.PeerAddress ?? bulk.Peer), peerTimeout, clock, budget) =>
        _attempt = new IncomingAttempt(this, bulk, demand, new DestinationSession(), null, null);

    private IncomingMigration(
        Guid id, IMigrationHost host, string? peer, string? source, TimeSpan peerTimeout, TimeProvider clock, MemoryBudget budget)
    {
        Id = id;
        Budget = budget;
        Peer = peer;
        Memory = budget.Share(Peer);
        _place = budget.Share(Peer);
        _place.Take(IncomingAttempt.Cost, "A migration");
        _host = host;
        (PeerTimeout, Clock) = (peerTimeout, clock);
        _begun = clock.GetTimestamp();
        Custody = new IncomingCustody { Source = source };
    }

    /// <summary>The migration's id: the same at the source.</summary>
    public Guid Id { get; }

    /// <summary>The domain's name; empty until the source has said it.</summary>
    public string DomainName => _domainName;

    /// <summary>Where its last attempt stands.</summary>
    public DestinationState State => Attempt?.State ?? _asLeft!;

    /// <summary>Who holds the domain.</summary>
    public IncomingHolding Holding => Custody.Holding;

    /// <summary>Pages that have not arrived; zero before the core state and without RemotePF.</summary>
    public int MissingPages => Attempt?.MissingPages ?? Custody.Paging?.Missing.Count ?? 0;

    /// <summary>Whether RemotePF is on: faults of the domain come here.</summary>
    public bool IsRemotePFEnabled => Custody.Paging is not null && Holding is IncomingHolding.Preparing or IncomingHolding.Started;

    /// <summary>Remote page faults so far.</summary>
    public long RemoteFaults => Faults.Count;

    /// <summary>Remote page faults that wait now.</summary>
    public int WaitingFaults => Faults.WaitingCount;

    /// <summary>Why it ended, where it did not end well.</summary>
    public MigrationException? Error => State switch
    {
        DestinationState.Aborted aborted => aborted.Error,
        DestinationState.Unproved unproved => unproved.Error,
        DestinationState.Detached { Error.ErrorId: MigrationErrorId.ConnectionLost } lost when IsKept => Keeping(lost.Error),
        DestinationState.Detached detached => detached.Error,
        _ => null,
    };

    /// <summary>
    /// What failed once the outcome was decided: destroying what was left, or giving the domain its final name. Null where
    /// nothing did.
    /// </summary>
    public Exception? AfterwardsError
    {
        get
        {
            lock (_gate)
            {
                return _afterwards.Concat(_attempt?.Afterwards ?? []).FirstOrDefault();
            }
        }
    }

    /// <summary>Done when its last attempt has come to its end, good or bad, every thread of it has ended, and nobody gives it up or
    /// takes it up again.</summary>
    public Task Ended
    {
        get
        {
            lock (_gate)
            {
                return _ended.Task;
            }
        }
    }

    /// <summary>Whether the domain is kept here, stopped, until its source comes back or it is given up.</summary>
    public bool IsKept => Holding == IncomingHolding.Started && State is DestinationState.Detached;

    /// <summary>Whether the domain never ran here, and what was made of it could not be destroyed yet.</summary>
    public bool IsUndestroyed => Holding == IncomingHolding.Preparing && State is DestinationState.Unproved;

    /// <summary>Whether something of it is here that <see cref="GiveUp"/> decides about.</summary>
    public bool IsUndecided => IsKept || IsUnnamed || IsUndestroyed;

    /// <summary>Whether the domain runs here wholly, but could not get its final name.</summary>
    public bool IsUnnamed => Holding == IncomingHolding.Whole && State.IsFinal;

    /// <summary>Whether its domain is a simulated one, which ends with its host's process.</summary>
    internal bool IsSimulated { get; private set; }

    /// <summary>Whether its source may have committed, so that it has to ask here what came of the domain.</summary>
    internal bool MayBeAskedFor => Custody.IsRestored;

    /// <summary>Who the source is, as the transport has proved it; null where it proves nothing.</summary>
    internal string? Peer { get; }

    /// <summary>How long its source may be silent, or do nothing once the receiver is being stopped.</summary>
    internal TimeSpan PeerTimeout { get; }

    /// <summary>Measures the source's silence.</summary>
    internal TimeProvider Clock { get; }

    /// <summary>The memory of this process that all migrations share.</summary>
    internal MemoryBudget Budget { get; }

    /// <summary>This migration's share of it, for as long as it holds something of the domain.</summary>
    internal MemoryShare Memory { get; }

    /// <summary>One thread at a time works on it: the attempt's owner, and where there is no attempt whoever has claimed it.</summary>
    internal IncomingCustody Custody { get; }

    internal FaultLog Faults { get; } = new(TimeProvider.System);

    /// <summary>The pages that the domain has; null until the source has said it.</summary>
    internal PageBitmap? Populated { get; private set; }

    /// <summary>What the source was told, or would have been, at the good end; null before.</summary>
    internal CompleteRecord? Report { get; private set; }

    internal IProgress<MigrationTrace>? Trace => _trace;

    /// <summary>The host that it comes into.</summary>
    internal string HostName => _host.Name;

    /// <summary>That host's hypervisor.</summary>
    internal string Hypervisor => _host.Hypervisor;

    /// <summary>How long it has been here.</summary>
    internal TimeSpan Age => Clock.GetElapsedTime(_begun);

    /// <summary>How often its source has begun with it.</summary>
    internal int Attempts => Volatile.Read(ref _attempts);

    /// <summary>Told whenever it has come to an end, before <see cref="Ended"/> is done; it must not throw.</summary>
    internal Action<IncomingMigration>? AtEnd { get; init; }

    /// <summary>The last attempt; null where its tool was killed and its source has not come back yet.</summary>
    private IncomingAttempt? Attempt
    {
        get
        {
            lock (_gate)
            {
                return _attempt;
            }
        }
    }

    /// <summary>Closes the connections, as a network that fails does. What becomes of the domain the session decides.</summary>
    public void Disconnect() => Attempt?.Disconnect();

    /// <summary>Lets go of what an ended migration holds; a domain that is kept stays with what has arrived of it.</summary>
    public void Dispose()
    {
        CleanUp cleaning = new();
        cleaning.Try(() => Attempt?.Dispose());
        if (!IsKept)
        {
            LetGo(cleaning);
        }

        cleaning.ThrowIfFailed();
    }

    /// <summary>What a domain would take of this process' memory until it is here, the attempt's own included, in bytes.</summary>
    /// <param name="description">The domain, with or without its pages.</param>
    internal static long CostOf(DomainDescription description) =>
        IncomingAttempt.Cost + CorePageCollector.CostOf(description) + DomainCostOf(description);

    /// <summary>Lets go of what it holds, as its disposal does. What fails is kept with the other errors.</summary>
    /// <returns>Whether nothing failed.</returns>
    internal bool TryLetGo() => Noting(cleaning => cleaning.Try(Dispose));

    /// <summary>Tells of every record and state from now on; null for nobody.</summary>
    internal void TraceTo(IProgress<MigrationTrace>? trace)
    {
        _trace = trace;
        Attempt?.TraceTo(trace);
    }

    /// <summary>The owner's thread of the first attempt.</summary>
    internal void Run() => Run(Attempt!);

    /// <summary>Gives up if the domain does not run here yet; a domain that runs here is waited for.</summary>
    internal void Stop()
    {
        IncomingAttempt? attempt;
        lock (_gate)
        {
            // A source that is coming back has no attempt yet, and gets one that is stopped already.
            _isStopped |= _isClaimed;
            attempt = _attempt;
        }

        attempt?.Stop();
    }

    internal void Create(PrepareRecord prepare, CancellationToken cancellationToken)
    {
        TakeFor(prepare.Description);
        ArrivalJournal journal = new(Id, Peer, Custody.Source, prepare);
        Custody.Create(_host, prepare.Description, prepare.RemotePF, journal.ToBytes(), cancellationToken);
        PageBitmap populated = PopulatedOf(prepare.Description);
        if (prepare.Arrival == PageArrival.AfterRun)
        {
            Custody.TakeAway(populated);
        }

        Populated = populated;
    }

    /// <summary>The domain runs here for the first time: what it does is looked at from now on.</summary>
    internal void NoteRunning()
    {
        Faults.DomainRuns();
        _speed.Begin(Custody.Domain, TimeProvider.System.GetTimestamp());
    }

    /// <summary>Nobody looks at the domain any more: its handle is about to go, or it stands still.</summary>
    internal void LookNoMore() => _speed.End();

    /// <summary>What was seen of the domain here, while it ran with its source waiting.</summary>
    internal ObservationsRecord Observe()
    {
        _speed.End();
        return Faults.Observe([.. _speed.Samples().Select(sample =>
            new ObservedSpeed(sample.At, (long)Math.Min(sample.OperationsPerSecond * 1000, long.MaxValue / 2)))]);
    }

    internal CompleteRecord MakeReport(long duplicatePages) =>
        Report = new CompleteRecord(Faults.Count, Faults.Summarise(), duplicatePages);

    /// <summary>The error of a lost connection, with what it means here: this side has half of the domain, which is worth nothing without
    /// the other half.</summary>
    private MigrationException Keeping(MigrationException lost) => new(
        lost.ErrorId,
        $"{lost.Message} {DomainName} stands still here as {Custody.Name} and is kept with what has arrived of it; {MissingPages} of its pages are missing.",
        "Resume-Migration at its source goes on; where the process there has ended, Resume-Migration -TakeOver in another one does. Only where that is "
        + "refused or its host is lost nobody has the missing pages any more: give up what is here (Stop-MigrationReceiver -Force), and restore the domain from a backup.",
        DomainName,
        lost);

    /// <summary>Takes what a domain will need of this process' memory.</summary>
    private void TakeFor(DomainDescription description)
    {
        _domainName = description.Name;
        IsSimulated = description.Kind == DomainKind.Simulated;
        Memory.Take(DomainCostOf(description), $"A domain of {description.PageCount} page numbers");
    }

    private static PageBitmap PopulatedOf(DomainDescription description)
    {
        PageBitmap populated = new(description.PageCount);
        foreach (PageRange range in description.Populated)
        {
            populated.SetRange(range.First, range.Count);
        }

        return populated;
    }

    private static long DomainCostOf(DomainDescription description) =>
        ((long)description.PageCount * (description.Kind == DomainKind.PV ? PvPageNumberCost : PageNumberCost))
        + ((long)description.Configuration.Length * ConfigurationCost);

    /// <summary>The last resort of the owner's thread: whatever fails, the domain stays as its custody says, and what nobody needs is let go.</summary>
    private void Run(IncomingAttempt attempt)
    {
        Noting(cleaning =>
        {
            cleaning.Try(attempt.Run);
            Release(attempt, cleaning);
        });
        AtEnd?.Invoke(this);
        TaskCompletionSource ended;
        lock (_gate)
        {
            ended = _ended;
        }

        ended.TrySetResult();
    }

    /// <summary>Frees the domain's handles, and what was taken for it, where nobody needs them any more.</summary>
    private void Release(IncomingAttempt attempt, CleanUp cleaning)
    {
        if (Memory.IsClosed || (attempt.State is not (DestinationState.Detached or DestinationState.Unproved) && !IsUnnamed))
        {
            LetGo(cleaning);
        }
    }

    /// <summary>Takes steps of which what fails changes nothing: it is kept with the other errors.</summary>
    /// <returns>Whether nothing failed.</returns>
    private bool Noting(Action<CleanUp> steps)
    {
        CleanUp cleaning = new();
        steps(cleaning);
        lock (_gate)
        {
            _afterwards.AddRange(cleaning.Errors);
        }

        return cleaning.Errors.Count == 0;
    }

    /// <summary>Gives all of its memory back, and frees the domain's handles: neither waits for the other.</summary>
    private void LetGo(CleanUp cleaning)
    {
        Populated = null;
        cleaning.Try(_speed.Dispose);
        Memory.Dispose();
        _place.Dispose();
        cleaning.Try(Custody.Dispose);
    }
}
