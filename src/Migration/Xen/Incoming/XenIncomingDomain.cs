using System.Diagnostics;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Paging;

namespace PreRecordMigration.Xen.Incoming;

/// <summary>A PVH or HVM domain that a migration comes into: made by xl restore from a stream that is composed here.</summary>
internal sealed class XenIncomingDomain : IIncomingDomain
{
    private static readonly TimeSpan s_renamePatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_renamePause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly XenControl _control;
    private readonly string _hostName;
    private readonly DomainDescription _description;
    private readonly int _domid;
    private readonly IncomingPages _pages;
    private readonly IncomingRestore _restore;
    private readonly IncomingMarker _marker;
    private readonly XenIncomingMemory _memory;
    private string _name;
    private XenRemotePaging? _paging;
    private Stage _stage = Stage.Prepared;

    internal XenIncomingDomain(
        XenControl control,
        string hostName,
        DomainDescription description,
        string name,
        int domid,
        IncomingPages pages,
        IncomingRestore restore,
        IncomingMarker marker)
    {
        _control = control;
        _hostName = hostName;
        _description = description;
        _name = name;
        _domid = domid;
        _pages = pages;
        _restore = restore;
        _marker = marker;
        _memory = new XenIncomingMemory(control, domid, name, pages);
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
                (long)_pages.Populated.Count * Pages.Page.Size);
        }
    }

    /// <inheritdoc/>
    public IGuestMemory Memory => _memory;

    /// <inheritdoc/>
    public bool IsTouchedByRestore => _description.Kind == DomainKind.Hvm;

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

            CapabilityReport capabilities = XenCapabilities.Of(_control, _hostName);
            capabilities.Require(MigrationCapability.RemotePF);
            if (_description.VcpuCount > 1)
            {
                // Without the fix two faulting vCPUs hang the whole host.
                capabilities.Require(MigrationCapability.SeveralVcpus);
            }

            XenPagingPort port = new(_control, _domid, withContents: true);
            try
            {
                PageEvictor.EvictAll(_control, _domid, _pages, _name);
            }
            catch
            {
                port.Dispose();
                throw;
            }

            return _paging = new XenRemotePaging(port, _pages.Missing, _name);
        }
    }

    /// <inheritdoc/>
    public void Restore(CoreState core, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            Require(Stage.Prepared, "A domain is restored once");
            XenCoreSections sections = XenCoreSections.Parse(core.Sections);
            RequireEmulator(sections);
            RequirePopulated(core.Pages.Pfns);
            if (_paging is not null)
            {
                _pages.RequireCovered(core.Pages.Pfns, _name);
            }

            PlaceCorePages(core);
            _restore.Complete(sections, cancellationToken);
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
            _restore.Dispose();
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

        _paging?.Dispose();
        _restore.Dispose();
        _control.Dispose();
    }

    private void RequireEmulator(XenCoreSections sections)
    {
        if (sections.Emulator is null == (_description.Kind == DomainKind.Hvm))
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"{_name}: the core state of {(sections.Emulator is null ? "an HVM domain lacks" : "a PVH domain has")} an emulator's state.",
                "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.",
                _name);
        }
    }

    private void PlaceCorePages(CoreState core)
    {
        ReadOnlySpan<int> pfns = core.Pages.Pfns;
        for (int start = 0; start < pfns.Length;)
        {
            bool isMissing = _pages.Missing[pfns[start]];
            int end = start + 1;
            while (end < pfns.Length && _pages.Missing[pfns[end]] == isMissing)
            {
                end++;
            }

            ReadOnlySpan<byte> contents = core.Pages.Contents[(start * Pages.Page.Size)..(end * Pages.Page.Size)];
            if (isMissing)
            {
                _paging!.Place(pfns[start..end], contents);
            }
            else
            {
                _memory.Write(pfns[start..end], contents);
            }

            start = end;
        }
    }

    private void RequirePopulated(ReadOnlySpan<int> pfns)
    {
        foreach (int pfn in pfns)
        {
            if ((uint)pfn >= (uint)_pages.Populated.PageCount || !(_pages.Populated[pfn] || _pages.Emptied.Contains(pfn)))
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
