using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Tests.Methods;

/// <summary>A source domain that passes every call on to another one, except for what a test overrides.</summary>
/// <param name="inner">The domain behind it.</param>
internal abstract class ForwardingSource(ISourceDomain inner) : ISourceDomain
{
    public DomainInfo Info => inner.Info;

    public IGuestMemory Memory => inner.Memory;

    public virtual bool HasUnseenWriters => inner.HasUnseenWriters;

    public bool HasWriteWitness => inner.HasWriteWitness;

    public virtual TimeSpan AskTime => inner.AskTime;

    public PageBitmap GetPopulatedPages() => inner.GetPopulatedPages();

    public DomainDescription Describe() => inner.Describe();

    public void RequireUnchanged(DomainDescription announced) => inner.RequireUnchanged(announced);

    public void Mark(SourceMark? mark, Departure? departure = null) => inner.Mark(mark, departure);

    public IOutputPlug PlugOutputs(OutputLimits limits) => inner.PlugOutputs(limits);

    public void Suspend(TimeSpan timeout, CancellationToken cancellationToken) => inner.Suspend(timeout, cancellationToken);

    public void Pause() => inner.Pause();

    public void Resume() => inner.Resume();

    public virtual void RunFor(TimeSpan duration, CancellationToken cancellationToken) => inner.RunFor(duration, cancellationToken);

    public virtual IAccessRecorder StartRecording(PageBackup? backups) => inner.StartRecording(backups);

    public IDirtyTracker StartDirtyTracking() => inner.StartDirtyTracking();

    public CoreState CaptureCoreState(PageBitmap populated) => inner.CaptureCoreState(populated);

    public void Destroy() => inner.Destroy();

    public void Dispose() => inner.Dispose();

    /// <summary>Changes a page past every trap, as a writer does of whom the hypervisor knows nothing.</summary>
    protected void WriteUnseen(int pfn)
    {
        byte[] page = new byte[Page.Size];
        Memory.Read([pfn], page);
        page[0] ^= 0xff;
        page[1]++;
        Memory.Write([pfn], page);
    }
}
