using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using PreRecordMigration.Files;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>The control domain's mapped devices, by dmsetup, losetup and /sys.</summary>
internal sealed class DeviceMapper : IBlockLayer
{
    /// <summary>The kernel's modules that it needs, which the kernel loads by itself.</summary>
    internal const string Modules = "dm_mod, dm_snapshot, loop";

    private const string Devices = "/sys/block";
    private const string ByNumber = "/sys/dev/block";
    private const string Deleted = " (deleted)";
    private readonly LayerProgram _dmsetup = new("dmsetup", "dmsetup");
    private readonly LayerProgram _blockdev = new("blockdev", "util-linux");
    private readonly LayerProgram _losetup = new("losetup", "mount");

    /// <inheritdoc/>
    public string? Missing => _dmsetup.Missing ?? _losetup.Missing ?? _blockdev.Missing;

    /// <inheritdoc/>
    public IReadOnlyList<MappedDevice> List(string prefix) =>
    [
        .. from folder in Folders("dm-*")
           let id = Text(folder, "dm/uuid")
           where id.StartsWith(prefix, StringComparison.Ordinal)
           select new MappedDevice(Text(folder, "dm/name"), id, Number(folder)),
    ];

    /// <inheritdoc/>
    public bool IsMapped(DeviceNumber device) => Directory.Exists(Path.Combine(FolderOf(device), "dm"));

    /// <inheritdoc/>
    public bool IsThere(DeviceNumber device) => Directory.Exists(FolderOf(device));

    /// <inheritdoc/>
    public string TableOf(DeviceNumber device) => Ask(device, "table", "--showkeys").TrimEnd();

    /// <inheritdoc/>
    public string StatusOf(DeviceNumber device) => Ask(device, "status").TrimEnd();

    /// <inheritdoc/>
    public void Create(string name, string id, string table) =>
        _dmsetup.RunWith(table, "create", name, "--uuid", id, "--noudevsync", "--noudevrules");

    /// <inheritdoc/>
    public void Load(DeviceNumber device, string table) => Tell(device, table, "load");

    /// <inheritdoc/>
    public void Clear(DeviceNumber device) => Tell(device, "", "clear");

    /// <inheritdoc/>
    public void Resume(DeviceNumber device) => Tell(device, "", "resume", "--nolockfs");

    /// <inheritdoc/>
    public void DropCache(DeviceNumber device) => _blockdev.Run("--flushbufs", NodeOf(device));

    /// <inheritdoc/>
    public DeviceNumber? NumberOf(string path)
    {
        // statx(2): stx_rdev_major and stx_rdev_minor.
        Span<byte> status = stackalloc byte[FileStatus.ResultSize];
        return FileStatus.Status(FileStatus.CurrentFolder, path, 0, 1, ref MemoryMarshal.GetReference(status)) == 0 && FileStatus.IsBlock(status)
            ? new DeviceNumber(BinaryPrimitives.ReadUInt32LittleEndian(status[128..]), BinaryPrimitives.ReadUInt32LittleEndian(status[132..]))
            : null;
    }

    /// <inheritdoc/>
    public void Remove(string name) => _dmsetup.Run("remove", "--retry", "--noudevsync", "--noudevrules", name);

    /// <inheritdoc/>
    public void RemoveOnceClosed(string name) => _dmsetup.Run("remove", "--deferred", "--noudevsync", "--noudevrules", name);

    /// <inheritdoc/>
    public IReadOnlyList<OverlayStore> ListStores() =>
    [
        .. from folder in Folders("loop*")
           let name = Path.GetFileName(Text(folder, "loop/backing_file").Replace(Deleted, "", StringComparison.Ordinal))
           where name.StartsWith(OutputNames.StorePrefix, StringComparison.Ordinal)
           select new OverlayStore(name, Number(folder)),
    ];

    /// <inheritdoc/>
    public void AddStore(string name, long bytes)
    {
        string path = Path.Combine(OverlayFolder.Open(), name);
        using (FileStream file = OverlayFolder.Make(path, bytes))
        {
            file.SetLength(bytes);
        }

        try
        {
            _losetup.Run("--find", path);
        }
        finally
        {
            // The device keeps the file, and nothing of it stays when the device goes.
            File.Delete(path);
        }
    }

    /// <inheritdoc/>
    public void RemoveStore(string name)
    {
        foreach (OverlayStore store in ListStores().Where(store => store.Name == name))
        {
            _losetup.Run("--detach", NodeOf(store.Device));
        }
    }

    /// <inheritdoc/>
    public WriteCount WritesOf(DeviceNumber device)
    {
        // Documentation/block/stat.rst of the kernel: the fifth word is writes, the seventh their sectors.
        long[] counts = KernelNumber.Read(Path.Combine(FolderOf(device), "stat"));
        return new WriteCount(counts[4], counts[6]);
    }

    private static string FolderOf(DeviceNumber device) => Path.Combine(ByNumber, device.ToString());

    private static string NodeOf(DeviceNumber device) => $"/dev/{Path.GetFileName(Directory.ResolveLinkTarget(FolderOf(device), true)!.FullName)}";

    private static string[] Folders(string pattern) => Directory.Exists(Devices) ? Directory.GetFileSystemEntries(Devices, pattern) : [];

    /// <summary>A word of the kernel's; empty where there is none, or the device has just gone.</summary>
    private static string Text(string folder, string name)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, name)).Trim();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static DeviceNumber Number(string folder) => DeviceNumber.TryParse(Text(folder, "dev"), out DeviceNumber number) ? number : default;

    private string Ask(DeviceNumber device, params string[] words) => Tell(device, "", words);

    private string Tell(DeviceNumber device, string input, params string[] words) => _dmsetup.RunWith(
        input,
        [
            .. words, "--noudevsync",
            "--major", device.Major.ToString(CultureInfo.InvariantCulture), "--minor", device.Minor.ToString(CultureInfo.InvariantCulture),
        ]);
}
