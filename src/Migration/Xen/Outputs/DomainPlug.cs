using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>Holds back what a domain does to its network and its disks; docs/output-isolation.md has the order, and why it is right.</summary>
internal sealed class DomainPlug : IOutputPlug
{
    /// <summary>The largest request of a disk's ring, of 256 pages that need not begin at a chunk.</summary>
    private const long LargestRequest = 257 * 4096L;

    /// <summary>The same of a disk that QEMU serves, whose overlay may have larger chunks, and tables of a chunk each for new places.</summary>
    private const long LargestImageRequest = (256 * 4096L) + (4 * OverlayImage.LargestCluster);

    /// <summary>Requests that a page of a disk's ring has room for.</summary>
    private const int RequestsOfPage = 32;

    /// <summary>Bytes of packets that a card's queue has room for: 256 slots of a page.</summary>
    private const long BytesOfQueue = 256 * 4096L;

    /// <summary>Of a limit, the part that is left for what is done while nobody has looked yet.</summary>
    private const int Slack = 8;

    private readonly IReadOnlyList<CardPlug> _cards;
    private readonly IReadOnlyList<DiskOverlay> _disks;
    private readonly IReadOnlyList<ImageOverlay> _images;
    private readonly BackendRings _rings;
    private readonly Action _removeLeft;
    private readonly OutputLimits _limits;
    private readonly string _domain;

    private DomainPlug(
        IDomainControl control, OutputLayers layers, int domid, string uuid, string domain, IReadOnlyList<OutputCard> cards, IEnumerable<OverlayName> disks,
        IEnumerable<OutputImage> images, bool areEmulated, OutputLimits limits)
    {
        _cards = [.. cards.Select(card => new CardPlug(layers.Network, domid, card, domain))];
        _disks = [.. disks.Select(disk => new DiskOverlay(layers.Disks, disk, domain, areEmulated))];
        _images =
        [
            .. images.Select(image => new ImageOverlay(
                layers.Images, new ImageName(domid, uuid, image.Disk, image.Node, image.File), domain, () => DiskLayer.IsDomainThere(control, domid))),
        ];
        _rings = new BackendRings(control, domid);
        _removeLeft = () =>
        {
            DiskLayer.RemoveLeft(control, layers.Disks, domid, uuid);
            layers.Images.RemoveFiles(ImageName.FilesOf(domid, uuid));
        };
        _limits = limits;
        _domain = domain;
    }

    /// <summary>How long a domain's backends may take at the checkpoint to do what they were asked for. What they have not done then they do later, and
    /// that is right too, but costs the proof of the rollback where a disk is read.</summary>
    internal TimeSpan CheckpointPatience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a domain's backends may take for what was asked for in the window.</summary>
    internal TimeSpan DisksPatience { get; init; } = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public long HeldCount => _cards.Sum(card => card.HeldPackets) + _disks.Sum(disk => disk.HeldChunks) + _images.Sum(image => image.HeldChunks);

    /// <inheritdoc/>
    public bool IsNearlyFull => IsHolding
        && (_cards.Any(card => card.IsNearlyFull()) || _disks.Any(disk => disk.IsNearlyFull()) || _images.Any(image => image.IsNearlyFull()));

    /// <inheritdoc/>
    public bool MayRun => _disks.All(disk => disk.MayRun) && _images.All(image => image.MayRun);

    /// <summary>Whether something is held back by this process.</summary>
    internal bool IsHolding { get; private set; }

    /// <summary>Whether nothing is to be held back.</summary>
    internal bool IsEmpty => _cards.Count == 0 && _disks.Count == 0 && _images.Count == 0;

    /// <summary>The plug of a domain whose devices can all be held back. Nothing is made yet.</summary>
    internal static DomainPlug Of(
        IDomainControl control, OutputLayers layers, int domid, string uuid, string domain, OutputDevices devices, OutputLimits limits) => new(
            control, layers, domid, uuid, domain, devices.Cards, devices.Disks.Select(disk => new OverlayName(domid, uuid, disk.Disk, disk.Device)),
            devices.Images, devices.AreEmulated, limits);

    /// <summary>What a killed process left of a plug of a domain that is here. Of a disk that QEMU serves it is seen when it is worked with.</summary>
    internal static DomainPlug Left(IDomainControl control, OutputLayers layers, int domid, string uuid, string domain) => new(
        control, layers, domid, uuid, domain,
        [
            .. from plug in OutputNames.CardsOf(domid, layers.Network.ListPlugs())
               let card = new OutputCard(plug.Card, OutputDevices.FaceOf(control, domid, plug.Card))
               select plug.IsTwin ? card.Twin : card,
        ],
        OverlayName.FindAll(layers.Disks).Where(overlay => overlay.DomId == domid && overlay.Uuid == uuid),
        OutputDevices.ImagesOf(control, domid),
        areEmulated: true,
        OutputLimits.Default);

