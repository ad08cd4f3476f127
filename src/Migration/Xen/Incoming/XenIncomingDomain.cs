using System.Diagnostics;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Incoming;

/// <summary>A domain that a migration comes into: made by xl restore from a stream that is composed here.</summary>
internal sealed class XenIncomingDomain : IIncomingDomain
{
    private static readonly TimeSpan s_renamePatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_renamePause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly XenControl _control;
    private readonly string _hostName;
    private readonly DomainDescription _description;
    private readonly int _domid;
    private readonly IIncomingMechanism _mechanism;
    private readonly IncomingMarker _marker;
    private string _name;
    private IRemotePaging? _paging;
    private Stage _stage = Stage.Prepared;

    internal XenIncomingDomain(
        XenControl control,
        string hostName,
        DomainDescription description,
        string name,
        int domid,
        IIncomingMechanism mechanism,
        IncomingMarker marker)
    {
        _control = control;
        _hostName = hostName;
        _description = description;
        _name = name;
        _domid = domid;
        _mechanism = mechanism;
        _marker = marker;
    }

    private enum Stage
    {
        Prepared,
        Restored,
        Committed,
        Gone,
    }

    /// <inheritdoc/>
    public DomainInfo Info
    {
        get
        {
            DomainState state = DomainState.Dying;
            if (_stage != Stage.Gone)
            {
                XenDomainFlags flags = _control.GetDomain(_domid).Flags;
                state = flags.HasFlag(XenDomainFlags.Dying) ? DomainState.Dying
                    : flags.HasFlag(XenDomainFlags.Shutdown) ? DomainState.Shutdown
                    : flags.HasFlag(XenDomainFlags.Paused) ? DomainState.Paused
                    : DomainState.Running;
            }

            return new DomainInfo(
                _name, _domid, _hostName, state, _description.Kind, _description.VcpuCount, _description.PageCount,
                (long)_mechanism.Pages.Populated.Count * Pages.Page.Size);
        }
    }

    /// <inheritdoc/>
    public IGuestMemory Memory => _mechanism.Memory;

    /// <inheritdoc/>
    public bool IsTouchedByRestore => _description.Kind == DomainKind.Hvm;

    /// <inheritdoc/>
    public bool HasRun => _control.GetDomain(_domid).CpuTimeNanoseconds > 0;

    /// <inheritdoc/>
    public void Mark(IncomingMark? mark)
    {
        if (mark is null)
        {
            _marker.Remove();
        }
        else
        {
            _marker.Write(mark == IncomingMark.Preparing ? IncomingStage.Preparing : IncomingStage.Committed);
        }
    }

    /// <inheritdoc/>
    public IRemotePaging EnableRemotePF()
    {
        lock (_gate)
        {
            Require(Stage.Prepared, "RemotePF is switched on before the domain is restored");
            if (_paging is not null)
            {
                throw new InvalidOperationException($"{_name}: RemotePF is on already.");
            }

            return _paging = _mechanism.EnableRemotePF();
        }
    }

    /// <inheritdoc/>
    public void Restore(CoreState core, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            Require(Stage.Prepared, "A domain is restored once");
            RequirePopulated(core.Pages.Pfns);
            _mechanism.Restore(core, cancellationToken);
            _stage = Stage.Restored;
        }
    }

    /// <inheritdoc/>
    public void Unpause()
    {
        lock (_gate)
        {
            if (_stage != Stage.Committed)
            {
                Require(Stage.Restored, "A domain runs after it was restored");

                // Marked first: whoever finds the mark of a killed process must not take down a domain that may have run.
                _marker.Write(IncomingStage.Committed);
                _stage = Stage.Committed;
            }

            _control.Unpause(_domid);
        }
    }

    /// <inheritdoc/>
    public void Pause() => _control.Pause(_domid);

    /// <inheritdoc/>
    public void Complete()
    {
        lock (_gate)
        {
            Require(Stage.Committed, "A domain gets its name after it ran");
            long start = Stopwatch.GetTimestamp();
            while (true)
            {
                try
                {
                    _control.Rename(_domid, _description.Name);
                    break;
                }
                catch (XenException error) when (error.Errno == XenErrno.Invalid)
                {
                    // On one host the source bears the name until it has been taken down.
                    if (Stopwatch.GetElapsedTime(start) > s_renamePatience)
                    {
                        throw new MigrationException(
                            MigrationErrorId.DomainExists,
                            $"The domain runs here as {_name}: another domain keeps the name {_description.Name}.",
                            $"When the other domain is gone: xl rename {_name} {_description.Name}",
                            _description.Name,
                            error);
                    }

                    Thread.Sleep(s_renamePause);
                }
            }

            _name = _description.Name;
            _marker.Remove();
        }
    }

    /// <inheritdoc/>
    public void Destroy()
    {
        lock (_gate)
        {
            if (_stage == Stage.Gone)
            {
                return;
            }

            // Before the end of the stream xl would take the domain down itself; both ways end without it.
            _mechanism.BreakOff();
            if (DomainNames.Of(_control, _domid) == _name)
            {
                IncomingMarker.DestroyIfThere(_control, _domid);
            }

            _stage = Stage.Gone;
            _paging?.Dispose();
            _marker.Remove();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_stage is Stage.Prepared or Stage.Restored)
        {
            Destroy();
        }

        _mechanism.Dispose();
        _control.Dispose();
    }

    private void RequirePopulated(ReadOnlySpan<int> pfns)
    {
        foreach (int pfn in pfns)
        {
            if ((uint)pfn >= (uint)_mechanism.Pages.Populated.PageCount
                || !(_mechanism.Pages.Populated[pfn] || _mechanism.Pages.Emptied.Contains(pfn)))
            {
                throw new MigrationException(
                    MigrationErrorId.ProtocolViolation,
                    $"{_name}: the core state has page {pfn}, which the domain has not.",
                    "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.",
                    _name);
            }
        }
    }

    private void Require(Stage stage, string rule)
    {
        if (_stage != stage)
        {
            throw new InvalidOperationException($"{rule}; {_name} is {_stage}.");
        }
    }
}
