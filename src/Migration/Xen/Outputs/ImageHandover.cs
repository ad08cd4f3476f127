using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>
/// The images of a domain that leaves without a window, which its destination opens while its QEMU here still has them open: nothing of them may be in that
/// QEMU's memory alone, and nothing may come that it would write later. An image with tables of its own, such as qcow2, would be read half there, and
/// be overwritten from here.
/// </summary>
internal static class ImageHandover
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>Waits for what the domain, which stands still, asked of its images, and has QEMU write them out.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="layer">The domains' QEMUs.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="uuid">Its UUID, in 32 digits.</param>
    /// <param name="domain">Its name, for errors.</param>
    /// <param name="isStopped">Whether QEMU is stopped, as an HVM domain's emulator is, and stays so.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.HypervisorCall"/>: that does not end, or QEMU does not answer.</exception>
    internal static void Make(IDomainControl control, IImageLayer layer, int domid, string uuid, string domain, bool isStopped)
    {
        BackendRings rings = new(control, domid);
        foreach (OutputImage image in OutputDevices.ImagesOf(control, domid))
        {
            if (!rings.AwaitDisk(image.Disk, s_patience))
            {
                throw new MigrationException(
                    MigrationErrorId.HypervisorCall,
                    FormattableString.Invariant($"What {domain} asked of its disk {image.Disk} is not done after {s_patience.TotalSeconds:0.#} s, so that its image {image.File} cannot be given to the destination."),
                    "The domain runs on here. See that its disk answers, and start the migration again.",
                    domain);
            }

            layer.Flush(new ImageName(domid, uuid, image.Disk, image.Node, image.File), isStopped);
        }
    }
}
