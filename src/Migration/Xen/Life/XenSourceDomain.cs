using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Xen.Life;

/// <summary>A running domain as the source of a recording or a migration.</summary>
/// <remarks>The owner's handle: its methods are called by one thread at a time. Whether the domain runs is asked of Xen; who may let it run
/// is custody's matter.</remarks>
internal sealed class XenSourceDomain : ISourceDomain
{
    /// <summary>How often it is looked how much is held back.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(5);

    private readonly KnownDomain _domain;
    private readonly int _pageCount;
    private readonly SourceMarker _marker;
    private readonly DomainSuspension _suspension;
    private readonly ISourceMechanism _mechanism;
    private readonly LiveDomain _live;
    private readonly OutputLayers _layers;
    private IGuestMemory? _memory;
    private (DomainDescription Description, string Fingerprint)? _announced;
    private IAccessRecorder? _recorder;
    private DomainPlug? _plug;
    private bool _isDisposed;

    /// <summary>Takes a domain over.</summary>
    /// <param name="domain">The domain; its connection is given over.</param>
    /// <param name="info">What it was when it was opened.</param>
    /// <param name="mechanism">How it is recorded, given over.</param>
    /// <param name="marker">The mark of this process.</param>
    /// <param name="connect">Opens a connection for the thread that goes on waiting when a suspension is given up.</param>
    /// <param name="layers">What the control domain has for holding outputs back.</param>
    internal XenSourceDomain(
        KnownDomain domain, DomainInfo info, ISourceMechanism mechanism, SourceMarker marker, Func<IDomainControl> connect, OutputLayers layers)
    {
        _layers = layers;
        _domain = domain;
        Info = info;
        _pageCount = info.PageCount;
        _marker = marker;
        _suspension = new DomainSuspension(domain, connect);
        _mechanism = mechanism;
        _live = new LiveDomain(domain);
    }

    /// <inheritdoc/>
    public DomainInfo Info { get; }

    /// <inheritdoc/>
    public IGuestMemory Memory => _memory ??= _live.Of(_mechanism.Memory);

    /// <inheritdoc/>
    public bool HasUnseenWriters => _mechanism.Emulator is not null || _plug is { IsEmpty: false };

    /// <inheritdoc/>
    /// <remarks>Xen's log-dirty mode is none: under shadow paging it hangs on the same call as the extension's recording, with nested paging the
    /// extension itself marks pages dirty, and beside the ring no rollback has been held against it. docs/decisions/rollback-proof.md has what is
    /// missing.</remarks>
    public bool HasWriteWitness => false;

    /// <inheritdoc/>
    public PageBitmap GetPopulatedPages()
    {
        CheckUsable();
        return _live.Ask(_mechanism.FindPages);
    }

    /// <inheritdoc/>
    public DomainDescription Describe()
    {
        CheckUsable();
        _domain.Require();

        // The fingerprint is taken before the configuration, so that a change between the two is found by the comparison.
        string fingerprint = DomainFingerprint.Take(_domain.Control, _domain.DomId);
        PageBitmap populated = GetPopulatedPages();
        string json = _live.Ask(ConfigurationJson);
        XenDomainConfiguration configuration = _live.Ask(() =>
            _mechanism.Describe(json, populated) with { DiskBytes = DiskSizes.Of(_domain.Control, _domain.DomId, json) });
        DomainDescription description = new(
            Info.Name, Info.Kind, _pageCount, [.. populated.Ranges()], Info.VcpuCount, configuration.Serialise());
        _announced = (description, fingerprint);
        return description;
    }

    /// <inheritdoc/>
    public void RequireUnchanged(DomainDescription announced)
    {
        ArgumentNullException.ThrowIfNull(announced);
        CheckUsable();
        DomainChanges.RequireStanding(_domain);
        if (_announced is { } last && ReferenceEquals(last.Description, announced)
            && last.Fingerprint == DomainFingerprint.Take(_domain.Control, _domain.DomId))
        {
            return;
        }

        string before = XenDomainConfiguration.Parse(announced.Configuration, announced.PageCount).Json;
        DomainChanges.RequireSame(before, ConfigurationJson(), Info.Name);
    }

    /// <inheritdoc/>
    public void Mark(SourceMark? mark, Departure? departure = null)
    {
        if (mark == SourceMark.Leaving && _plug is null && departure is not { HasRun: true })
        {
            ImageHandover.Make(_domain.Control, _layers.Images, _domain.DomId, _domain.Uuid, Info.Name, isStopped: _mechanism.Emulator is not null);
        }

        if (mark is { } value)
        {
            // Noted once: what it uses afterwards is what somebody else let it run.
            _marker.Write(value, departure is null ? null : new(_marker.Left?.CpuTime ?? _domain.Require().CpuTimeNanoseconds, departure));
        }
        else
        {
            _marker.Remove();
        }
    }

