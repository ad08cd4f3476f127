namespace PreRecordMigration.Xen.Outputs;

/// <summary>A mapped device of ours.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Id">Its identifier, which says what it is for.</param>
/// <param name="Device">Its number.</param>
internal sealed record MappedDevice(string Name, string Id, DeviceNumber Device);

/// <summary>A store of ours: a block device over a file, for what is written to an overlay.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Device">Its number.</param>
internal sealed record OverlayStore(string Name, DeviceNumber Device);

/// <summary>How much was written to a block device, since it was there.</summary>
/// <param name="Requests">Writes.</param>
/// <param name="Sectors">Their sectors of 512 bytes.</param>
internal readonly record struct WriteCount(long Requests, long Sectors);

/// <summary>
/// What the control domain's device-mapper does for the overlay of a disk. Who has a mapped device open keeps it, whatever table it has; a table
/// is loaded beside the one that works, and takes its place in one step, in which what is under way is waited for and what comes then goes to
/// the new one. Each call is one change, or none.
/// </summary>
/// <remarks>A call may take effect and fail all the same; none waits for longer than a bounded time.</remarks>
internal interface IBlockLayer
{
    /// <summary>What this host lacks for it, and the package that has it; null where nothing.</summary>
    string? Missing { get; }

    /// <summary>The mapped devices whose identifier begins with a text.</summary>
    IReadOnlyList<MappedDevice> List(string prefix);

    /// <summary>Whether a block device is a mapped one.</summary>
    bool IsMapped(DeviceNumber device);

    /// <summary>Whether there is a block device of this number.</summary>
    bool IsThere(DeviceNumber device);

    /// <summary>The table that works, a line a target: first sector, sectors, kind, and what the kind needs.</summary>
    string TableOf(DeviceNumber device);

    /// <summary>What the targets say of themselves, a line each: first sector, sectors, kind, and what the kind says.</summary>
    string StatusOf(DeviceNumber device);

    /// <summary>Makes a mapped device of ours.</summary>
    void Create(string name, string id, string table);

    /// <summary>Loads a table beside the one that works.</summary>
    void Load(DeviceNumber device, string table);

    /// <summary>Takes a table away that was loaded and does not work yet; nothing happens where there is none.</summary>
    void Clear(DeviceNumber device);

    /// <summary>Lets the table that was loaded take the place of the one that works; a device that was stopped goes on.</summary>
    void Resume(DeviceNumber device);

    /// <summary>Writes what the control domain has of a device in its memory to where the device's table says, and forgets it, so that what is read next comes
    /// from there.</summary>
    void DropCache(DeviceNumber device);

    /// <summary>The block device at a path, whatever links lead there; null where there is none.</summary>
    DeviceNumber? NumberOf(string path);

    /// <summary>Removes a mapped device of ours, which nobody has open.</summary>
    void Remove(string name);

    /// <summary>Removes a mapped device of ours when nobody has it open any more, which may be now.</summary>
    void RemoveOnceClosed(string name);

    /// <summary>The stores of ours.</summary>
    IReadOnlyList<OverlayStore> ListStores();

    /// <summary>Makes a store whose room is there from the start; it reads as zeros.</summary>
    /// <exception cref="Errors.MigrationException">OutOfMemory: there is no room for it.</exception>
    void AddStore(string name, long bytes);

    /// <summary>Removes a store with all that is in it.</summary>
    void RemoveStore(string name);

    /// <summary>What was written to a device so far; cheap.</summary>
    WriteCount WritesOf(DeviceNumber device);
}

/// <summary>What the control domain has for holding outputs back.</summary>
/// <param name="Network">For network cards.</param>
/// <param name="Disks">For disks that the control domain's kernel serves.</param>
/// <param name="Images">For disks that QEMU serves.</param>
internal sealed record OutputLayers(INetworkLayer Network, IBlockLayer Disks, IImageLayer Images)
{
    /// <summary>The environment variable that has the cards and disks of HVM domains held back, when it is "try".</summary>
    internal const string TwinsVariable = "PRERECORD_HVM_DEVICES";

    /// <summary>Whether domains are taken whose cards and disks have emulated twins. By itself they are not: of the machines on which that was tried one went
    /// down in the window, and it is not known why.</summary>
    internal bool HoldsTwins { get; init; } = Environment.GetEnvironmentVariable(TwinsVariable) == "try";

    /// <summary>This machine's own.</summary>
    internal static OutputLayers OfThisMachine => new(new TrafficControl(), new DeviceMapper(), QemuImages.OfThisMachine);
}
