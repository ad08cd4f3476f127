using System.Globalization;
using System.Text.Json;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Domains;

/// <summary>How large a domain's disks are for its guest, as their backends in the control domain say: by that a destination tells the same disk from
/// another one that stands at the same path.</summary>
internal static class DiskSizes
{
    /// <summary>Bytes of a sector, where a backend says nothing else. The kernel's block backend counts in them whatever it says (xen-blkback's
    /// vbd_sz); QEMU counts in those that it says.</summary>
    private const long Sector = 512;

    private const long LargestSector = 1 << 20;
    private const string Backends = "/local/domain/0/backend/";

    /// <summary>Asks XenStore.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="json">Its configuration as libxl's JSON.</param>
    /// <returns>Bytes of each disk, in the order of the configuration; 0 where they are not known: the disk's backend is in another domain, or has not
    /// connected.</returns>
    internal static IReadOnlyList<long> Of(IDomainControl control, int domid, string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement disks = LibxlJson.Member(document.RootElement, "disks");
        if (disks.ValueKind != JsonValueKind.Array || disks.GetArrayLength() == 0)
        {
            return [];
        }

        Dictionary<string, long> sizes = new(StringComparer.Ordinal);
        string devices = string.Create(CultureInfo.InvariantCulture, $"/libxl/{domid}/device/vbd");
        foreach (string number in control.ListStore(devices))
        {
            if (control.ReadStore($"{devices}/{number}/backend") is { } backend
                && backend.StartsWith(Backends, StringComparison.Ordinal)
                && control.ReadStore($"{backend}/dev") is { } device)
            {
                sizes[device] = SizeOf(control, backend);
            }
        }

        return [.. disks.EnumerateArray().Select(disk => LibxlJson.Text(disk, "vdev") is { } name ? sizes.GetValueOrDefault(name) : 0)];
    }

    private static long SizeOf(IDomainControl control, string backend)
    {
        long unit = backend.StartsWith($"{Backends}vbd/", StringComparison.Ordinal) ? Sector : Number(control, $"{backend}/sector-size") ?? Sector;
        return unit is > 0 and <= LargestSector && Number(control, $"{backend}/sectors") is { } sectors && sectors <= long.MaxValue / unit ? sectors * unit : 0;
    }

    private static long? Number(IDomainControl control, string path) =>
        long.TryParse(control.ReadStore(path), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
}
