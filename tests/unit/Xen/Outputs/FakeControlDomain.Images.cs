using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Tests.Xen.Outputs;

/// <content>A disk that QEMU serves, which behaves as QEMU 7.2 does (<see cref="QemuImagesTests"/> asks that itself): an overlay is put over an image once,
/// the image can only be read then; what goes back is ready when all is copied, and its end gives the disk the image again; what is a disk cannot be
/// removed; and QEMU goes with its domain.</content>
internal sealed partial class FakeControlDomain : IImageLayer
{
    /// <summary>Bytes of an overlay's file before anything is written.</summary>
    private const int EmptyOverlay = 4 * 4096;

    private readonly HashSet<string> _files = [];
    private QemuDisk? _image;

    /// <summary>The disk is one that QEMU serves.</summary>
    internal void PutImage() => _image = new QemuDisk(Blocks);

    /// <summary>QEMU is killed.</summary>
    internal void KillQemu() => _image!.End();

    /// <summary>A tool was killed when it had made the file of an overlay, and QEMU had not opened it.</summary>
    internal void LeaveFile(string name) => _files.Add(name);

    public ImageState? StateOf(ImageName image) => xen.Call(nameof(StateOf), () => _image is { IsThere: true } disk
        ? new ImageState(1024 * 512, disk.IsReadOnly, disk.Overlay is not null, disk.IsOverlaid)
        : null);

    /// <summary>What a device emulator has open to write; null where there is none.</summary>
    internal IReadOnlyList<string>? Written { get; set; }

    public IReadOnlyList<string>? WrittenBy(int domid) => xen.Call(nameof(WrittenBy), () => Written);

    /// <summary>How often QEMU has written all out that it had; and what it was not asked for then.</summary>
    internal List<int> Flushes { get; } = [];

    public void Flush(ImageName image, bool isStopped) => xen.Call(nameof(Flush), () => Flushes.Add(_asked.Count));

    public void Sync(ImageName image) => xen.Call(nameof(Sync), () => { });

    public IImageStore AddOverlay(ImageName image, long bytes, long room) => xen.Call(nameof(AddOverlay), () =>
    {
        Require(Qemu.Overlay is null, "Duplicate nodes with node-name='prerecord-51712'");
        (Qemu.Overlay, StoreBytes) = ([], room);
        return (IImageStore)new OverlayFile(Qemu);
    });

    public void PutOver(ImageName image) => xen.Call(nameof(PutOver), () =>
    {
        Require(Qemu is { Overlay: not null, IsOverlaid: false }, "The overlay is already in use");
        (Qemu.IsOverlaid, Qemu.IsReadOnly) = (true, true);
    });

    public void BeginMerge(ImageName image) => xen.Call(nameof(BeginMerge), () =>
    {
        Require(Qemu is { IsOverlaid: true, IsMerging: false }, "Job ID 'prerecord-51712' already in use");
        (Qemu.IsMerging, Qemu.IsReadOnly) = (true, false);
    });

    public MergeState? MergeOf(ImageName image) => xen.Call(nameof(MergeOf), () =>
    {
        if (!Qemu.IsMerging)
        {
            return null;
        }

        // As time goes by: one at each look.
        Qemu.Copy();
        return new MergeState(Qemu.Left, Qemu.Left == 0);
    });

    public void EndMerge(ImageName image) => xen.Call(nameof(EndMerge), () =>
    {
        Require(Qemu is { IsMerging: true, Left: 0 }, "Job 'prerecord-51712' in state 'running' cannot accept command verb 'complete'");
        (Qemu.IsMerging, Qemu.IsOverlaid) = (false, false);
    });

    public void RemoveOverlay(ImageName image) => xen.Call(nameof(RemoveOverlay), () =>
    {
        Require(Qemu is { Overlay: not null, IsOverlaid: false }, "Node 'prerecord-51712' is busy: node is used as backing hd");
        Qemu.Overlay = null;
    });

    public void RemoveFiles(string prefix) => xen.Call(nameof(RemoveFiles), () => { _files.RemoveWhere(file => file.StartsWith(prefix, StringComparison.Ordinal)); });

    private QemuDisk Qemu => _image is { IsThere: true } disk ? disk : throw new XenException("qmp", XenErrno.NoEntry, "Connection refused", "");

    private sealed class QemuDisk(SortedDictionary<long, int> image)
    {
        private int _copied;

        internal bool IsThere { get; private set; } = true;

        internal bool IsReadOnly { get; set; }

        internal bool IsOverlaid { get; set; }

        internal bool IsMerging { get; set; }

        internal SortedDictionary<long, int>? Overlay { get; set; }

        internal int Left => Overlay!.Count - _copied;

        internal int Read(long block) => IsOverlaid && Overlay!.TryGetValue(block, out int content) ? content : image.GetValueOrDefault(block);

        internal void Write(long block, int content)
        {
            Assert.True(IsOverlaid || !IsReadOnly, "The image can only be read.");
            (IsOverlaid ? Overlay! : image)[block] = content;
            _copied = 0;
        }

        internal void Copy()
        {
            if (Left > 0)
            {
                (long block, int content) = Overlay!.ElementAt(_copied++);
                image[block] = content;
            }
        }

        internal void End() => (IsThere, IsOverlaid, IsMerging, Overlay) = (false, false, false, null);
    }
    private sealed class OverlayFile(QemuDisk disk) : IImageStore
    {
        public long Bytes => EmptyOverlay + (4096L * (disk.Overlay?.Count ?? 0));

        public void Dispose()
        {
            // The file stays QEMU's.
        }
    }
}
