using System.Globalization;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>
/// What is made in the control domain for a domain's outputs is named for the domain, so that any process finds it, and knows what it belongs to
/// from its name alone.
/// </summary>
internal static class OutputNames
{
    /// <summary>What the name of a network card's plug begins with. An interface's name has 15 characters at most.</summary>
    internal const string PlugPrefix = "prerec";

    /// <summary>
    /// What the identifier of a mapped device of ours begins with. A guest's disk may itself have volumes of LVM, which the control domain's LVM would find
    /// on our device, and open. What is called as LVM's own are it does not look at; and the three parts of our devices' names are, to the system's rules,
    /// those of a part of a volume, of which nobody is told.
    /// </summary>
    internal const string IdPrefix = "LVM-PRERECORD-";

    /// <summary>What the name of a store begins with.</summary>
    internal const string StorePrefix = "prerecord-overlay-";

    /// <summary>What the name of the file of a QEMU disk's overlay begins with.</summary>
    internal const string ImagePrefix = "prerecord-image-";

    /// <summary>The highest number of a network card for which an interface's name has room.</summary>
    internal const int LastCard = 999;

    /// <summary>The highest number of a network card for which the name of its emulated twin's plug has room.</summary>
    internal const int LastTwin = 99;

    private const char Twin = 'e';

    /// <summary>The plug of a network card, or of its emulated twin.</summary>
    internal static string Plug(int domid, int card, bool isTwin) =>
        string.Create(CultureInfo.InvariantCulture, $"{PlugPrefix}{domid}.{card}{(isTwin ? $"{Twin}" : "")}");

    /// <summary>The cards of a domain that have a plug among those that are there, and the twins that have.</summary>
    internal static IEnumerable<(int Card, bool IsTwin)> CardsOf(int domid, IEnumerable<string> plugs)
    {
        string prefix = string.Create(CultureInfo.InvariantCulture, $"{PlugPrefix}{domid}.");
        foreach (string plug in plugs.Where(plug => plug.StartsWith(prefix, StringComparison.Ordinal)))
        {
            bool isTwin = plug[^1] == Twin;
            if (int.TryParse(plug.AsSpan(prefix.Length).TrimEnd(Twin), NumberStyles.None, CultureInfo.InvariantCulture, out int card))
            {
                yield return (card, isTwin);
            }
        }
    }
}

/// <summary>The overlay of one disk of one domain: what it is of, and what its parts are called.</summary>
/// <param name="DomId">The domain.</param>
/// <param name="Uuid">Its UUID, in 32 digits: the number may be another's later.</param>
/// <param name="Disk">The disk's number at the domain.</param>
/// <param name="Device">The mapped device that the domain has as its disk.</param>
internal sealed record OverlayName(int DomId, string Uuid, int Disk, DeviceNumber Device)
{
    private const int Parts = 5;

    /// <summary>The device that has the disk's own table while the disk has another.</summary>
    internal string Base => string.Create(CultureInfo.InvariantCulture, $"prerecord-{DomId}-{Disk}");

    /// <summary>By what that device is found, and says of which disk it is.</summary>
    internal string Id => string.Create(
        CultureInfo.InvariantCulture, $"{OutputNames.IdPrefix}{Uuid}-{DomId}-{Disk}-{Device.Major}-{Device.Minor}");

    /// <summary>The store of what is written to the overlay.</summary>
    internal string Store => string.Create(CultureInfo.InvariantCulture, $"{OutputNames.StorePrefix}{Uuid}-{DomId}-{Disk}-{Device.Major}-{Device.Minor}");

    /// <summary>The overlays of which anything is there, of all domains.</summary>
    internal static IReadOnlyList<OverlayName> FindAll(IBlockLayer layer) =>
    [
        .. layer.List(OutputNames.IdPrefix).Select(device => device.Id[OutputNames.IdPrefix.Length..])
            .Concat(layer.ListStores().Select(store => store.Name[OutputNames.StorePrefix.Length..]))
            .Distinct()
            .Select(Of)
            .OfType<OverlayName>(),
    ];

    /// <summary>What stands behind the prefix of an identifier or of a store's name; null where it is none of ours.</summary>
    private static OverlayName? Of(string rest)
    {
        string[] parts = rest.Split('-');
        return parts.Length == Parts
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int domid)
            && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out int disk)
            && DeviceNumber.TryParse($"{parts[3]}:{parts[4]}", out DeviceNumber device)
                ? new OverlayName(domid, parts[0], disk, device)
                : null;
    }
}
