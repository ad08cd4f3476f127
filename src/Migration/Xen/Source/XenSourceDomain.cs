using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Emulators;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Paging;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Source;

/// <summary>A running PVH or HVM domain with HAP as the source of a recording or a migration.</summary>
/// <remarks>The owner's handle: its methods are called by one thread at a time.</remarks>
internal sealed class XenSourceDomain : ISourceDomain
{
    /// <summary>How long removing the traps may go on without progress.</summary>
    internal static readonly TimeSpan UntrapPatience = TimeSpan.FromSeconds(30);

    private readonly XenControl _control;
    private readonly DomainFacts _facts;
    private readonly SourceMarker _marker;
    private readonly DomainSuspension _suspension;
    private readonly XenGuestMemory _memory;
    private readonly DomainEmulator? _emulator;
    private PageTraps? _traps;
    private XenAccessRecorder? _recorder;
    private XenDirtyTracker? _tracker;
    private bool _isSuspended;
    private bool _isEmulatorStopped;
    private bool _isPaused;
    private bool _hasCheckpoint;
    private bool _isDestroyed;
    private bool _isDisposed;

    /// <summary>Takes a domain over.</summary>
    /// <param name="control">The connection, given over.</param>
    /// <param name="facts">What is known of the domain.</param>
    /// <param name="marker">The mark of this process.</param>
    internal XenSourceDomain(XenControl control, DomainFacts facts, SourceMarker marker)
    {
        _control = control;
        _facts = facts;
        _marker = marker;
        _suspension = new DomainSuspension(control, facts.DomId, facts.Info.Name);
        _memory = new XenGuestMemory(control, facts.DomId, facts.Info.Name, facts.PageCount);
        _emulator = facts.Info.Kind == DomainKind.Hvm ? DomainEmulator.Of(control, facts.DomId, facts.Info.Name) : null;
    }

    /// <inheritdoc/>
    public DomainInfo Info => _facts.Info;

    /// <inheritdoc/>
    public IGuestMemory Memory => _memory;

    private int DomId => _facts.DomId;

    /// <inheritdoc/>
    public PageBitmap GetPopulatedPages()
    {
        CheckUsable();
        return _facts.FindPages(_control);
    }

    /// <inheritdoc/>
    public DomainDescription Describe()
    {
        CheckUsable();
        PageBitmap populated = _facts.FindPages(_control);
        XenHostInfo host = _control.GetHostInfo();
        XenCpuPolicy policy = _control.GetCpuPolicy(DomId);
        XenDomainConfiguration configuration = new(
            _control.GetConfigurationJson(DomId),
            host.Major,
            host.Minor,
            policy.Leaves,
            policy.Msrs,
            _facts.Parameters,
            [.. _facts.SpecialPages(populated)]);
        return new DomainDescription(
            Info.Name, Info.Kind, _facts.PageCount, [.. populated.Ranges()], Info.VcpuCount, configuration.Serialise());
    }

    /// <inheritdoc/>
    public IOutputPlug PlugOutputs()
    {
        CheckUsable();
        DomainOutputs.RequireNone(_control, DomId, Info.Name);
        return new EmptyOutputPlug();
    }

    /// <inheritdoc/>
    public void Suspend(TimeSpan timeout, CancellationToken cancellationToken)
    {
        CheckUsable();
        _marker.Write(SourceStage.Stopped);
        try
        {
            _suspension.Suspend(timeout, cancellationToken);
            _isSuspended = true;
            StopEmulator();
        }
        finally
        {
            if (!_isSuspended)
            {
                _marker.Write(SourceStage.Running);
            }
        }
    }

    /// <inheritdoc/>
    public void Pause()
    {
        CheckUsable();
        if (!_isPaused)
        {
            // With a checkpoint captured, this is the window's end: what follows may be the handover.
            _marker.Write(_hasCheckpoint ? SourceStage.Leaving : SourceStage.Stopped);
            _control.Pause(DomId);
            _isPaused = true;
        }
    }

    /// <inheritdoc/>
    public void Resume()
    {
        CheckUsable();
        if (_recorder is null)
        {
            // Traps that only the capture needed: nobody else removes them.
            EndTraps();
        }

        try
        {
            ContinueEmulator();
        }
        finally
        {
            // A domain whose emulator does not answer runs on all the same, as it would have without us.
            ResumeVcpus();
        }

        _marker.Write(SourceStage.Running);
    }

