using System.Globalization;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Qmp;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>The disks that domains' QEMUs serve, over QMP: one conversation for each call.</summary>
/// <param name="socketOf">The QMP socket of a domain's QEMU.</param>
/// <param name="patience">How long it may take to answer.</param>
internal sealed class QemuImages(Func<int, string> socketOf, TimeSpan patience) : IImageLayer
{
    /// <summary>This machine's own: as for an HVM domain's emulator, the second of the sockets that libxl makes.</summary>
    internal static QemuImages OfThisMachine { get; } = new(
        domid => string.Create(CultureInfo.InvariantCulture, $"/var/run/xen/qmp-libxenstat-{domid}"), TimeSpan.FromSeconds(60));

    /// <inheritdoc/>
    public ImageState? StateOf(ImageName image)
    {
        using QmpConnection? connection = QmpConnection.TryOpen(socketOf(image.DomId), patience, SubjectOf(image));
        return connection is null ? null : StateOf(connection, image);
    }

    /// <summary>The same of a QEMU that answers.</summary>
    internal static ImageState StateOf(QmpConnection connection, ImageName image)
    {
        (long Bytes, bool IsReadOnly, string File)? own = null;
        bool hasOverlay = false;
        connection.Ask("query-named-block-nodes", """{"flat":true}""", nodes =>
        {
            foreach (JsonElement node in nodes.EnumerateArray())
            {
                string? name = node.GetProperty("node-name").GetString();
                hasOverlay |= name == image.Overlay;
                if (name == image.Node)
                {
                    own = (node.GetProperty("image").GetProperty("virtual-size").GetInt64(), node.GetProperty("ro").GetBoolean(), node.GetProperty("file").GetString() ?? "");
                }
            }

            return true;
        });
        string[] tops = connection.Ask("query-block", null, TopsOf);
        if (own is not { } found || found.File != image.File)
        {
            throw NotAsExpected(image, $"its QEMU has no image {image.Node} of {image.File}");
        }

        bool isOverlaid = tops.Contains(image.Overlay);
        return isOverlaid != tops.Contains(image.Node) && (hasOverlay || !isOverlaid)
            ? new ImageState(found.Bytes, found.IsReadOnly, hasOverlay, isOverlaid)
            : throw NotAsExpected(image, $"in its QEMU the disk is not the image {image.Node} itself: a snapshot or a copy of it is being made");
    }

    /// <inheritdoc/>
    public IReadOnlyList<string>? WrittenBy(int domid)
    {
        using QmpConnection? connection = QmpConnection.TryOpen(socketOf(domid), patience, string.Create(CultureInfo.InvariantCulture, $"Domain {domid}"));
        return connection?.Ask("query-named-block-nodes", """{"flat":true}""", WrittenIn);
    }

    /// <inheritdoc/>
    public void Sync(ImageName image)
    {
        using SafeFileHandle file = File.OpenHandle(image.File, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        RandomAccess.FlushToDisk(file);
    }

    /// <inheritdoc/>
    /// <remarks>QEMU waits for all of its block devices, and flushes them, whenever it stops (do_vm_stop), even if it is stopped already. A disk of Xen's is
    /// served all the same.</remarks>
    public void Flush(ImageName image, bool isStopped)
    {
        using QmpConnection? connection = QmpConnection.TryOpen(socketOf(image.DomId), patience, SubjectOf(image));
        connection?.Execute("stop");
        if (!isStopped)
        {
            connection?.Execute("cont");
        }
    }

    /// <inheritdoc/>
    public IImageStore AddOverlay(ImageName image, long bytes, long room)
    {
        byte[] empty = OverlayImage.Make(bytes);
        string path = Path.Combine(OverlayFolder.Open(), image.Store);
        FileStream file = OverlayFolder.Make(path, room);
        try
        {
            file.Write(empty);
            file.Flush();
            Execute(
                image, "blockdev-add",
                $$$"""{"node-name":"{{{image.Overlay}}}","driver":"qcow2","backing":null,"file":{"driver":"file","filename":"{{{Text(path)}}}"}}""");
            return new Store(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
        finally
        {
            // QEMU keeps the file, and nothing of it stays when QEMU goes.
            File.Delete(path);
        }
    }

    /// <inheritdoc/>
    public void PutOver(ImageName image) =>
        Execute(image, "blockdev-snapshot", $$"""{"node":"{{Text(image.Node)}}","overlay":"{{image.Overlay}}"}""");

    /// <inheritdoc/>
    public void BeginMerge(ImageName image) => Execute(
        image, "block-commit",
        $$"""{"job-id":"{{image.Overlay}}","device":"{{image.Overlay}}","top-node":"{{image.Overlay}}","base-node":"{{Text(image.Node)}}"}""");

    /// <inheritdoc/>
    public MergeState? MergeOf(ImageName image)
    {
        using QmpConnection connection = Open(image);
        return MergeOf(connection, image);
    }

    /// <summary>The same of a QEMU that answers.</summary>
    internal static MergeState? MergeOf(QmpConnection connection, ImageName image) => connection.Ask("query-jobs", null, jobs =>
    {
        foreach (JsonElement job in jobs.EnumerateArray().Where(job => job.GetProperty("id").GetString() == image.Overlay))
        {
            long left = job.GetProperty("total-progress").GetInt64() - job.GetProperty("current-progress").GetInt64();
            return new MergeState(Math.Max(left, 0), job.GetProperty("status").GetString() == "ready");
        }

        return null;
    });

    /// <inheritdoc/>
    public void EndMerge(ImageName image) => Execute(image, "job-complete", $$"""{"id":"{{image.Overlay}}"}""");

    /// <inheritdoc/>
    public void RemoveOverlay(ImageName image) => Execute(image, "blockdev-del", $$"""{"node-name":"{{image.Overlay}}"}""");

    /// <inheritdoc/>
    public void RemoveFiles(string prefix) => OverlayFolder.Sweep(prefix);

    private static string[] WrittenIn(JsonElement nodes) =>
    [
        .. nodes.EnumerateArray().Where(node => !node.GetProperty("ro").GetBoolean()).Select(node => node.GetProperty("file").GetString() ?? "").Distinct(),
    ];

    /// <summary>The images on which devices work.</summary>
    private static string[] TopsOf(JsonElement devices) =>
    [
        .. from device in devices.EnumerateArray()
           where device.TryGetProperty("inserted", out _)
           select device.GetProperty("inserted").GetProperty("node-name").GetString(),
    ];

    private static string SubjectOf(ImageName image) => string.Create(CultureInfo.InvariantCulture, $"Disk {image.Disk} of domain {image.DomId}");

    private static string Text(string text) => JsonEncodedText.Encode(text).ToString();

    private static MigrationException NotAsExpected(ImageName image, string reason) => new(
        MigrationErrorId.OutputNotIsolable,
        $"What is written to disk {image.Disk} of domain {image.DomId} cannot be held back: {reason}.",
        "Wait until that is over, or use the mode Observe.",
        SubjectOf(image));

    private void Execute(ImageName image, string command, string arguments)
    {
        using QmpConnection connection = Open(image);
        connection.Execute(command, arguments);
    }

    private QmpConnection Open(ImageName image) => QmpConnection.Open(socketOf(image.DomId), patience, SubjectOf(image));

    private sealed class Store(FileStream file) : IImageStore
    {
        public long Bytes => RandomAccess.GetLength(file.SafeFileHandle);

        public void Dispose() => file.Dispose();
    }
}
