using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Source;

/// <summary>
/// Marks a source by what is done to it, and lets it run on when it is disposed: for an owner that does not mark it. From its first mark on
/// that owner decides alone.
/// </summary>
internal sealed class SelfMarkingSource(XenSourceDomain domain) : ISourceDomain
{
    private IAccessRecorder? _recorder;
    private IDirtyTracker? _tracker;
    private bool _isMarkedByOwner;
    private bool _hasCheckpoint;
    private bool _isBackingUp;
    private bool _isDestroyed;

    public DomainInfo Info => domain.Info;

    public IGuestMemory Memory => domain.Memory;

    public bool HasUnseenWriters => domain.HasUnseenWriters;

    public PageBitmap GetPopulatedPages() => domain.GetPopulatedPages();

    public DomainDescription Describe() => domain.Describe();

    public void RequireUnchanged(DomainDescription announced) => domain.RequireUnchanged(announced);

    public void Mark(SourceMark? mark)
    {
        _isMarkedByOwner = true;
        domain.Mark(mark);
    }

    public IOutputPlug PlugOutputs() => domain.PlugOutputs();

    public void Suspend(TimeSpan timeout, CancellationToken cancellationToken)
    {
        Note(SourceMark.Stopped);
        try
        {
            domain.Suspend(timeout, cancellationToken);
        }
        catch
        {
            Note(SourceMark.Running);
            throw;
        }
    }

    public void Pause()
    {
        Note(_hasCheckpoint ? SourceMark.Leaving : SourceMark.Stopped);
        domain.Pause();
    }

    public void Resume()
    {
        domain.Resume();
        Note(SourceMark.Running);
    }

    public void RunFor(TimeSpan duration, CancellationToken cancellationToken) => domain.RunFor(duration, cancellationToken);

    public IAccessRecorder StartRecording(PageBackup? backups)
    {
        _isBackingUp = backups is not null;
        return _recorder = domain.StartRecording(backups);
    }

    public IDirtyTracker StartDirtyTracking() => _tracker = domain.StartDirtyTracking();

    public CoreState CaptureCoreState()
    {
        _hasCheckpoint = true;
        Note(_recorder is not null && _isBackingUp ? SourceMark.Stopped : SourceMark.Leaving);
        return domain.CaptureCoreState();
    }

    public void Destroy()
    {
        domain.Destroy();
        _isDestroyed = true;
        Note(null);
    }

    public void Dispose()
    {
        try
        {
            if (!_isMarkedByOwner && !_isDestroyed)
            {
                _recorder?.Dispose();
                _tracker?.Dispose();
                domain.Resume();
            }
        }
        catch (MigrationException error) when (error.ErrorId is MigrationErrorId.DomainChanged or MigrationErrorId.DomainNotFound)
        {
            // Somebody has destroyed it: there is nothing to let go of.
        }
        finally
        {
            Note(null);
            domain.Dispose();
        }
    }

    private void Note(SourceMark? mark)
    {
        if (!_isMarkedByOwner)
        {
            domain.Mark(mark);
        }
    }
}