    /// <inheritdoc/>
    public IOutputPlug PlugOutputs(OutputLimits limits)
    {
        CheckUsable();
        DomainOutputs outputs = new(_domain.Control, _layers, _domain.DomId, Info.Name);
        OutputDevices devices = outputs.RequireIsolable(_domain.Uuid, _mechanism.Emulator is null ? null : ConfigurationJson);
        return _plug = DomainPlug.Of(_domain.Control, _layers, _domain.DomId, _domain.Uuid, Info.Name, devices, limits);
    }

    /// <inheritdoc/>
    public TimeSpan AskTime => _suspension.AskTime;

    /// <inheritdoc/>
    public void Suspend(TimeSpan timeout, CancellationToken cancellationToken)
    {
        CheckUsable();
        _suspension.Suspend(timeout, cancellationToken);
        try
        {
            _mechanism.Emulator?.Stop();
        }
#pragma warning disable CA1031 // Whatever the failure, the suspension is undone.
        catch (Exception error)
#pragma warning restore CA1031
        {
            throw CleanUp.After(error, ContinueEmulator, _domain.Wake);
        }
    }

    /// <inheritdoc/>
    public void Pause()
    {
        CheckUsable();
        _domain.Pause();
        _mechanism.Emulator?.Stop();
    }

    /// <inheritdoc/>
    public void Resume()
    {
        CheckUsable();

        // The traps go first: with traps that nobody serves the domain would stand still at its first touch. Where they cannot be removed,
        // the domain stays stopped.
        _live.Remove(_mechanism.EndCapture);

        // A domain whose emulator does not answer runs on all the same, as it would have without us.
        CleanUp.All(ContinueEmulator, _domain.Wake);
    }

    /// <inheritdoc/>
    public void RunFor(TimeSpan duration, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(duration.Ticks, nameof(duration));
        CheckUsable();
        long start = TimeProvider.System.GetTimestamp();
        TimeSpan left = duration;
        while (left > TimeSpan.Zero && !_live.Ask(() => _plug is { IsNearlyFull: true }))
        {
            cancellationToken.WaitHandle.WaitOne(_plug is { IsEmpty: false } && left > s_look ? s_look : left);
            cancellationToken.ThrowIfCancellationRequested();
            left = duration - TimeProvider.System.GetElapsedTime(start);
        }
    }

    /// <inheritdoc/>
    public IAccessRecorder StartRecording(PageBackup? backups)
    {
        CheckUsable();
        if (_recorder is not null)
        {
            throw new InvalidOperationException($"{Info.Name} is being recorded already.");
        }

        if (backups is not null)
        {
            RequireSuspended("backups begin");
        }

        return _recorder = _live.Of(_live.Ask(() => _mechanism.StartRecording(backups, () => _recorder = null)));
    }

    /// <inheritdoc/>
    public IDirtyTracker StartDirtyTracking()
    {
        CheckUsable();
        return _live.Of(_live.Ask(_mechanism.StartDirtyTracking));
    }

    /// <inheritdoc/>
    public CoreState CaptureCoreState(PageBitmap populated)
    {
        CheckUsable();
        RequireSuspended("its core state is captured");
        return _live.Ask(() => _mechanism.CaptureCoreState(populated));
    }

    /// <inheritdoc/>
    public void Destroy()
    {
        CheckUsable();

        // What would keep the domain's remnant is let go of first; the domain is destroyed even if that fails.
        CleanUp.All(_mechanism.EndWithDomain, _domain.Destroy);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            // A mark that is still there says what is to be done with the domain; without a living owner the next tool does it.
            CleanUp.All(() => _live.Remove(_mechanism.Dispose), _marker.Orphan, _domain.Control.Dispose);
        }
    }

    private string ConfigurationJson() => _domain.Control.GetConfigurationJson(_domain.DomId);

    private void ContinueEmulator() => _mechanism.Emulator?.Continue();

    private void RequireSuspended(string purpose)
    {
        XenDomainInfo info = _domain.Require();
        if (!info.IsSuspended)
        {
            DomainChanges.RequireStanding(_domain);
            throw new InvalidOperationException($"{Info.Name} must be suspended before {purpose}.");
        }
    }

    private void CheckUsable() => ObjectDisposedException.ThrowIf(_isDisposed, this);
}
