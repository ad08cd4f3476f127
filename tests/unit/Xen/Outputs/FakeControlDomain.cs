using System.Globalization;
using PreRecordMigration.Tests.Xen.Life;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Tests.Xen.Outputs;

/// <summary>
/// A control domain that behaves as Linux does, as far as a domain's outputs go: what a guest sends passes the place where it is redirected, a plug
/// holds it, a mapped device reads and writes by its table, a table that is loaded works from the exchange on, what is open cannot be removed, and a
/// store is one overlay's alone. One disk, 254:0, on a partition of 8:16, or an image that QEMU serves, and one card, vif1.0. Each call is one of the host's, and can fail.
/// </summary>
internal sealed partial class FakeControlDomain(FakeXen xen) : IBlockLayer
{
    internal const string DiskTable = "0 1024 linear 8:16 0";

    internal static readonly DeviceNumber Disk = new(254, 0);

    private readonly Dictionary<DeviceNumber, Mapped> _mapped = new() { [Disk] = new Mapped("vg-lv", "LVM-1", DiskTable) };
    private readonly Dictionary<string, Store> _stores = [];
    private readonly Queue<(long Block, int Content)> _asked = [];
    private uint _next = 1;
    private long _written;
    private bool _isLayerLeft;

    /// <summary>What stands on the disk itself, by block; a block that was never written is not there.</summary>
    internal SortedDictionary<long, int> Blocks { get; } = [];

    /// <summary>The size of the stores that were made.</summary>
    internal long StoreBytes { get; private set; }

    /// <summary>The table that the disk has, or had when it was not gone yet.</summary>
    internal string LiveTable => _mapped.TryGetValue(Disk, out Mapped? disk) ? disk.Table : DiskTable;

    /// <summary>What of ours is there, in words; and whether a table waits.</summary>
    internal IReadOnlyList<string> Ours =>
    [
        .. _mapped.Where(device => device.Key != Disk || _isLayerLeft).Select(device => device.Value.Name),
        .. _stores.Keys,
        .. _plugs.Keys,
        .. _image is { Overlay: not null } ? (string[])["an overlay in QEMU"] : [],
        .. _files,
        .. _ingress.Keys.Where(_cards.Contains),
        .. _mapped.Where(device => device.Value.Waiting is not null).Select(device => $"a table waits at {device.Key}"),
    ];

    /// <summary>The guest asks for a write; the backend does it when it comes to it.</summary>
    internal void Ask(long block, int content)
    {
        if (_memory is { } memory)
        {
            memory[block] = (content, IsDirty: true);
        }
        else
        {
            _asked.Enqueue((block, content));
        }
    }

    /// <summary>The backend does what it was asked for.</summary>
    internal void Serve()
    {
        while (_asked.TryDequeue(out (long Block, int Content) request))
        {
            WriteDisk(request.Block, request.Content);
        }
    }

    /// <summary>What the guest reads of its disk; 0 where nothing was written.</summary>
    internal int Read(long block) => _image is { } image ? image.Read(block) : _memory is null ? Read(Disk, block) : ReadBuffered(block);

    /// <summary>Whether nothing is asked for any more; each look lets the backend do one thing.</summary>
    internal bool IsRingIdle()
    {
        if (_asked.TryDequeue(out (long Block, int Content) request))
        {
            WriteDisk(request.Block, request.Content);
        }

        return _asked.Count == 0;
    }

    /// <summary>The disk is one that the script block-prerecord has made of it, for domain 1.</summary>
    internal void PutLayer(string uuid) => _mapped[Disk] = new Mapped("prerecord_disk-1-51712", $"{DiskLayer.IdPrefix}{uuid}-1-51712-b-8:16", DiskTable);

