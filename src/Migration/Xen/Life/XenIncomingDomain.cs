using System.Diagnostics;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>A domain that a migration comes into: made by xl restore from a stream that is composed here.</summary>
/// <remarks>Whether it runs is asked of Xen; who may let it run is custody's matter.</remarks>
/// <param name="domain">The domain, by its provisional name; its connection is given over.</param>
/// <param name="hostName">This host's name.</param>
/// <param name="description">What the source says of it.</param>
/// <param name="mechanism">How it gets its pages, given over.</param>
/// <param name="marker">Its mark.</param>
internal sealed class XenIncomingDomain(
    KnownDomain domain, string hostName, DomainDescription description, IIncomingMechanism mechanism, IncomingMarker marker) : IIncomingDomain, IGuestWork, IPageUse
{
    private static readonly TimeSpan s_sourcePatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_sourcePause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private IRemotePaging? _paging;
    private readonly bool _wasLeft;
    private bool _isRestored;
    private bool _isDisposed;

    /// <summary>Whether another tool made and restored it, and was killed.</summary>
    internal bool WasLeft
    {
        get => _wasLeft;
        init => _wasLeft = _isRestored = value;
    }

    /// <summary>
    /// The memory that the domain was promised, until this object is disposed. Pages that are taken away to be missing are free for a
    /// while, and must not be given to anybody else. Null where nobody counts.
    /// </summary>
    internal MemoryPromise? Promise { get; init; }

    /// <inheritdoc/>
    public DomainInfo Info
    {
        get
        {
            XenDomainInfo? info = domain.Find();
            return new DomainInfo(
                info is null ? domain.Name : DomainNames.Of(domain.Control, domain.DomId) ?? domain.Name,
                domain.DomId,
                hostName,
                info is { } known ? ShutdownReasons.StateOf(known) : DomainState.Dying,
                description.Kind,
                description.VcpuCount,
                description.PageCount,
                (long)mechanism.Pages.Populated.Count * Pages.Page.Size);
        }
    }

    /// <inheritdoc/>
    public double? Work => domain.Work;

    /// <inheritdoc/>
    public IGuestMemory Memory => mechanism.Memory;

    /// <inheritdoc/>
    public bool IsTouchedByRestore => description.Kind == DomainKind.Hvm;

    /// <inheritdoc/>
    public TimeSpan ToolstackTime => mechanism.ToolstackTime;

    /// <inheritdoc/>
    public bool HasRun => domain.Require().CpuTimeNanoseconds > 0;

    /// <inheritdoc/>
    public void Mark(IncomingMark? mark, string? source = null)
    {
        if (mark is { } value)
        {
            marker.Write(value, source);
        }
        else
        {
            marker.Remove();
        }
    }

    /// <inheritdoc/>
    public void Keep(ReadOnlyMemory<byte> journal) => marker.Keep(journal);

    /// <inheritdoc/>
    public IRemotePaging EnableRemotePF()
    {
        lock (_gate)
        {
            if (!WasLeft)
            {
                RequireUnrestored("RemotePF is switched on before the domain is restored");
            }

            if (_paging is not null)
            {
                throw new InvalidOperationException($"{domain.Name}: RemotePF is on already.");
            }

            return _paging = new LiveDomain(domain).Of(mechanism.EnableRemotePF());
        }
    }

    /// <inheritdoc/>
    public Pages.PageBitmap? TakeUsedPages() => mechanism.TakeUsedPages();

    /// <inheritdoc/>
    public void Restore(CoreState core, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            RequireUnrestored("A domain is restored once");
            RequirePopulated(core.Pages.Pfns);
            mechanism.Restore(core, cancellationToken);
            _isRestored = true;
        }
    }

    /// <inheritdoc/>
    public void Unpause()
    {
        if (!_isRestored)
        {
            throw new InvalidOperationException($"A domain runs after it was restored; {domain.Name} was not.");
        }

        domain.Unpause();
    }

    /// <inheritdoc/>
    public void Pause() => domain.Pause();

    /// <inheritdoc/>
    public void Complete() => CleanUp.All(LowerLimit, TakeName);

    /// <inheritdoc/>
    public void Destroy() => CleanUp.All(
        // Before the end of the stream xl takes the domain down itself, after it this process does: either way the domain is gone
        // afterwards.
        mechanism.BreakOff,
        domain.Destroy,
        () => _paging?.Dispose());

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;

            // A mark that is still there says what is to be done with the domain; without a living owner the next tool does it.
            CleanUp.All(mechanism.Dispose, marker.Orphan, domain.Control.Dispose, () => Promise?.Dispose());
        }
    }

    /// <summary>Before the name: a tool that is killed in between is followed by one that knows the domain by its provisional name.</summary>
    private void LowerLimit()
    {
        if (marker.LimitAfterwards is { } limit)
        {
            domain.Control.SetMaximumMemory(domain.DomId, limit);
        }
    }

    private void TakeName()
    {
        long start = Stopwatch.GetTimestamp();
        while (DomainNames.Of(domain.Control, domain.DomId) != description.Name && TryRename() is { } error)
        {
            // On one host the source bears the name until it has been taken down.
            if (Stopwatch.GetElapsedTime(start) > s_sourcePatience)
            {
                throw DomainNames.Find(domain.Control, description.Name) is null ? error : NameTaken(error);
            }

            Thread.Sleep(s_sourcePause);
        }
    }

    /// <summary>Gives the domain its final name.</summary>
    /// <returns>Null where it has it; the refusal where its own source has borne it until now.</returns>
    private XenException? TryRename()
    {
        domain.Require();
        try
        {
            domain.Control.Rename(domain.DomId, description.Name);
            return null;
        }
        catch (XenException) when (DomainNames.Of(domain.Control, domain.DomId) == description.Name)
        {
            return null; // it took effect
        }
        catch (XenException error) when (error.Errno == XenErrno.Invalid)
        {
            return DomainNames.Find(domain.Control, description.Name) is { } bearer && KnownDomain.UuidOf(bearer) != domain.Uuid
                ? throw NameTaken(error)
                : error;
        }
    }

    private MigrationException NameTaken(Exception? cause) => new(
        MigrationErrorId.DomainExists,
        $"The domain runs here as {domain.Name}: another domain keeps the name {description.Name}.",
        $"When the other domain is gone: xl rename {domain.Name} {description.Name}",
        description.Name,
        cause);

    private void RequirePopulated(ReadOnlySpan<int> pfns)
    {
        foreach (int pfn in pfns)
        {
            if ((uint)pfn >= (uint)mechanism.Pages.Populated.PageCount
                || !(mechanism.Pages.Populated[pfn] || mechanism.Pages.Emptied.Contains(pfn)))
            {
                throw new MigrationException(
                    MigrationErrorId.ProtocolViolation,
                    $"{domain.Name}: the core state has page {pfn}, which the domain has not.",
                    "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.",
                    domain.Name);
            }
        }
    }

    private void RequireUnrestored(string rule)
    {
        if (_isRestored)
        {
            throw new InvalidOperationException($"{rule}; {domain.Name} was restored.");
        }
    }
}
