using System.Globalization;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>
/// The mapped device that the script block-prerecord (the module's folder scripts) puts under a disk whatever that is on, so that there is one whose table
/// can be exchanged. The script makes and removes it, but for those that an overlay needed when the domain went.
/// </summary>
internal static class DiskLayer
{
    /// <summary>What a disk's configuration says to have one.</summary>
    internal const string Setting = $"script={HotplugScripts.Layer}";

    /// <summary>What its identifier begins with; the VM's UUID, the domain's number, the disk's, and what it is of come next.</summary>
    internal const string IdPrefix = "LVM-PRERECORDDISK-";

    /// <summary>Removes what is left of a domain that is gone, which no overlay needs any more. A disk that was opened through it since has it for as long as
    /// it needs it.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="layer">The control domain's mapped devices.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="uuid">Its UUID, in 32 digits.</param>
    internal static void RemoveLeft(IDomainControl control, IBlockLayer layer, int domid, string uuid)
    {
        IReadOnlyList<MappedDevice> left = layer.List(string.Create(CultureInfo.InvariantCulture, $"{IdPrefix}{uuid}-{domid}-"));
        if (left.Count == 0 || IsDomainThere(control, domid))
        {
            return;
        }

        foreach (MappedDevice device in left)
        {
            layer.RemoveOnceClosed(device.Name);
        }
    }

    /// <summary>Whether there is a domain of a number that its devices may still be of.</summary>
    internal static bool IsDomainThere(IDomainControl control, int domid)
    {
        try
        {
            return !control.GetDomain(domid).Flags.HasFlag(XenDomainFlags.Dying);
        }
        catch (XenException error) when (error.Errno == XenErrno.NoProcess)
        {
            return false;
        }
    }
}
