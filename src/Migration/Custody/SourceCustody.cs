using System.Collections.Concurrent;
using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;

namespace PreRecordMigration.Custody;

/// <summary>
/// Holds a domain at its source, with its traps and its held outputs: whatever lets it run, stop, leave or go is asked for here.
/// It notes outside of this process what is about to be done before it is done, so that the next tool can go on from there.
/// </summary>
/// <remarks>One thread at a time calls it. Each step can fail without changing who owns the domain: <see cref="Holding"/> is
/// what is true after the failure.</remarks>
public sealed class SourceCustody : IDisposable
{
    /// <summary>Domains that left and were neither resumed nor given up, with all that hangs on them: nobody else may hold them.</summary>
    private static readonly ConcurrentDictionary<SourceCustody, byte> s_pinned = new();

    private readonly List<IDisposable> _traps = [];
    private IOutputPlug? _plug;
    private bool _areOutputsHeld;
    private volatile SourceHolding _holding;
    private bool _isClosed;

    /// <summary>Takes a running domain over.</summary>
    /// <param name="domain">The domain; disposed with the custody, unless it must be kept.</param>
    public SourceCustody(ISourceDomain domain) => Domain = domain;

    /// <summary>Takes a domain over that left when another process held it: it stays as it is, and only a word changes that.</summary>
    /// <param name="left">The domain; disposed with the custody, unless it must be kept.</param>
    public SourceCustody(LeftDomain left)
        : this(left.Domain)
    {
        Departure = left.Departure;
        _plug = left.Outputs;
        _areOutputsHeld = _plug is not null;
        _holding = SourceHolding.Leaving;
        s_pinned[this] = 0;
    }

    /// <summary>The domain. To stop, wake or destroy it is this custody's business alone.</summary>
    public ISourceDomain Domain { get; }

    /// <summary>Who holds it.</summary>
    public SourceHolding Holding => _holding;

    /// <summary>Where it goes and how its migration is taken over, for whoever finds it leaving; null where nobody knows.</summary>
    public Departure? Departure { get; set; }

    /// <summary>Asks the guest to suspend.</summary>
    /// <exception cref="MigrationException">It did not; <see cref="RunOn"/> makes sure that it runs on.</exception>
    public void Suspend(TimeSpan timeout, CancellationToken cancellationToken) => Stop(() => Domain.Suspend(timeout, cancellationToken));

    /// <summary>Stops the vCPUs where they stand.</summary>
    public void Pause() => Stop(Domain.Pause);

    /// <summary>Lets the stopped domain run on with its traps: the window begins.</summary>
    public void Continue()
    {
        Require(SourceHolding.Running, SourceHolding.Stopped);
        Domain.Resume();
        _holding = SourceHolding.Running;
        Domain.Mark(SourceMark.Running);
    }

    /// <summary>Traps the domain's pages.</summary>
    /// <param name="backups">Receives originals; null to record only.</param>
    public IAccessRecorder StartRecording(PageBackup? backups)
    {
        Require(SourceHolding.Running, SourceHolding.Stopped);
        return Trapped(Domain.StartRecording(backups));
    }

    /// <summary>Tracks what the domain writes.</summary>
    public IDirtyTracker StartDirtyTracking()
    {
        Require(SourceHolding.Running, SourceHolding.Stopped);
        return Trapped(Domain.StartDirtyTracking());
    }

    /// <summary>Whether so much of what the domain sends and writes is held back that it must be stopped.</summary>
    public bool AreOutputsNearlyFull => _areOutputsHeld && _plug is { IsNearlyFull: true };

    /// <summary>Makes what is needed to hold back what the domain sends and writes.</summary>
    /// <param name="limits">How much is held back at most.</param>
    public void PlugOutputs(OutputLimits limits)
    {
        Require(SourceHolding.Running, SourceHolding.Stopped);
        _plug = Domain.PlugOutputs(limits);
        _plug.Prepare();
    }

