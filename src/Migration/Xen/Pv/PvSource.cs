using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Pv;

/// <summary>PV domains: recorded inside the hypervisor, their memory found through the p2m that the guest keeps.</summary>
internal sealed class PvSource : ISourceMechanism
{
    private readonly XenControl _control;
    private readonly DomainFacts _facts;
    private readonly ExtensionRecording _recording;
    private PvMemoryMap _map;

    /// <summary>Takes charge of a domain.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="facts">What is known of it, its page count being that of its p2m.</param>
    internal PvSource(XenControl control, DomainFacts facts)
    {
        _control = control;
        _facts = facts;
        _recording = new ExtensionRecording(control, facts, byHarvest: false);
        _map = ReadMap(control, facts.DomId, facts.Info.Name);
        Memory = new XenGuestMemory(
            control, facts.DomId, facts.Info.Name, facts.PageCount, pfn => Volatile.Read(ref _map).FrameOf(pfn));
    }

    /// <inheritdoc/>
    public IGuestMemory Memory { get; }

    /// <inheritdoc/>
    public IDeviceEmulator? Emulator => null;

    private string Subject => _facts.Info.Name;

    /// <summary>The pages that hold a guest's p2m.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: it lies in memory of somebody else.</exception>
    internal static IEnumerable<int> FindTablePages(PvMemoryMap map, string subject) =>
        map.TableFrames.Select(frame => map.TryFind(frame, out int pfn)
            ? pfn
            : throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{subject}: a part of the guest's p2m lies in machine frame 0x{frame:x}, which is none of the domain's pages.",
                "Use `xl migrate` for this guest.",
                subject));

    /// <inheritdoc/>
    public PageBitmap FindPages()
    {
        PvMemoryMap map = ReadMap(_control, _facts.DomId, Subject);
        if (map.PageCount != _facts.PageCount)
        {
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{Subject}: the guest's memory was enlarged: its p2m has {map.PageCount} entries now, and had {_facts.PageCount}.",
                "Wait until its memory has settled, and begin again.",
                Subject);
        }

        Volatile.Write(ref _map, map);
        return map.FindPages();
    }

    /// <inheritdoc/>
    public XenDomainConfiguration Describe(string json, PageBitmap populated)
    {
        XenHostInfo host = _control.GetHostInfo();
        XenCpuPolicy policy = _control.GetCpuPolicy(_facts.DomId);
        return new(json, host.Major, host.Minor, policy.Leaves, policy.Msrs, [], []) { P2mPages = [.. FindTablePages(_map, Subject)] };
    }

    /// <inheritdoc/>
    public IDirtyTracker StartDirtyTracking() =>
        new XenDirtyTracker(_control, _facts.DomId, FindPages(), new PageBitmap(_facts.PageCount), emulator: null);

    /// <inheritdoc/>
    public IAccessRecorder StartRecording(PageBackup? backups, Action onDisposed) =>
        _recording.Start(FindPages(), backups, onDisposed);

    /// <inheritdoc/>
    public CoreState CaptureCoreState(PageBitmap populated) =>
        PvCapture.Capture(_control, _facts.DomId, Subject, _map, Memory, _recording.FindFixedPages(populated));

    /// <inheritdoc/>
    public void EndCapture() => _recording.EndCapture();

    /// <inheritdoc/>
    public void EndWithDomain() => _recording.EndWithDomain();

    /// <inheritdoc/>
    public void Dispose() => _recording.Dispose();

    /// <summary>Reads a running or suspended guest's p2m.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>: the guest does not say where it is.</exception>
    internal static PvMemoryMap ReadMap(XenControl control, int domid, string subject)
    {
        byte[] info = control.GetSharedInfo(domid);
        ulong cr3 = PvSharedInfo.P2mCr3Of(info);
        return cr3 == 0
            ? throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"{subject}: the guest does not say where its p2m is; its kernel is older than Linux 3.19, or has not booted yet.",
                "Wait until it has booted; use `xl migrate` for a guest with such a kernel.",
                subject)
            : PvMemoryMap.Read(
                (frames, pages) => control.ReadFrames(domid, frames, pages, subject),
                cr3,
                PvSharedInfo.P2mAddressOf(info),
                DomainExtent.Count(control.GetMaximumGfn(domid), control.GetDomain(domid).MaxPages, subject),
                subject);
    }
}
