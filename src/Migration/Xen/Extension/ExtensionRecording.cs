using PreRecordMigration.Backup;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>The recordings of one source domain by the hypervisor's extension, one at a time.</summary>
/// <param name="control">The connection.</param>
/// <param name="facts">What is known of the domain.</param>
/// <param name="byHarvest">Whether, after a page's first touch, the processor's own bits tell of the others: only with nested paging.</param>
internal sealed class ExtensionRecording(XenControl control, DomainFacts facts, bool byHarvest) : IPageRecording
{
    private ExtensionRecorder? _recorder;

    /// <inheritdoc/>
    public IAccessRecorder Start(PageBitmap populated, PageBackup? backups, Action onDisposed)
    {
        XenExtensionPort port = new(control, facts.DomId);
        try
        {
            return _recorder = ExtensionRecorder.Start(port, populated, backups, byHarvest, facts.Info.Name, _ =>
            {
                _recorder = null;
                onDisposed();
            });
        }
        catch
        {
            port.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<int> FindFixedPages(PageBitmap populated)
    {
        if (_recorder is not null)
        {
            return _recorder.UntrackedPages.Pfns();
        }

        using CheckedExtensionPort port =
            CheckedExtensionPort.Around(new XenExtensionPort(control, facts.DomId), facts.PageCount, facts.Info.Name);
        return RecordingStart.FindFixedPages(port, facts.PageCount).Where(pfn => populated[pfn]);
    }

    /// <inheritdoc/>
    public void EndCapture()
    {
        // Nothing is to be removed: finding the fixed pages left nothing behind.
    }

    /// <inheritdoc/>
    public void EndWithDomain() => _recorder?.EndWithDomain();

    /// <inheritdoc/>
    public void Dispose() => _recorder?.Dispose();
}
