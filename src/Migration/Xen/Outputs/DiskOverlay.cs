using PreRecordMigration.Errors;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>
/// The overlay of one disk. The domain's backend has the disk, a mapped device, open all the time, and the device gets other tables: its own T; in the
/// window an overlay over a device of ours that has T; on abort one that goes back to that device; and T again.
/// </summary>
/// <remarks>
/// Nothing is remembered but what is there: T is what our device has, and where the disk stands is what its table says. So each step can be made
/// again, by this process or another, whether it took effect or not. docs/output-isolation.md has the order, and why.
/// </remarks>
/// <param name="layer">The control domain's mapped devices.</param>
/// <param name="name">Which disk, and what the parts are called.</param>
/// <param name="domain">The domain's name, for errors.</param>
/// <param name="isBuffered">Whether others than the backend may read and write it, through the control domain's memory: an emulator. What is there then
/// must not outlast the table that it is of. They stand still, and have written all out, while tables are exchanged.</param>
internal sealed class DiskOverlay(IBlockLayer layer, OverlayName name, string domain, bool isBuffered)
{
    private long _mark = long.MaxValue;
    private long _used;
    private WriteCount _since;

    /// <summary>How long an overlay may make no progress while it goes back.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Which disk.</summary>
    internal OverlayName Name => name;

    /// <summary>Whether the domain may run: what it wrote is on its disk, or finds its way there. With an overlay it may not, for which nobody sees that it
    /// has room; nor where one was set aside, which has what the disk lacks.</summary>
    internal bool MayRun => Base() is null || Kind == MappedTable.Merge;

    /// <summary>Chunks that the overlay has, of <see cref="MappedTable.ChunkSectors"/>.</summary>
    internal long HeldChunks => IsOverlaid ? Sectors(MappedTable.UsedOf(layer.StatusOf(name.Device))) / MappedTable.ChunkSectors : 0;

    private bool IsOverlaid => Kind == MappedTable.Snapshot;

    /// <summary>Where the disk stands: the kind of the table that it has.</summary>
    private string Kind => MappedTable.KindOf(layer.TableOf(name.Device));

    /// <summary>Makes all that the overlay needs; the domain may run, and its disk is its own.</summary>
    /// <param name="limit">Bytes of the store.</param>
    /// <param name="mark">Bytes of the store from which on it counts as nearly full.</param>
    internal void Prepare(long limit, long mark)
    {
        string table = layer.TableOf(name.Device);
        layer.AddStore(name.Store, limit);
        layer.Create(name.Base, name.Id, table);
        layer.Load(name.Device, MappedTable.Over(MappedTable.Snapshot, table, Base()!.Device, Store()!.Device));
        _mark = mark;
    }

    /// <summary>From here on what the domain writes goes to the overlay. The domain stands still.</summary>
    internal void Hold()
    {
        DropCache();
        layer.Resume(name.Device);
        _since = layer.WritesOf(name.Device);
    }

    /// <summary>
    /// Whether so much may be in the store that what is under way could fill it. Device-mapper is asked only where as much was written since it was
    /// asked last as would reach the mark, if every write had filled chunks of its own.
    /// </summary>
    internal bool IsNearlyFull()
    {
        WriteCount now = layer.WritesOf(name.Device);
        long chunks = ((now.Sectors - _since.Sectors) / MappedTable.ChunkSectors) + (2 * (now.Requests - _since.Requests));
        long bytes = chunks * MappedTable.ChunkSectors * MappedTable.SectorSize;
        if (_used + bytes + (bytes / 128) < _mark)
        {
            return false;
        }

        (_used, _since) = (MappedTable.UsedOf(layer.StatusOf(name.Device)).Used * MappedTable.SectorSize, now);
        return _used >= _mark;
    }

    /// <summary>The disk is its own again, as it was at the checkpoint; the overlay stays, for a domain that comes back. The domain stands still, and
    /// nothing that it asked for is under way.</summary>
    internal void SetAside()
    {
        if (IsOverlaid)
        {
            DropCache();
            Exchange(layer.TableOf(Base()!.Device));
            DropCache();
        }
    }

    /// <summary>What was written to the overlay goes to the disk, and nothing of ours is left. A domain that has written to it stands still, or its
    /// disk has the overlay.</summary>
    internal void Release()
    {
        if (Base() is { } lower && IsThere(lower))
        {
            if (Store() is { } store)
            {
                string table = layer.TableOf(lower.Device);
                if (Kind != MappedTable.Merge)
                {
                    Exchange(MappedTable.Over(MappedTable.Merge, table, lower.Device, store.Device));
                }

                DropCache();
                AwaitMerged();
            }
            else if (IsOverlaid)
            {
                throw new MigrationException(
                    MigrationErrorId.VerificationFailed,
                    $"The store of what {domain} wrote to its disk {name.Disk} in the window is not found, and the disk needs it.",
                    $"`losetup --list` and `dmsetup table {name.Base}` show what is there; the domain stands still until it is found.",
                    domain);
            }
        }

        Remove();
    }

    /// <summary>What was written to the overlay is thrown away, and nothing of ours is left. The domain will never run here again.</summary>
    internal void Drop()
    {
        if (Base() is { } lower && IsThere(lower) && Kind == MappedTable.Merge)
        {
            // It was to run on here: what is half on the disk goes there wholly.
            AwaitMerged();
        }

        Remove();
    }

    private static long Sectors((long Used, long Records) space) => Math.Max(0, space.Used - space.Records);

    private void Remove()
    {
        if (Base() is { } lower)
        {
            if (IsThere(lower))
            {
                string table = layer.TableOf(lower.Device);
                if (layer.TableOf(name.Device) != table)
                {
                    Exchange(table);
                }

                layer.Clear(name.Device);
            }

            layer.Remove(name.Base);
        }

        if (Store() is not null)
        {
            layer.RemoveStore(name.Store);
        }
    }

    /// <summary>Whether the disk is there: a device that is gone leaves its number to another, which has neither T nor what lies over ours, and is left
    /// alone.</summary>
    private bool IsThere(MappedDevice lower)
    {
        if (!layer.IsThere(name.Device))
        {
            return false;
        }

        string table = layer.TableOf(name.Device);
        return table == layer.TableOf(lower.Device) || table.Contains(FormattableString.Invariant($" {lower.Device} "), StringComparison.Ordinal);
    }

    private void Exchange(string table)
    {
        // Two tables that wait with the same store would not be taken.
        layer.Clear(name.Device);
        layer.Load(name.Device, table);
        layer.Resume(name.Device);
    }

    private void DropCache()
    {
        if (isBuffered)
        {
            layer.DropCache(name.Device);
        }
    }

    private void AwaitMerged()
    {
        long left = Outputs.Patience.AwaitNone(() => Sectors(MappedTable.UsedOf(layer.StatusOf(name.Device))), Patience);
        if (left > 0)
        {
            throw new MigrationException(
                MigrationErrorId.HypervisorCall,
                FormattableString.Invariant($"What {domain} wrote to its disk {name.Disk} in the window does not get there: {left / 2} KiB of the overlay are left, and for {Patience.TotalSeconds:0.#} s it has become no less."),
                $"The domain runs, and nothing is lost: `dmsetup status {name.Device}` shows it, and `dmesg` says what keeps it. The next command on the domain goes on with it.",
                domain);
        }
    }

    private MappedDevice? Base() => layer.List(OutputNames.IdPrefix).FirstOrDefault(device => device.Id == name.Id);

    private OverlayStore? Store() => layer.ListStores().FirstOrDefault(store => store.Name == name.Store);
}
