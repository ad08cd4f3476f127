using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Custody;

/// <summary>
/// Holds a domain at its destination: whatever makes, starts, stops, names or destroys it is asked for here. It notes outside
/// of this process what is about to be done before it is done.
/// </summary>
/// <remarks>One thread at a time calls it. Each step can fail without changing who owns the domain.</remarks>
internal sealed class IncomingCustody : IDisposable
{
    private IIncomingDomain? _domain;
    private volatile IncomingHolding _holding;
    private volatile bool _isRestored;
    private bool _isPagingOff;
    private bool _isDisposed;

    /// <summary>Who holds it.</summary>
    public IncomingHolding Holding => _holding;

    /// <summary>Whether its core state was restored here, after which its source may commit.</summary>
    public bool IsRestored => _isRestored;

    /// <summary>The domain.</summary>
    /// <exception cref="InvalidOperationException">There is none yet.</exception>
    public IIncomingDomain Domain => _domain ?? throw new InvalidOperationException("The incoming domain has not been made.");

    /// <summary>Where it comes from, for whoever finds it without its process; null where nobody knows.</summary>
    public string? Source { get; init; }

    /// <summary>The name that the domain has here; empty before it is made.</summary>
    public string Name { get; private set; } = "";

    /// <summary>RemotePF of the domain; null where it is off from the start, and before the domain is made.</summary>
    public IRemotePaging? Paging { get; private set; }

