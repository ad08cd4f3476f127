using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <summary>One migration at its destination, whatever number of attempts it takes: the custody of the incoming domain, which
/// pages are missing, and what came of it.</summary>
public sealed class IncomingMigration : IDisposable
{
    /// <summary>How long the end of an attempt is waited for: a hypercall may take a while.</summary>
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly IMigrationHost _host;
    private IncomingAttempt _attempt;
    private TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string _domainName = "";
    private List<Exception> _afterwards = [];
    private volatile IProgress<MigrationTrace>? _trace;

    internal IncomingMigration(Guid id, IMigrationHost host, Connection bulk, Connection demand)
    {
        Id = id;
        _host = host;
        Peer = bulk.Peer;
        _attempt = new IncomingAttempt(this, bulk, demand, new DestinationSession(), null, null);
    }

    /// <summary>The migration's id: the same at the source.</summary>
    public Guid Id { get; }

    /// <summary>The domain's name; empty until the source has said it.</summary>
    public string DomainName => _domainName;

    /// <summary>Where its last attempt stands.</summary>
    public DestinationState State => Attempt.State;

    /// <summary>Who holds the domain.</summary>
    public IncomingHolding Holding => Custody.Holding;

    /// <summary>Pages that have not arrived; zero before the core state and without RemotePF.</summary>
    public int MissingPages => Attempt.MissingPages;

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
                return _afterwards.Concat(_attempt.Afterwards).FirstOrDefault();
            }
        }
    }

    /// <summary>Done when its last attempt has come to its end, good or bad, and every thread of it has ended.</summary>
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

    /// <summary>Whether the domain runs here wholly, but could not get its final name.</summary>
    public bool IsUnnamed => Holding == IncomingHolding.Whole && State.IsFinal;

    /// <summary>Who the source is, as the transport has proved it; null where it proves nothing.</summary>
    internal string? Peer { get; }

    internal IncomingCustody Custody { get; } = new();

    internal FaultLog Faults { get; } = new(TimeProvider.System);

    /// <summary>The pages that the domain has; null until the source has said it.</summary>
    internal PageBitmap? Populated { get; private set; }

    /// <summary>What the source was told, or would have been, at the good end; null before.</summary>
    internal CompleteRecord? Report { get; private set; }

    internal IProgress<MigrationTrace>? Trace => _trace;

    private IncomingAttempt Attempt
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
    public void Disconnect() => Attempt.Disconnect();

    /// <summary>
    /// Gives a kept domain up: it is destroyed, with all that has arrived of it. A domain that is wholly here is not given up: it
    /// gets its final name.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is neither kept nor wholly here without its name.</exception>
    /// <exception cref="MigrationException">It could not be destroyed, or named.</exception>
    public void GiveUp()
    {
        // Its last attempt may still be ending: its threads must not meet a domain that goes.
        if ((IsKept || IsUnnamed) && !Ended.Wait(s_endPatience))
        {
            throw new MigrationException(
                MigrationErrorId.DomainBusy, $"What {DomainName} was doing when it was interrupted has not ended yet.",
                "Give it up again in a moment; if that does not help, look at this host's hypervisor.", DomainName);
        }

        lock (_gate)
        {
            if (Holding == IncomingHolding.GivenUp)
            {
                return;
            }

            if (IsUnnamed || (IsKept && Custody.IsAllHere))
            {
                Custody.HaveAll();
                Report ??= MakeReport(0);
                Custody.Take();
                Custody.Dispose();
                _afterwards = [];
            }
            else if (IsKept && _ended.Task.IsCompleted)
            {
                Custody.Destroy(GivenUp.ByTheAdministrator);
                Custody.Dispose();
                Populated = null;
            }
            else
            {
                throw new InvalidOperationException($"The incoming migration of {DomainName} is {State.GetType().Name}: there is nothing to give up.");
            }
        }
    }

    /// <summary>Lets go of what an ended migration holds; a domain that is kept stays with what has arrived of it.</summary>
    public void Dispose()
    {
        Attempt.Dispose();
        if (!IsKept)
        {
            Custody.Dispose();
        }
    }

    /// <summary>Tells of every record and state from now on; null for nobody.</summary>
    internal void TraceTo(IProgress<MigrationTrace>? trace)
    {
        _trace = trace;
        Attempt.TraceTo(trace);
    }

    /// <summary>The owner's thread of the first attempt.</summary>
    internal void Run() => Run(Attempt);

    /// <summary>Gives up if the domain does not run here yet; a domain that runs here is waited for.</summary>
    internal void Stop() => Attempt.Stop();

    /// <summary>
    /// A source has come back, on its own thread, which becomes the owner's: goes on over new connections. Once at a time; the
    /// attempt before it is ended first.
    /// </summary>
    /// <param name="bulk">The bulk connection, given over.</param>
    /// <param name="demand">The demand connection, given over.</param>
    /// <returns>Whether it went on; false where nothing of the domain is here, which the source may be told.</returns>
    /// <exception cref="MigrationException">It cannot be resumed: it was given up, or another resumption is under way.</exception>
    internal bool Resume(Connection bulk, Connection demand)
    {
        IncomingAttempt next;
        lock (_gate)
        {
            if (!_ended.Task.IsCompleted)
            {
                throw new MigrationException(
                    MigrationErrorId.DomainBusy, $"{DomainName} is being resumed already.", "Wait for the other resumption to end.", DomainName);
            }

            switch (PositionOf(Custody))
            {
                case ResumePosition.NeverRan:
                    return false;
                case ResumePosition.Complete:
                    next = new IncomingAttempt(
                        this, bulk, demand, DestinationSession.ResumeWhole(), new ResumeRecord(ResumePosition.Complete, new PageBitmap(0)), null);
                    break;
                default:
                    PageBitmap missing = Custody.Paging?.Missing.Clone() ?? new PageBitmap(Populated!.PageCount);
                    next = new IncomingAttempt(
                        this, bulk, demand, DestinationSession.Resume(missing.Count == 0), new ResumeRecord(ResumePosition.Paused, missing), missing);
                    break;
            }

            _afterwards = [.. _afterwards, .. _attempt.Afterwards];
            _attempt.Dispose();
            _attempt = next;
            _ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        next.TraceTo(_trace);
        Run(next);
        return true;
    }

    /// <summary>What a source that comes back is told of its domain, once every thread of the last attempt has ended.</summary>
    /// <exception cref="MigrationException">Nothing can be told: it was given up here, or never ran and cannot be destroyed.</exception>
    internal static ResumePosition PositionOf(IncomingCustody custody) => custody.Holding switch
    {
        IncomingHolding.Whole or IncomingHolding.Taken => ResumePosition.Complete,
        IncomingHolding.Started => ResumePosition.Paused,
        IncomingHolding.GivenUp => throw new MigrationException(
            MigrationErrorId.DomainNotFound,
            $"{custody.Name} was given up here: what had arrived of it is destroyed.",
            "Give it up at its source too (Stop-Migration -Force), and restore it from a backup."),
        _ => custody.Destroy() is { } ? ResumePosition.NeverRan : throw new InvalidOperationException("Nothing proves that it is gone."),
    };

    internal void Create(PrepareRecord prepare, CancellationToken cancellationToken)
    {
        DomainDescription description = prepare.Description;
        _domainName = description.Name;
        PageBitmap populated = new(description.PageCount);
        foreach (PageRange range in description.Populated)
        {
            populated.SetRange(range.First, range.Count);
        }

        Populated = populated;
        Custody.Create(_host, description, prepare.RemotePF, cancellationToken);
    }

    internal CompleteRecord MakeReport(long duplicatePages) =>
        Report = new CompleteRecord(Faults.Count, Faults.Summarise(), duplicatePages);

    /// <summary>What a loss means here: half of the domain, which is worth nothing without the other half.</summary>
    private MigrationException Keeping(MigrationException lost) => new(
        lost.ErrorId,
        $"{lost.Message} {DomainName} stands still here as {Custody.Name} and is kept with what has arrived of it; {MissingPages} of its pages are missing.",
        "Resume-Migration at its source goes on while the tool there lives. If that has ended, nobody has the missing pages any more: give up "
        + "what is here (Stop-MigrationReceiver -Force), and restore the domain from a backup.",
        DomainName,
        lost);

    private void Run(IncomingAttempt attempt)
    {
        try
        {
            attempt.Run();
            Release(attempt);
        }
#pragma warning disable CA1031 // The last resort of the owner's thread: whatever it is, the domain stays as its custody says.
        catch (Exception error)
#pragma warning restore CA1031
        {
            lock (_gate)
            {
                _afterwards.Add(error);
            }
        }
        finally
        {
            TaskCompletionSource ended;
            lock (_gate)
            {
                ended = _ended;
            }

            ended.TrySetResult();
        }
    }

    /// <summary>Frees the domain's handles where nobody needs them any more.</summary>
    private void Release(IncomingAttempt attempt)
    {
        if (attempt.State is DestinationState.Detached or DestinationState.Unproved || IsUnnamed)
        {
            return;
        }

        CleanUp cleaning = new();
        cleaning.Try(Custody.Dispose);
        Populated = null;
        lock (_gate)
        {
            _afterwards.AddRange(cleaning.Errors);
        }
    }
}
