using System.Runtime.InteropServices;

namespace PreRecordMigration.Xen.Native;

/// <content>The rings between a domain and its backends.</content>
internal sealed partial class XenControl
{
    /// <inheritdoc/>
    public bool IsRingIdle(int domid, uint reference)
    {
        Check(RingProgress((uint)domid, reference, out uint asked, out uint answered), domid);
        return asked == answered;
    }

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_ring_progress")]
    private static partial int RingProgress(uint domid, uint reference, out uint asked, out uint answered);
}