    /// <summary>Makes the paused domain.</summary>
    /// <param name="host">Where.</param>
    /// <param name="prepare">What the source says of it.</param>
    /// <param name="remotePF">Whether memory of it arrives after it runs.</param>
    /// <param name="journal">What another tool needs to go on with it.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public void Create(
        IMigrationHost host, DomainDescription prepare, bool remotePF, ReadOnlyMemory<byte> journal, CancellationToken cancellationToken)
    {
        Require(IncomingHolding.None);
        _domain = host.CreateIncoming(prepare, cancellationToken);
        _holding = IncomingHolding.Preparing;
        Name = _domain.Info.Name;
        _domain.Keep(journal);
        if (remotePF)
        {
            Paging = _domain.EnableRemotePF();
        }
    }

    /// <summary>Takes over a domain whose tool was killed, as that tool noted it.</summary>
    /// <param name="left">The domain.</param>
    /// <param name="remotePF">Whether its memory arrives after it runs.</param>
    public void Adopt(LeftArrival left, bool remotePF)
    {
        Require(IncomingHolding.None);
        _domain = left.Domain;
        Name = _domain.Info.Name;
        _isRestored = true;
        _holding = left.Mark switch
        {
            IncomingMark.Preparing => IncomingHolding.Preparing,
            IncomingMark.Started => IncomingHolding.Started,
            _ => IncomingHolding.Whole,
        };
        if (remotePF && _holding != IncomingHolding.Preparing)
        {
            Paging = _domain.EnableRemotePF();
        }
    }

    /// <summary>Gives a domain back that was taken over and with which nothing was done: it stays as it is, for whoever comes next.</summary>
    public void LeaveAsFound()
    {
        _isDisposed = true;
        _domain?.Dispose();
    }

    /// <summary>Takes pages away that arrive after the domain runs.</summary>
    /// <param name="pages">Which.</param>
    public void TakeAway(PageBitmap pages)
    {
        Require(IncomingHolding.Preparing);
        Paging!.TakeAway(pages);
    }

    /// <summary>Restores the core state; the domain stays paused.</summary>
    public void Restore(CoreState core, CancellationToken cancellationToken)
    {
        Require(IncomingHolding.Preparing);
        Domain.Restore(core, cancellationToken);
        _isRestored = true;
    }

    /// <summary>Lets the domain run for the first time. Noted first: whoever finds the note must not destroy what may have run.</summary>
    /// <exception cref="MigrationException">It failed; <see cref="ProveNeverRan"/> finds out what came of it.</exception>
    public void Start()
    {
        Require(IncomingHolding.Preparing);
        _holding = IncomingHolding.Started;
        Domain.Mark(IncomingMark.Started, PeerName.Of(Source));
        Domain.Unpause();
    }

    /// <summary>Finds out whether a start that failed let the domain run all the same, and makes sure that it does not.</summary>
    /// <returns>Whether it is proved that it never ran.</returns>
    /// <exception cref="MigrationException">It cannot be found out.</exception>
    public bool ProveNeverRan()
    {
        if (_holding == IncomingHolding.Preparing)
        {
            // The failure came before the domain was started.
            return true;
        }

        Require(IncomingHolding.Started);
        Pause();
        if (Domain.HasRun)
        {
            return false;
        }

        // The note stays as it is: it only keeps more than must be kept, until the domain is destroyed.
        _holding = IncomingHolding.Preparing;
        return true;
    }

    /// <summary>Stops the domain where it stands: its source is not there, and pages of it are missing.</summary>
    public void Pause()
    {
        Require(IncomingHolding.Started);
        CleanUp cleaning = new();
        cleaning.Insist(Domain.Pause);
        cleaning.ThrowIfFailed();
    }

    /// <summary>Lets the domain run on: its source is back.</summary>
    public void Continue()
    {
        Require(IncomingHolding.Started);
        Domain.Mark(IncomingMark.Started, PeerName.Of(Source));
        Domain.Unpause();
    }

    /// <summary>Whether nothing of the domain is missing, so that it needs its source no more.</summary>
    public bool IsAllHere => _holding is IncomingHolding.Whole or IncomingHolding.Taken
        || (_holding == IncomingHolding.Started && (Paging is null || Paging.Missing.Count == 0));

    /// <summary>Says that nothing of the domain is missing: it is whole from here on, and runs, whatever becomes of its source. Where it
    /// was paused, it is woken.</summary>
    /// <exception cref="InvalidOperationException">Pages are missing.</exception>
    /// <exception cref="MigrationException">It cannot be made run; it is kept as it is.</exception>
    public void HaveAll()
    {
        Require(IncomingHolding.Started, IncomingHolding.Whole);
        if (!IsAllHere)
        {
            throw new InvalidOperationException($"{Paging!.Missing.Count} pages of {Name} are missing.");
        }

        CleanUp waking = new();
        waking.Insist(Domain.Unpause);
        waking.ThrowIfFailed();
        _holding = IncomingHolding.Whole;
    }

    /// <summary>Notes outside of this process that the domain is whole. Where that fails, the older note stays, by which the domain is
    /// kept, too.</summary>
    public void NoteWhole()
    {
        Require(IncomingHolding.Whole);
        Domain.Mark(IncomingMark.Whole, PeerName.Of(Source));
    }

    /// <summary>Switches RemotePF off, where it is on: nothing is missing. What failed can be made again.</summary>
    public void EndPaging()
    {
        if (!_isPagingOff)
        {
            Paging?.Disable();
            _isPagingOff = true;
        }
    }

    /// <summary>Gives the whole domain its final name: it is this host's own.</summary>
    public void Take()
    {
        if (_holding == IncomingHolding.Taken)
        {
            return;
        }

        Require(IncomingHolding.Whole);

        // To end RemotePF may have failed at the end of the migration: whoever asks for the final name later wants that done as well.
        EndPaging();
        Domain.Complete();
        Name = Domain.Info.Name;
        _holding = IncomingHolding.Taken;
        Domain.Mark(null);
    }

    /// <summary>Destroys a domain that never ran.</summary>
    /// <returns>The proof that no copy is left here.</returns>
    /// <exception cref="MigrationException">It could not be destroyed: nothing is proved, and disposal tries again.</exception>
    public CopyGone Destroy()
    {
        Require(IncomingHolding.None, IncomingHolding.Preparing, IncomingHolding.Gone);
        if (_holding == IncomingHolding.Preparing)
        {
            CleanUp cleaning = new();
            cleaning.Insist(Domain.Destroy);
            cleaning.ThrowIfFailed();
            _holding = IncomingHolding.Gone;
            Domain.Mark(null);
        }

        return CopyGone.Of(this);
    }

    /// <summary>The administrator gave the domain up: what is here goes. A whole domain is not given up.</summary>
    public void Destroy(GivenUp word)
    {
        ArgumentNullException.ThrowIfNull(word);
        if (_holding == IncomingHolding.GivenUp)
        {
            return;
        }

        Require(IncomingHolding.Started);
        CleanUp cleaning = new();
        cleaning.Insist(Domain.Destroy);
        cleaning.ThrowIfFailed();
        _holding = IncomingHolding.GivenUp;
        Domain.Mark(null);
    }

    /// <summary>
    /// Does what there is left to do with a domain that no source is at work on any more: one that is wholly here gets its final
    /// name, one that waits for the rest is given up, and one that never ran is destroyed.
    /// </summary>
    /// <param name="word">The decision.</param>
    /// <exception cref="InvalidOperationException">There is nothing to do.</exception>
    /// <exception cref="MigrationException">It could not be named, or destroyed; it can be tried again.</exception>
    public void Conclude(GivenUp word)
    {
        Require(IncomingHolding.Preparing, IncomingHolding.Started, IncomingHolding.Whole);
        if (IsAllHere)
        {
            HaveAll();
            Take();
        }
        else if (_holding == IncomingHolding.Started)
        {
            Destroy(word);
        }
        else
        {
            Destroy();
        }
    }

    /// <summary>Frees what is held, and leaves the domain as <see cref="IncomingHolding"/> says.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        CleanUp cleaning = new();
        if (_holding == IncomingHolding.Preparing)
        {
            cleaning.Try(() => Destroy());
        }

        if (Paging is { } paging)
        {
            cleaning.Try(paging.Dispose);
        }

        if (_domain is { } domain)
        {
            cleaning.Try(domain.Dispose);
        }

        // Whoever looks at an ended migration long afterwards must not keep its guest's memory.
        (_domain, Paging) = (null, null);
        cleaning.ThrowIfFailed();
    }

    private void Require(params ReadOnlySpan<IncomingHolding> allowed)
    {
        if (!allowed.Contains(_holding))
        {
            throw new InvalidOperationException($"The incoming domain is {_holding}; that does not allow this step.");
        }
    }
}