    /// <summary>A domain goes: its backend does what is left, and closes; its card goes, and its disk's layer, unless that has an overlay.</summary>
    internal void Forget(int domid)
    {
        if (domid == 1 && _image is { } image)
        {
            // Its QEMU goes, with the overlay that it has; what it was not asked for in time nobody does.
            image.End();
            _asked.Clear();
        }

        if (domid == 1 && _mapped.TryGetValue(Disk, out Mapped? disk) && disk.Id.StartsWith(DiskLayer.IdPrefix, StringComparison.Ordinal))
        {
            Serve();
            _isLayerLeft = _mapped.Values.Any(other => other.Id.StartsWith(OutputNames.IdPrefix, StringComparison.Ordinal));
            if (!_isLayerLeft)
            {
                _mapped.Remove(Disk);
            }
        }

        string card = string.Create(CultureInfo.InvariantCulture, $"vif{domid}.0");
        if (_cards.Remove(card))
        {
            Serve();
            WriteOut();
            _ingress.Remove(card);
            _cards.Remove($"{card}-emu");
            _ingress.Remove($"{card}-emu");
        }
    }

    public string? Missing { get; set; }

    public IReadOnlyList<MappedDevice> List(string prefix) => xen.Call(nameof(List), () => (IReadOnlyList<MappedDevice>)
    [
        .. _mapped.Where(device => device.Value.Id.StartsWith(prefix, StringComparison.Ordinal))
            .Select(device => new MappedDevice(device.Value.Name, device.Value.Id, device.Key)),
    ]);

    public bool IsMapped(DeviceNumber device) => xen.Call(nameof(IsMapped), () => _mapped.ContainsKey(device));

    public bool IsThere(DeviceNumber device) => xen.Call(nameof(IsThere), () => _mapped.ContainsKey(device));

    public string TableOf(DeviceNumber device) => xen.Call(nameof(TableOf), () => Of(device).Table);

    public string StatusOf(DeviceNumber device) => xen.Call(nameof(StatusOf), () =>
    {
        Mapped mapped = Of(device);
        if (StoreOf(mapped.Table) is not { } store)
        {
            return mapped.Table;
        }

        string[] words = mapped.Table.Split(' ');
        if (words[2] == MappedTable.Merge && store.Exceptions.Count > 0)
        {
            // As time goes by: one at each look.
            (long block, int content) = store.Exceptions.First();
            store.Exceptions.Remove(block);
            Write(Number(words[3]), block, content);
        }

        return string.Create(CultureInfo.InvariantCulture, $"0 1024 {words[2]} {16 + (8 * store.Exceptions.Count)}/{StoreBytes / 512} 16");
    });

    public void Create(string name, string id, string table) => xen.Call(nameof(Create), () =>
    {
        Require(_mapped.Values.All(device => device.Name != name && device.Id != id), "Device or resource busy");
        _mapped[new DeviceNumber(254, _next++)] = new Mapped(name, id, table);
    });

    public void Load(DeviceNumber device, string table) => xen.Call(nameof(Load), () =>
    {
        if (StoreOf(table) is { } store)
        {
            Require(_mapped.Values.All(other => StoreOf(other.Waiting) != store), "Snapshot cow pairing for exception table handover failed");
            Require(_mapped.All(other => other.Key == device || StoreOf(other.Value.Table) != store), "Snapshot cow pairing for exception table handover failed");
        }

        Of(device).Waiting = table;
    });

    public void Clear(DeviceNumber device) => xen.Call(nameof(Clear), () =>
    {
        Of(device).Waiting = null;
    });

    public void Resume(DeviceNumber device) => xen.Call(nameof(Resume), () =>
    {
        Mapped mapped = Of(device);
        (mapped.Table, mapped.Waiting) = (mapped.Waiting ?? mapped.Table, null);
    });

    public void DropCache(DeviceNumber device) => xen.Call(nameof(DropCache), () =>
    {
        Require(device == Disk, "No such device");
        WriteOut();
        _memory?.Clear();
    });

    public DeviceNumber? NumberOf(string path) => xen.Call(nameof(NumberOf), () => path == "/dev/vg/lv" ? Disk : (DeviceNumber?)null);

