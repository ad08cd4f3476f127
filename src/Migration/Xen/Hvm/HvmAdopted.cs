using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Ring;

namespace PreRecordMigration.Xen.Hvm;

/// <summary>An incoming PVH or HVM domain that another tool has left: it is served on by what served it, the hypervisor's extension or Xen's
/// paging ring.</summary>
internal sealed class HvmAdopted(XenControl control, int domid, string name, IncomingPages pages) : AdoptedIncoming(pages)
{
    /// <inheritdoc/>
    public override IGuestMemory Memory { get; } = new XenIncomingMemory(control, domid, name, pages);

    /// <inheritdoc/>
    protected override IRemotePaging? Adopt()
    {
        if (XenExtension.IsSupported(control) && ByExtension() is { } paging)
        {
            return paging;
        }

        // A domain without nested paging never had a ring.
        XenDomainInfo info = control.GetDomain(domid);
        return info.Flags.HasFlag(XenDomainFlags.Hap)
            ? RingMending.Adopt(control, domid, name, (int)info.MaxVcpuId + 1, Pages)
            : null;
    }

    private ExtensionRemotePaging? ByExtension() =>
        ExtensionRemotePaging.Adopt(new XenExtensionPort(control, domid), Pages.OrdinaryPages(), name, static pfn => (ulong)pfn);
}
