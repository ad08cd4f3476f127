using PreRecordMigration.Backup;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Ring;

/// <summary>Recordings of a domain with nested paging by trapping its pages with Xen's paging interface.</summary>
/// <param name="control">The connection.</param>
/// <param name="facts">What is known of the domain.</param>
/// <param name="memory">Its memory.</param>
internal sealed class RingRecording(XenControl control, DomainFacts facts, IGuestMemory memory) : IPageRecording
{
    /// <summary>How long removing the traps may go on without progress.</summary>
    internal static readonly TimeSpan UntrapPatience = TimeSpan.FromSeconds(30);

    private PageTraps? _traps;
    private bool _isRecording;

    /// <inheritdoc/>
    public IAccessRecorder Start(PageBitmap populated, PageBackup? backups, Action onDisposed)
    {
        try
        {
            IAccessRecorder recorder = RingRecorder.Start(Traps(), memory, populated, backups, facts.Info.Name, _ =>
            {
                _isRecording = false;
                onDisposed();
                EndCapture();
            });
            _isRecording = true;
            return recorder;
        }
        catch
        {
            EndCapture();
            throw;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<int> FindFixedPages(PageBitmap populated) => Traps().Trap(populated.Pfns());

    /// <inheritdoc/>
    public void EndCapture()
    {
        if (_isRecording || _traps is not { } traps)
        {
            return;
        }

        try
        {
            traps.Remove();
        }
        catch (XenException exception) when (exception.Errno == XenErrno.NoProcess)
        {
            // The domain was destroyed, and its traps with it.
        }

        traps.Dispose();
        _traps = null;
    }

    /// <inheritdoc/>
    public void EndWithDomain()
    {
        // The traps go with the domain, but the ring's page would keep its remnant and is let go of first.
        _traps?.EndWithDomain();
        _traps?.Dispose();
        _traps = null;
    }

    /// <inheritdoc/>
    public void Dispose() => _traps?.Dispose();

    private PageTraps Traps() => _traps ??= new PageTraps(
        new XenPagingPort(control, facts.DomId, withContents: false), facts.PageCount, facts.Info.VcpuCount, facts.Info.Name,
        UntrapPatience, TimeProvider.System);
}