    /// <summary>From here on what the domain sends and writes is held back.</summary>
    public void HoldOutputs()
    {
        Require(SourceHolding.Stopped);
        _areOutputsHeld = true;
        _plug?.Hold();
    }

    /// <summary>Throws away what was held back: the window was rolled back, and what it sent out never happened.</summary>
    public void DropOutputs()
    {
        _plug?.Drop();
        ForgetOutputs();
    }

    /// <summary>Removes every trap; the domain is left as it stands.</summary>
    public void RemoveTraps()
    {
        CleanUp cleaning = new();
        RemoveTraps(cleaning);
        cleaning.ThrowIfFailed();
    }

    /// <summary>The domain runs on here as if nothing had been: without traps, and what was held back goes out.</summary>
    /// <exception cref="MigrationException">A step failed; the others were taken.</exception>
    public void RunOn()
    {
        Require(SourceHolding.Running, SourceHolding.Stopped);
        CleanUp cleaning = new();
        RemoveTraps(cleaning);

        // What was held goes where it was to go while the domain stands still: nothing overtakes it, and nothing is told to clients before it is on the
        // disks. A domain whose disks cannot have it stays stopped, for the next tool.
        if (_areOutputsHeld && _holding == SourceHolding.Running)
        {
            cleaning.Try(Pause);
        }

        bool mayRun = cleaning.Insist(ReleaseOutputs) || CanRunPlugged(cleaning);

        // The state has been Stopped since before the domain was asked to stop, so it is woken whether the request took effect or not.
        if (_holding == SourceHolding.Stopped && mayRun && cleaning.Insist(Domain.Resume))
        {
            _holding = SourceHolding.Running;
            cleaning.Try(() => Domain.Mark(SourceMark.Running));
        }

        cleaning.ThrowIfFailed();
    }

    /// <summary>The stopped domain is about to be committed: from here on only a word lets it run here, or destroys it.</summary>
    public void Leave()
    {
        Require(SourceHolding.Stopped);

        // Before the mark: until then whoever comes next lets the domain run on, and puts what was set aside back.
        _plug?.SetAside();
        Domain.Mark(SourceMark.Leaving, Departure);
        _holding = SourceHolding.Leaving;
        s_pinned[this] = 0;
    }

    /// <summary>Gives a domain back that was taken over and with which nothing was done: it goes on leaving, for whoever comes next.</summary>
    public void LeaveAsFound()
    {
        Require(SourceHolding.Leaving);
        s_pinned.TryRemove(this, out _);
        _isClosed = true;
        Domain.Dispose();
    }

    /// <summary>The destination has said that the domain runs there: from here on no word lets it run here again, of this process or another.</summary>
    /// <exception cref="MigrationException">It could not be noted; the domain goes on leaving.</exception>
    public void NoteThatItRan() => Note(departure => departure with { HasRun = true });