    /// <inheritdoc/>
    public void RunFor(TimeSpan duration, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(duration.Ticks, nameof(duration));
        CheckUsable();
        cancellationToken.WaitHandle.WaitOne(duration);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <inheritdoc/>
    public IAccessRecorder StartRecording(PageBackup? backups)
    {
        CheckUsable();
        if (_recorder is not null)
        {
            throw new InvalidOperationException($"{Info.Name} is being recorded already.");
        }

        if (backups is not null && !_isSuspended)
        {
            throw new InvalidOperationException($"{Info.Name} must be suspended before backups begin.");
        }

        try
        {
            return _recorder = XenAccessRecorder.Start(
                Traps(), _memory, _facts.FindPages(_control), backups, Info.Name, OnRecorderDisposed);
        }
        catch
        {
            EndTraps();
            throw;
        }
    }

    /// <inheritdoc/>
    public IDirtyTracker StartDirtyTracking()
    {
        CheckUsable();
        PageBitmap special = new(_facts.PageCount);
        foreach (int pfn in _facts.SpecialPages(_facts.FindPages(_control)))
        {
            special.TrySet(pfn);
        }

        return _tracker = new XenDirtyTracker(_control, DomId, special, _emulator);
    }

    /// <inheritdoc/>
    public CoreState CaptureCoreState()
    {
        CheckUsable();
        if (!_isSuspended)
        {
            throw new InvalidOperationException($"{Info.Name} must be suspended before its core state is captured.");
        }

        // With a recorder that backs up, the domain runs on after this: it leaves at the window's end.
        _hasCheckpoint = true;
        _marker.Write(_recorder is { HasBackups: true } ? SourceStage.Stopped : SourceStage.Leaving);
        PageBitmap populated = _facts.FindPages(_control);
        PageBitmap never = new(_facts.PageCount);
        foreach (int pfn in Traps().Trap(populated.Pfns()).Concat(_facts.SpecialPages(populated)))
        {
            never.TrySet(pfn);
        }

        byte[] context = _control.GetHvmContext(DomId);
        XenTscInfo tsc = _control.GetTsc(DomId);
        XenCoreSections sections = new(
            context, new XenTsc(tsc.Mode, tsc.Khz, tsc.ElapsedNanoseconds, tsc.Incarnation), _emulator?.Save());
        int[] pfns = [.. never.Pfns()];
        byte[] contents = new byte[pfns.Length * Page.Size];
        _memory.Read(pfns, contents);
        return new CoreState(Vcpus(context), sections.ToSections(), new PageSet(pfns, contents), 0);
    }

    /// <inheritdoc/>
    public void Destroy()
    {
        CheckUsable();
        _isDestroyed = true;
        // Its traps go with it; the ring's page must be let go first, or the domain's remnant stays.
        _traps?.Abandon();
        _traps?.Dispose();
        _traps = null;
        _control.Destroy(DomId);
        _marker.Remove();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        try
        {
            if (!_isDestroyed)
            {
                _recorder?.Dispose();
                _tracker?.Dispose();
                Resume();
                _marker.Remove();
            }
        }
        finally
        {
            _isDisposed = true;
            _traps?.Dispose();
            _control.Dispose();
        }
    }

    private static List<VcpuState> Vcpus(byte[] context) =>
    [
        .. HvmContext.Parse(context).Vcpus.Select(vcpu => new VcpuState(vcpu.Id, vcpu.Cr3, vcpu.Paging switch
        {
            HvmPaging.FourLevels => PagingMode.FourLevel,
            HvmPaging.FiveLevels => PagingMode.FiveLevel,
            _ => PagingMode.None,
        })),
    ];

    private void StopEmulator()
    {
        if (_emulator is not null)
        {
            _emulator.Stop();
            _isEmulatorStopped = true;
        }
    }

    private void ContinueEmulator()
    {
        if (_isEmulatorStopped)
        {
            _isEmulatorStopped = false;
            _emulator!.Continue();
        }
    }

    private void ResumeVcpus()
    {
        if (_isSuspended)
        {
            _control.Resume(DomId);
            _control.ResumeStore(DomId);
            _isSuspended = false;
        }

        if (_isPaused)
        {
            _control.Unpause(DomId);
            _isPaused = false;
        }
    }

    private PageTraps Traps() => _traps ??= new PageTraps(
        new XenPagingPort(_control, DomId, withContents: false), _facts.PageCount, Info.VcpuCount, Info.Name, UntrapPatience,
        TimeProvider.System);

    private void OnRecorderDisposed(XenAccessRecorder recorder)
    {
        if (_recorder == recorder)
        {
            _recorder = null;
            EndTraps();
        }
    }

    private void EndTraps()
    {
        if (_traps is not null)
        {
            _traps.Remove();
            _traps.Dispose();
            _traps = null;
        }
    }

    private void CheckUsable()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_isDestroyed)
        {
            throw new MigrationException(
                MigrationErrorId.DomainState, $"{Info.Name} was destroyed here.", "It runs on elsewhere: look there.", Info.Name);
        }
    }
}
