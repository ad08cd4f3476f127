using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Emulators;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Source;

/// <summary>A running domain as the source of a recording or a migration.</summary>
/// <remarks>The owner's handle: its methods are called by one thread at a time.</remarks>
internal sealed class XenSourceDomain : ISourceDomain
{
    private readonly XenControl _control;
    private readonly DomainFacts _facts;
    private readonly SourceMarker _marker;
    private readonly DomainSuspension _suspension;
    private readonly ISourceMechanism _mechanism;
    private IAccessRecorder? _recorder;
    private XenDirtyTracker? _tracker;
    private bool _isBackingUp;
    private bool _isSuspended;
    private bool _isEmulatorStopped;
    private bool _isPaused;
    private bool _hasCheckpoint;
    private bool _isDestroyed;
    private bool _isDisposed;

    /// <summary>Takes a domain over.</summary>
    /// <param name="control">The connection, given over.</param>
    /// <param name="facts">What is known of the domain.</param>
    /// <param name="mechanism">How it is recorded, given over.</param>
    /// <param name="marker">The mark of this process.</param>
    internal XenSourceDomain(XenControl control, DomainFacts facts, ISourceMechanism mechanism, SourceMarker marker)
    {
        _control = control;
        _facts = facts;
        _marker = marker;
        _suspension = new DomainSuspension(control, facts.DomId, facts.Info.Name);
        _mechanism = mechanism;
    }

    /// <inheritdoc/>
    public DomainInfo Info => _facts.Info;

    /// <inheritdoc/>
    public IGuestMemory Memory => _mechanism.Memory;

    /// <inheritdoc/>
    public bool HasUnseenWriters => _mechanism.Emulator is not null;

    private int DomId => _facts.DomId;

    /// <inheritdoc/>
    public PageBitmap GetPopulatedPages()
    {
        CheckUsable();
        return _mechanism.FindPages();
    }

    /// <inheritdoc/>
    public DomainDescription Describe()
    {
        CheckUsable();
        PageBitmap populated = _mechanism.FindPages();
        XenDomainConfiguration configuration = _mechanism.Describe(
            _control.GetConfigurationJson(DomId), _control.GetHostInfo(), _control.GetCpuPolicy(DomId), populated);
        return new DomainDescription(
            Info.Name, Info.Kind, _facts.PageCount, [.. populated.Ranges()], Info.VcpuCount, configuration.Serialise());
    }

    /// <inheritdoc/>
    public void RequireUnchanged(DomainDescription announced)
    {
        ArgumentNullException.ThrowIfNull(announced);
        DomainDescription now = Describe();
        if (!now.Configuration.Span.SequenceEqual(announced.Configuration.Span) || !now.Populated.SequenceEqual(announced.Populated))
        {
            throw new MigrationException(
                MigrationErrorId.DomainChanged,
                $"{Info.Name} is not what it was when the migration began: its configuration or its memory changed.",
                "Start the migration again once nobody attaches devices or changes memory or vCPUs.",
                Info.Name);
        }
    }

    /// <inheritdoc/>
    public void Mark(SourceMark? mark)
    {
        if (mark is { } stage)
        {
            _marker.Write(stage == SourceMark.Running ? SourceStage.Running
                : stage == SourceMark.Stopped ? SourceStage.Stopped
                : SourceStage.Leaving);
        }
        else
        {
            _marker.Remove();
        }
    }

    /// <inheritdoc/>
    public IOutputPlug PlugOutputs()
    {
        CheckUsable();
        DomainOutputs.RequireNone(_control, DomId, Info.Name);
        if (_mechanism.Emulator is not null)
        {
            EmulatorRequirements.RequireSilent(_control.GetConfigurationJson(DomId), Info.Name);
        }

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
            StopEmulator();
        }
    }

    /// <inheritdoc/>
    public void Resume()
    {
        CheckUsable();
        _mechanism.EndCapture();
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

        _isBackingUp = backups is not null;
        return _recorder = _mechanism.StartRecording(backups, () => _recorder = null);
    }

    /// <inheritdoc/>
    public IDirtyTracker StartDirtyTracking()
    {
        CheckUsable();
        return _tracker = new XenDirtyTracker(_control, DomId, _mechanism.FindPages(), _mechanism.FindAlwaysDirty(), _mechanism.Emulator);
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
        _marker.Write(_recorder is not null && _isBackingUp ? SourceStage.Stopped : SourceStage.Leaving);
        return _mechanism.CaptureCoreState();
    }

    /// <inheritdoc/>
    public void Destroy()
    {
        CheckUsable();
        _isDestroyed = true;
        _mechanism.Abandon();
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
                LetGo();
                _marker.Remove();
            }
        }
        finally
        {
            _isDisposed = true;
            _mechanism.Dispose();
            _control.Dispose();
        }
    }

    private void LetGo()
    {
        try
        {
            _recorder?.Dispose();
            _tracker?.Dispose();
            Resume();
        }
        catch (XenException exception) when (exception.Errno == XenErrno.NoProcess)
        {
            // Somebody has destroyed it: there is nothing to let go of.
        }
    }

    private void StopEmulator()
    {
        if (_mechanism.Emulator is { } emulator && !_isEmulatorStopped)
        {
            emulator.Stop();
            _isEmulatorStopped = true;
        }
    }

    private void ContinueEmulator()
    {
        if (_isEmulatorStopped)
        {
            _isEmulatorStopped = false;
            _mechanism.Emulator!.Continue();
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
