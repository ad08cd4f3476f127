using PreRecordMigration.Errors;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>
/// The overlay of one disk that QEMU serves: an image of QEMU's own over the disk's, put there in the window, and brought back to it on abort. What is
/// written to it never goes to the image where the domain leaves: QEMU has that open to read alone, and is gone with the domain.
/// </summary>
/// <remarks>As of a mapped disk's overlay, nothing is remembered but what QEMU says, and each step can be made again. Only how full the overlay is, is
/// seen from its file by the process that made it. docs/output-isolation.md has the order, and why.</remarks>
/// <param name="layer">The domains' QEMUs.</param>
/// <param name="name">Which disk, and what the parts are called.</param>
/// <param name="domain">The domain's name, for errors.</param>
/// <param name="isDomainThere">Whether the domain is still there.</param>
internal sealed class ImageOverlay(IImageLayer layer, ImageName name, string domain, Func<bool> isDomainThere)
{
    private IImageStore? _store;
    private long _empty;
    private long _mark = long.MaxValue;

    /// <summary>How long an overlay may make no progress while it goes back.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Which disk.</summary>
    internal ImageName Name => name;

    /// <summary>Whether the domain may run: its disk is its own. Not while an overlay still goes back: what is written meanwhile goes there too, and nobody
    /// sees that it has room.</summary>
    internal bool MayRun => layer.StateOf(name) is { IsOverlaid: false };

    /// <summary>Chunks that the overlay has, of a page.</summary>
    internal long HeldChunks => _store is { } store ? (store.Bytes - _empty) / OverlayImage.SmallestCluster : 0;

    /// <summary>Makes all that the overlay needs; the domain may run, and its disk is its own.</summary>
    /// <param name="limit">Bytes of the overlay's file.</param>
    /// <param name="mark">Bytes of it from which on it counts as nearly full.</param>
    internal void Prepare(long limit, long mark)
    {
        ImageState state = layer.StateOf(name) ?? throw Lost();
        _store = layer.AddOverlay(name, state.Bytes, limit);
        _empty = _store.Bytes;
        _mark = _empty + mark;

        // QEMU does this again at the checkpoint, where it takes the shorter the less there is to write.
        layer.Sync(name);
    }

    /// <summary>From here on what the domain writes goes to the overlay. The domain stands still.</summary>
    internal void Hold() => layer.PutOver(name);

    /// <summary>Whether so much may be in the overlay that what is under way could fill it.</summary>
    internal bool IsNearlyFull() => _store?.Bytes >= _mark;

    /// <summary>The image is as it was at the checkpoint, and stays so. The domain stands still, and nothing that it asked for is under way.</summary>
    internal void SetAside()
    {
        ImageState state = layer.StateOf(name) ?? throw Lost();
        if (state is { IsOverlaid: true, IsReadOnly: false })
        {
            throw new MigrationException(
                MigrationErrorId.HypervisorCall,
                $"The QEMU of {domain} still has the image of its disk {name.Disk}, {name.File}, open to write, so that it cannot be given to the destination.",
                "The domain runs on here. See in /var/log/xen/qemu-dm-*.log why it could not be opened to read alone (it must stand at the same path), or use the mode Observe.",
                domain);
        }
    }

    /// <summary>What was written to the overlay goes to the disk, and nothing of ours is left. The domain stands still, or its disk has the overlay.</summary>
    internal void Release()
    {
        if (layer.StateOf(name) is { } state)
        {
            if (state.IsOverlaid)
            {
                Merge();
            }

            if (state.HasOverlay)
            {
                layer.RemoveOverlay(name);
            }
        }
        else if (isDomainThere())
        {
            throw Lost();
        }

        Forget();
    }

    /// <summary>What was written to the overlay is thrown away. The domain is about to be destroyed, and its QEMU, which has it, goes with it.</summary>
    internal void Drop() => Forget();

    private void Merge()
    {
        if (layer.MergeOf(name) is null)
        {
            layer.BeginMerge(name);
        }

        long left = Outputs.Patience.AwaitNone(() => layer.MergeOf(name) is { IsReady: false } merge ? merge.Left + 1 : 0, Patience);
        if (left == 0 && layer.MergeOf(name) is { IsReady: true })
        {
            layer.EndMerge(name);
        }

        if (left > 0 || Outputs.Patience.AwaitNone(() => layer.MergeOf(name) is null ? 0 : 1, Patience) > 0 || layer.StateOf(name) is not { IsOverlaid: false })
        {
            throw new MigrationException(
                MigrationErrorId.HypervisorCall,
                $"What {domain} wrote to its disk {name.Disk} in the window does not get to {name.File}.",
                "The domain stands still, and nothing is lost while its QEMU lives. See that there is room where the image lies, and in /var/log/xen/qemu-dm-*.log; the next command on the domain goes on with it.",
                domain);
        }
    }

    private void Forget()
    {
        _store?.Dispose();
        _store = null;
    }

    private MigrationException Lost() => new(
        MigrationErrorId.VerificationFailed,
        $"The QEMU that serves disk {name.Disk} of {domain} has ended, and what {domain} wrote in a window that was not over is lost with it.",
        $"Its disk {name.File} is as it was at the checkpoint of that window, or now, where there was none. The domain stands still without its disk: destroy it (xl destroy {name.DomId}), let any command on another domain remove what holds its packets (the receiver's service does it by itself), and start it anew.",
        domain);
}
