using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Pv;

/// <summary>An incoming PV domain that another tool has left: its pages are found through its p2m, as they were when it was restored, and the
/// hypervisor's extension serves its faults on.</summary>
internal sealed class PvAdopted(XenControl control, int domid, string name, IncomingPages pages) : AdoptedIncoming(pages)
{
    private readonly Lazy<PvMemoryMap> _map = new(() => PvIncoming.ReadMap(control, domid, pages.Populated.PageCount, name));

    /// <inheritdoc/>
    public override IGuestMemory Memory => new XenGuestMemory(control, domid, name, Pages.Populated.PageCount, pfn => _map.Value.FrameOf(pfn));

    /// <inheritdoc/>
    protected override IRemotePaging? Adopt()
    {
        // What the guest has given up since has no frame, and needs no content.
        PageBitmap missing = Pages.Populated.Clone();
        foreach (int pfn in Pages.Populated.Pfns().Where(pfn => pfn >= _map.Value.PageCount || _map.Value.FrameOf(pfn) == PvMemoryMap.NoFrame))
        {
            missing.TryClear(pfn);
        }

        return ExtensionRemotePaging.Adopt(new XenExtensionPort(control, domid), missing, name, _map.Value.FrameOf);
    }
}