    /// <inheritdoc/>
    public void Prepare()
    {
        foreach (DiskOverlay disk in _disks)
        {
            disk.Prepare(_limits.OverlayBytes, MarkOf(
                _limits.OverlayBytes, _rings.PagesOfDisk(disk.Name.Disk) * RequestsOfPage * LargestRequest, nameof(OutputLimits.OverlayBytes), "OverlayLimit"));
        }

        foreach (ImageOverlay image in _images)
        {
            image.Prepare(_limits.OverlayBytes, MarkOf(
                _limits.OverlayBytes, _rings.PagesOfDisk(image.Name.Disk) * RequestsOfPage * LargestImageRequest, nameof(OutputLimits.OverlayBytes), "OverlayLimit"));
        }

        foreach (CardPlug card in _cards)
        {
            card.Prepare(_limits.PacketBytes, MarkOf(
                _limits.PacketBytes, (card.Output.IsTwin ? 1 : _rings.QueuesOfCard(card.Output.Card)) * BytesOfQueue, nameof(OutputLimits.PacketBytes), "PacketLimit"));
        }
    }

    /// <inheritdoc/>
    public void Hold()
    {
        // What was sent before the checkpoint leaves, and what was written is written, as far as the backends come to it.
        // An emulator, which is stopped, has no ring, and sends when it is asked.
        foreach (CardPlug card in _cards.Where(card => !card.Output.IsTwin))
        {
            _rings.AwaitCard(card.Output.Card, CheckpointPatience);
        }

        foreach (DiskOverlay disk in _disks)
        {
            _rings.AwaitDisk(disk.Name.Disk, CheckpointPatience);
            disk.Hold();
        }

        foreach (ImageOverlay image in _images)
        {
            _rings.AwaitDisk(image.Name.Disk, CheckpointPatience);
            image.Hold();
        }

        foreach (CardPlug card in _cards)
        {
            card.Hold();
        }

        IsHolding = true;
    }

    /// <inheritdoc/>
    public void SetAside()
    {
        foreach (DiskOverlay disk in _disks)
        {
            RequireAnswered(disk.Name.Disk);
            disk.SetAside();
        }

        foreach (ImageOverlay image in _images)
        {
            RequireAnswered(image.Name.Disk);
            image.SetAside();
        }
    }

    /// <inheritdoc/>
    public void Release()
    {
        CleanUp cleaning = new();
        foreach (DiskOverlay disk in _disks)
        {
            cleaning.Try(disk.Release);
        }

        foreach (ImageOverlay image in _images)
        {
            cleaning.Try(image.Release);
        }

        RemoveLeft(cleaning);

        // What clients hear they may rely on: it is on the disks then, unless those are lost, or slower than is to be waited for.
        if (cleaning.Errors.Count == 0 || MayRun)
        {
            foreach (CardPlug card in _cards)
            {
                cleaning.Try(card.Release);
            }
        }

        cleaning.ThrowIfFailed();
    }

    /// <inheritdoc/>
    public void Drop()
    {
        CleanUp cleaning = new();
        foreach (CardPlug card in _cards)
        {
            cleaning.Try(card.Drop);
        }

        foreach (DiskOverlay disk in _disks)
        {
            cleaning.Try(disk.Drop);
        }

        foreach (ImageOverlay image in _images)
        {
            image.Drop();
        }

        RemoveLeft(cleaning);
        cleaning.ThrowIfFailed();
    }

    /// <summary>Layers of a domain that is gone, and files that nobody has opened; and only where no overlay is left that needs one.</summary>
    private void RemoveLeft(CleanUp cleaning)
    {
        if (cleaning.Errors.Count == 0)
        {
            cleaning.Try(_removeLeft);
        }
    }

    /// <summary>Waits until nothing is under way that the domain asked of a disk in the window.</summary>
    private void RequireAnswered(int disk)
    {
        if (!_rings.AwaitDisk(disk, DisksPatience))
        {
            throw new MigrationException(
                MigrationErrorId.HypervisorCall,
                FormattableString.Invariant($"What {_domain} asked of its disk {disk} in the window is not done after {DisksPatience.TotalSeconds:0.#} s, so that its disk cannot be given to the destination."),
                "The domain runs on here. See that its disk answers, and start the migration again.",
                _domain);
        }
    }

    /// <summary>From how many bytes on something with a limit counts as nearly full.</summary>
    /// <param name="limit">The limit.</param>
    /// <param name="underway">Bytes that may be under way when the domain is stopped.</param>
    /// <param name="name">The limit's name in the engine.</param>
    /// <param name="option">Its name for the administrator.</param>
    private long MarkOf(long limit, long underway, string name, string option)
    {
        long mark = limit - (limit / Slack) - underway;
        return mark > 0
            ? mark
            : throw new MigrationException(
                MigrationErrorId.InvalidOption,
                FormattableString.Invariant($"The option {option} is {limit} bytes; {_domain} can have {underway} bytes under way, which must have room when its window ends."),
                FormattableString.Invariant($"Give at least {((2 * underway) >> 20) + 1} MiB ({name})."),
                option);
    }
}
