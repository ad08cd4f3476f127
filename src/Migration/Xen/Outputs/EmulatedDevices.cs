using PreRecordMigration.Texts;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>
/// The twins that a device emulator has of an HVM domain's cards and disks, for a guest that has no drivers for Xen's own, or until it unplugs them. A
/// twin of a card is an interface of its own, and is plugged like the card. A twin of a disk opens the same mapped device, whose table is both's.
/// </summary>
internal static class EmulatedDevices
{
    private const string OtherMode = "Use the mode Observe, which rolls nothing back";
    private const string Remedy =
        $"{OtherMode}; give the disk {DiskLayer.Setting} instead of having QEMU serve it; or make it a PVH domain, which has no emulated devices.";

    /// <summary>Adds what an emulator has, or refuses it.</summary>
    /// <param name="devices">What the domain has without it.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="layers">What the control domain has for holding outputs back.</param>
    internal static OutputDevices AddTo(OutputDevices devices, int domid, OutputLayers layers)
    {
        if (!layers.HoldsTwins)
        {
            string[] names = [.. devices.Cards.Select(card => $"vif {card.Card}"), .. devices.Disks.Select(disk => $"vbd {disk.Disk}"), .. devices.Images.Select(image => $"vbd {image.Disk}")];
            return devices with
            {
                Refused = [.. devices.Refused, .. names.Select(name => (name, "has an emulated twin in the device emulator", $"{OtherMode}; or make it a PVH domain, which has no emulated devices."))],
            };
        }

        OutputCard[] twins = [.. devices.Cards.Select(card => card.Twin).Where(twin => layers.Network.IsThere(twin.Face))];
        List<(string, string, string)> refused =
        [
            .. devices.Refused,
            .. devices.Images.Select(image => ($"vbd {image.Disk}", "has an emulated twin in the device emulator, which opens its image a second time", Remedy)),
            .. twins.Where(twin => twin.Card > OutputNames.LastTwin).Select(twin =>
                ($"vif {twin.Card}", FormattableString.Invariant($"has an emulated twin and a number above {OutputNames.LastTwin}"), Remedy)),
        ];
        if (layers.Images.WrittenBy(domid) is not { } written)
        {
            refused.Add(("device emulator", "has ended", Remedy));
        }
        else if (devices.Images.Count == 0)
        {
            refused.AddRange(
                from path in written
                where !devices.Disks.Any(disk => layers.Disks.NumberOf(path) == disk.Device)
                select ("device emulator", $"writes to {ForeignText.Show(path, 200)}, which is none of the disks that can be held back", Remedy));
        }

        return devices with { Cards = [.. devices.Cards, .. twins], Refused = refused, AreEmulated = true };
    }
}