    /// <summary>The domain never ran elsewhere: it is stopped here, and may run on.</summary>
    /// <param name="word">Who says so.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>: it ran there, as was said before.</exception>
    public void Return(NeverRanThere word)
    {
        ArgumentNullException.ThrowIfNull(word);
        if (Departure is { HasRun: true })
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"The destination says that {Domain.Info.Name} never ran there, and said before that it does: it is not woken here.",
                "Look at the destination: what is here is only the memory that the domain still missed there.",
                Domain.Info.Name);
        }

        // A departure whose note failed may have been noted all the same: it is taken back too.
        if (_holding is SourceHolding.Leaving or SourceHolding.Stopped)
        {
            Unpin(SourceHolding.Stopped);
            Domain.Mark(SourceMark.Stopped);
        }
    }

    /// <summary>The domain is wholly elsewhere: what is here goes.</summary>
    /// <param name="word">Who says so.</param>
    /// <exception cref="MigrationException">It could not be destroyed: it never runs here again, and disposal tries again.</exception>
    public void Destroy(WhollyThere word)
    {
        ArgumentNullException.ThrowIfNull(word);
        Destroy();
    }

    /// <summary>The administrator gave the domain up: what is here goes.</summary>
    /// <param name="word">The decision.</param>
    /// <exception cref="MigrationException">It could not be destroyed; what then holds, <see cref="Destroy(WhollyThere)"/>
    /// says.</exception>
    public void Destroy(GivenUp word)
    {
        ArgumentNullException.ThrowIfNull(word);
        Destroy();
    }

    /// <summary>Frees what is held, and leaves the domain as <see cref="SourceHolding"/> says.</summary>
    /// <exception cref="MigrationException">A step failed. What the domain is marked with lets the next tool take it: a domain that
    /// could not be woken is woken when it is opened again.</exception>
    public void Dispose()
    {
        if (_isClosed || _holding == SourceHolding.Leaving)
        {
            return;
        }

        _isClosed = true;
        CleanUp cleaning = new();
        switch (_holding)
        {
            case SourceHolding.Running or SourceHolding.Stopped:
                if (cleaning.Try(RunOn))
                {
                    cleaning.Try(() => Domain.Mark(null));
                }

                break;
            case SourceHolding.Destroying:
                cleaning.Try(Destroy);
                break;
        }

        cleaning.Try(Domain.Dispose);
        cleaning.ThrowIfFailed();
    }

    /// <summary>Notes more of a departure. It counts here from before it is noted.</summary>
    private void Note(Func<Departure, Departure> more)
    {
        Require(SourceHolding.Leaving);
        Departure = more(Departure ?? new Departure(null, null));
        Domain.Mark(SourceMark.Leaving, Departure);
    }

    private void Stop(Action stop)
    {
        Require(SourceHolding.Running, SourceHolding.Stopped);
        Domain.Mark(SourceMark.Stopped);
        _holding = SourceHolding.Stopped;
        stop();
    }

    private void Destroy()
    {
        Require(SourceHolding.Leaving, SourceHolding.Destroying);
        CleanUp cleaning = new();
        Unpin(SourceHolding.Destroying);
        cleaning.Try(() => Domain.Mark(SourceMark.Destroying, Departure));

        // Its devices would wait for packets that are held; what cannot be dropped now is dropped when the domain is gone.
        bool isDropped = cleaning.Insist(DropOutputs);
        if (cleaning.Insist(Domain.Destroy))
        {
            _holding = SourceHolding.Gone;

            // What is left keeps the mark, by which the next tool finds out that it is to be dropped.
            if (isDropped || cleaning.Insist(DropOutputs))
            {
                cleaning.Try(() => Domain.Mark(null));
            }

            // The domain was destroyed before its traps were removed: nothing is left to untrap, and only handles are freed.
            RemoveTraps(cleaning);
        }

        cleaning.ThrowIfFailed();
    }

    private void Unpin(SourceHolding holding)
    {
        _holding = holding;
        s_pinned.TryRemove(this, out _);
    }

    private T Trapped<T>(T trap)
        where T : IDisposable
    {
        _traps.Add(trap);
        return trap;
    }

    private void RemoveTraps(CleanUp cleaning)
    {
        // A trap that cannot be removed stays on the list, and disposal tries again.
        _traps.RemoveAll(trap => cleaning.Try(trap.Dispose));
    }

    private void ReleaseOutputs()
    {
        _plug?.Release();
        ForgetOutputs();
    }

    private void ForgetOutputs() => (_plug, _areOutputsHeld) = (null, false);

    /// <summary>Whether a domain whose outputs could not be released may run all the same.</summary>
    private bool CanRunPlugged(CleanUp cleaning)
    {
        bool mayRun = false;
        cleaning.Try(() => mayRun = _plug is null or { MayRun: true });
        return mayRun;
    }

    private void Require(params ReadOnlySpan<SourceHolding> allowed)
    {
        if (!allowed.Contains(_holding))
        {
            throw new InvalidOperationException($"{Domain.Info.Name} is {_holding} here; that does not allow this step.");
        }
    }
}
