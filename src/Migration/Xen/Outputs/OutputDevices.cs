using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>A network card whose packets can be held back.</summary>
/// <param name="Card">Its number at the domain.</param>
/// <param name="Face">Its interface in the control domain.</param>
/// <param name="IsTwin">Whether this is its emulated twin, through which an emulator sends.</param>
internal sealed record OutputCard(int Card, string Face, bool IsTwin = false)
{
    /// <summary>Its emulated twin, whose interface the toolstack names so.</summary>
    internal OutputCard Twin => new(Card, $"{Face}-emu", IsTwin: true);
}

/// <summary>A disk whose writes can be held back.</summary>
/// <param name="Disk">Its number at the domain.</param>
/// <param name="Device">The mapped device behind it.</param>
internal sealed record OutputDisk(int Disk, DeviceNumber Device);

/// <summary>A disk that QEMU serves, whose writes can be held back.</summary>
/// <param name="Disk">Its number at the domain.</param>
/// <param name="Node">What QEMU calls its image.</param>
/// <param name="File">The image's file.</param>
internal sealed record OutputImage(int Disk, string Node, string File);

/// <summary>
/// The devices through which what a domain does is seen outside: network cards, disks and others. Its console does not count, which is a
/// log for the administrator, nor do its XenStore nodes, which are its host's.
/// </summary>
/// <param name="Cards">Those that can be plugged.</param>
/// <param name="Disks">Those that can be overlaid. What only reads is not among them, nor a drive with nothing in it.</param>
/// <param name="Images">The same of those that QEMU serves.</param>
/// <param name="Refused">What cannot be held back: the device, such as "vbd 51712", why, and what to do.</param>
internal sealed record OutputDevices(
    IReadOnlyList<OutputCard> Cards, IReadOnlyList<OutputDisk> Disks, IReadOnlyList<OutputImage> Images,
    IReadOnlyList<(string Device, string Reason, string Remedy)> Refused)
{
    /// <summary>Whether a device emulator has the disks open too.</summary>
    internal bool AreEmulated { get; init; }

    private const string Detach = "detach it for the migration";
    private const string TakeLayer = $"Give it {DiskLayer.Setting}, which puts a mapped device under it, and start the domain anew";
    private const string OtherMode = "Use the mode Observe, which rolls nothing back";

    /// <summary>Device classes that carry nothing out: the console, a guest's suspend support, and its keyboard.</summary>
    private static readonly string[] s_silent = ["suspend", "console", "vkbd"];

    /// <summary>Looks at what a domain has.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="uuid">Its UUID, in 32 digits.</param>
    /// <param name="layers">What the control domain has for holding outputs back.</param>
    /// <remarks>Only what the toolstack has written is believed; what the guest has written of itself can only add to what is refused.</remarks>
    internal static OutputDevices Find(IDomainControl control, int domid, string uuid, OutputLayers layers)
    {
        List<OutputCard> cards = [];
        List<OutputDisk> disks = [];
        List<OutputImage> images = [];
        List<(string, string, string)> refused = [];
        foreach ((string kind, string number) in All(control, domid))
        {
            string? refusal = null;
            string remedy = $"{OtherMode}; or {Detach}.";
            if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            {
                refusal = "is a device that nobody here knows";
            }
            else if (kind == "vif")
            {
                refusal = Card(control, domid, index, layers.Network, cards);
            }
            else if (kind == "vbd" && QemuBackendOf(control, domid, index) is { } backend)
            {
                refusal = ImageAt(control, backend, index) is { } image ? Image(image, domid, uuid, layers.Images, images) : null;
            }
            else if (kind == "vbd")
            {
                refusal = Disk(control, domid, index, layers.Disks, disks, ref remedy);
            }
            else
            {
                refusal = "is of a kind whose outputs cannot be held back";
            }

            if (refusal is not null)
            {
                refused.Add(($"{kind} {number}", refusal, remedy));
            }
        }

        return new OutputDevices(cards, disks, images, refused);
    }

    /// <summary>Refuses a domain of which something could get out.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutputNotIsolable"/>: the message names the devices.</exception>
    internal void Require(string name)
    {
        if (Refused.Count > 0)
        {
            throw new MigrationException(
                MigrationErrorId.OutputNotIsolable,
                $"What {name} does in the window cannot be held back: {string.Join("; ", Refused.Select(refusal => $"its {refusal.Device} {refusal.Reason}"))}.",
                string.Join(" ", Refused.Select(refusal => refusal.Remedy).Distinct()),
                name);
        }
    }

    /// <summary>The path of a backend's nodes, which only the control domain writes; null where the backend is elsewhere.</summary>
    internal static string? BackendOf(IDomainControl control, int domid, string kind, int index)
    {
        string listed = string.Create(CultureInfo.InvariantCulture, $"/libxl/{domid}/device/{kind}/{index}/backend");
        string expected = string.Create(CultureInfo.InvariantCulture, $"/local/domain/0/backend/{kind}/{domid}/{index}");
        return control.ReadStore(listed) is { } backend && backend != expected ? null : expected;
    }

    /// <summary>The disks of a domain that QEMU serves and that the domain can write.</summary>
    internal static IEnumerable<OutputImage> ImagesOf(IDomainControl control, int domid) =>
        from number in control.ListStore(string.Create(CultureInfo.InvariantCulture, $"/libxl/{domid}/device/vbd"))
        where int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out _)
        let index = int.Parse(number, CultureInfo.InvariantCulture)
        let backend = QemuBackendOf(control, domid, index)
        where backend is not null
        let image = ImageAt(control, backend, index)
        where image is not null
        select image;

    private static IEnumerable<(string Kind, string Number)> All(IDomainControl control, int domid) => ((string[])["/libxl", "/local/domain"])
        .Select(root => string.Create(CultureInfo.InvariantCulture, $"{root}/{domid}/device"))
        .SelectMany(root => control.ListStore(root)
            .Where(kind => !s_silent.Contains(kind))
            .SelectMany(kind => control.ListStore($"{root}/{kind}").Select(number => (kind, number))))
        .Distinct();

    private static string? Card(IDomainControl control, int domid, int index, INetworkLayer layer, List<OutputCard> cards)
    {
        if (BackendOf(control, domid, "vif", index) is not { } backend || control.ListStore(backend).Count == 0)
        {
            return "has its backend in another domain than the control domain";
        }

        if (layer.Missing is { } missing)
        {
            return $"cannot be held back without {missing}";
        }

        if (index > OutputNames.LastCard)
        {
            return FormattableString.Invariant($"has a number above {OutputNames.LastCard}");
        }

        string face = FaceOf(control, domid, index);
        if (!layer.IsThere(face))
        {
            return $"has no interface {face} in the control domain";
        }

        cards.Add(new OutputCard(index, face));
        return null;
    }

    /// <summary>The interface of a network card in the control domain, as the toolstack and its scripts name it.</summary>
    internal static string FaceOf(IDomainControl control, int domid, int index) =>
        control.ReadStore(string.Create(CultureInfo.InvariantCulture, $"/local/domain/0/backend/vif/{domid}/{index}/vifname")) is { Length: > 0 } named
            && !named.Contains('/', StringComparison.Ordinal)
                ? named
                : string.Create(CultureInfo.InvariantCulture, $"vif{domid}.{index}");

    /// <summary>The path of the nodes of a disk's backend where that is a QEMU of the control domain's; else null.</summary>
    private static string? QemuBackendOf(IDomainControl control, int domid, int index)
    {
        string backend = string.Create(CultureInfo.InvariantCulture, $"/local/domain/0/backend/qdisk/{domid}/{index}");
        return control.ReadStore(string.Create(CultureInfo.InvariantCulture, $"/libxl/{domid}/device/vbd/{index}/backend")) == backend ? backend : null;
    }

    /// <summary>What QEMU makes of what the toolstack has written for it (xen_block_drive_create in its hw/block/xen-block.c): <c>params</c> is
    /// FORMAT:FILE, where aio is raw and vhd is vpc, and the image is called DEVICE-FORMAT. Null where nothing is in the drive, or it only reads.</summary>
    private static OutputImage? ImageAt(IDomainControl control, string backend, int index)
    {
        string[] words = (control.ReadStore($"{backend}/params") ?? "").Split(':', 2);
        string format = words.Length == 1 ? "raw" : words[0] switch { "aio" => "raw", "vhd" => "vpc", var other => other };
        return control.ReadStore($"{backend}/mode") == "r" || words[^1].Length == 0
            ? null
            : new OutputImage(index, $"{control.ReadStore($"{backend}/dev")}-{format}", words[^1]);
    }

    private static string? Image(OutputImage image, int domid, string uuid, IImageLayer layer, List<OutputImage> images)
    {
        switch (layer.StateOf(new ImageName(domid, uuid, image.Disk, image.Node, image.File)))
        {
            case null:
                return $"({image.File}) is served by a QEMU that has ended";
            case { Bytes: > OverlayImage.LargestDisk }:
                return $"({image.File}) is too large for an overlay";
            default:
                images.Add(image);
                return null;
        }
    }

    private static string? Disk(
        IDomainControl control, int domid, int index, IBlockLayer layer, List<OutputDisk> disks, ref string remedy)
    {
        if (BackendOf(control, domid, "vbd", index) is not { } backend)
        {
            remedy = $"{TakeLayer}, which a raw image of the control domain's own can have as well as a block device; {Lower(OtherMode)}; or {Detach}.";
            return "is not served by the control domain (it has a driver domain)";
        }

        if (control.ListStore(backend).Count == 0)
        {
            return "has its backend in another domain than the control domain";
        }

        string what = control.ReadStore($"{backend}/params") ?? "";
        if (control.ReadStore($"{backend}/mode") == "r" || what.Length == 0)
        {
            return null;
        }

        if (!DeviceNumber.TryParseHexadecimal(control.ReadStore($"{backend}/physical-device"), out DeviceNumber device))
        {
            return $"({what}) has no block device in the control domain yet";
        }

        if (layer.Missing is { } missing)
        {
            remedy = "Install it.";
            return $"({what}) cannot be held back without {missing}";
        }

        if (!layer.IsMapped(device))
        {
            remedy = $"{TakeLayer}; or put it on an LVM volume; {Lower(OtherMode)}.";
            return $"({what}) is no device of device-mapper, whose table could be exchanged while the domain has it open";
        }

        if (MappedTable.Immovable(layer.TableOf(device)) is { } target)
        {
            remedy = $"{TakeLayer}; or move it to a linear or striped volume; {Lower(OtherMode)}.";
            return $"({what}) has a target '{target}', which cannot be in two devices at a time";
        }

        disks.Add(new OutputDisk(index, device));
        return null;
    }

    private static string Lower(string sentence) => char.ToLowerInvariant(sentence[0]) + sentence[1..];
}
