using PreRecordMigration.Backup;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Domains;

/// <summary>
/// Who records a source domain: Xen's paging ring or the hypervisor's extension. One recording at a time; disposing ends it.
/// </summary>
internal interface IPageRecording : IDisposable
{
    /// <summary>Starts to record.</summary>
    /// <param name="populated">The domain's pages: others that it touches (rings of the toolstack) do not migrate.</param>
    /// <param name="backups">Where originals go; null to record only.</param>
    /// <param name="onDisposed">Called once, when the recorder was disposed.</param>
    IAccessRecorder Start(PageBitmap populated, PageBackup? backups, Action onDisposed);

    /// <summary>Pages of the suspended domain that Xen or backends use without a fault, whether it is being recorded or not.</summary>
    /// <param name="populated">The domain's pages.</param>
    IEnumerable<int> FindFixedPages(PageBitmap populated);

    /// <summary>Removes what <see cref="FindFixedPages"/> left behind. Nothing happens while the domain is recorded.</summary>
    void EndCapture();

    /// <summary>The domain is about to be destroyed: lets go of everything that would keep its remnant.</summary>
    void EndWithDomain();
}