    public void Remove(string name) => xen.Call(nameof(Remove), () =>
    {
        (DeviceNumber device, Mapped _) = _mapped.Single(other => other.Value.Name == name);
        Require(!_mapped.Values.Any(other => Uses(other.Table, device) || Uses(other.Waiting, device)), "Device or resource busy");
        _mapped.Remove(device);
    });

    public void RemoveOnceClosed(string name) => xen.Call(nameof(RemoveOnceClosed), () =>
    {
        (DeviceNumber device, Mapped mapped) = _mapped.Single(other => other.Value.Name == name);
        Require(_isLayerLeft && device == Disk, "it is in use");
        Require(mapped.Table == DiskTable, "what was held back is lost");
        _mapped.Remove(device);
    });

    public IReadOnlyList<OverlayStore> ListStores() => xen.Call(nameof(ListStores), () => (IReadOnlyList<OverlayStore>)
        [.. _stores.Select(store => new OverlayStore(store.Key, store.Value.Device))]);

    public void AddStore(string name, long bytes) => xen.Call(nameof(AddStore), () =>
    {
        Require(!_stores.ContainsKey(name), "there is one");
        (_stores[name], StoreBytes) = (new Store(new DeviceNumber(7, _next++)), bytes);
    });

    public void RemoveStore(string name) => xen.Call(nameof(RemoveStore), () =>
    {
        Store store = _stores[name];
        Require(!_mapped.Values.Any(other => StoreOf(other.Table) == store || StoreOf(other.Waiting) == store), "Device or resource busy");
        _stores.Remove(name);
    });

    public WriteCount WritesOf(DeviceNumber device) => xen.Call(nameof(WritesOf), () => new WriteCount(_written, _written * 8));

    private static DeviceNumber Number(string text) => DeviceNumber.TryParse(text, out DeviceNumber number) ? number : default;

    private static bool Uses(string? table, DeviceNumber device) => table?.Split(' ').Contains(device.ToString()) ?? false;

    private static void Require(bool isRight, string problem)
    {
        if (!isRight)
        {
            throw new XenException("dmsetup", 16, problem, "");
        }
    }

    private Mapped Of(DeviceNumber device) => _mapped.GetValueOrDefault(device) ?? throw new XenException("dmsetup", XenErrno.NoEntry, "No such device", "");

    private Store? StoreOf(string? table) => table?.Split(' ') is [_, _, MappedTable.Snapshot or MappedTable.Merge, _, var store, ..]
        ? _stores.Values.Single(other => other.Device.ToString() == store)
        : null;

    private int Read(DeviceNumber device, long block)
    {
        if (!_mapped.TryGetValue(device, out Mapped? mapped) || mapped.Table.Split(' ')[2] == "linear")
        {
            return Blocks.GetValueOrDefault(block);
        }

        return StoreOf(mapped.Table)!.Exceptions.TryGetValue(block, out int content) ? content : Read(Number(mapped.Table.Split(' ')[3]), block);
    }

    private void WriteDisk(long block, int content)
    {
        if (_image is { } image)
        {
            image.Write(block, content);
        }
        else
        {
            Write(Disk, block, content);
        }
    }

    private void Write(DeviceNumber device, long block, int content)
    {
        _written++;
        string[] words = Of(device).Table.Split(' ');
        Store? store = StoreOf(Of(device).Table);
        if (words[2] == "linear")
        {
            Blocks[block] = content;
        }
        else if (words[2] == MappedTable.Snapshot || store!.Exceptions.ContainsKey(block))
        {
            store!.Exceptions[block] = content;
        }
        else
        {
            Write(Number(words[3]), block, content);
        }
    }

    private sealed class Mapped(string name, string id, string table)
    {
        internal string Name => name;

        internal string Id => id;

        internal string Table { get; set; } = table;

        internal string? Waiting { get; set; }
    }

    private sealed class Store(DeviceNumber device)
    {
        internal DeviceNumber Device => device;

        internal SortedDictionary<long, int> Exceptions { get; } = [];
    }
}
