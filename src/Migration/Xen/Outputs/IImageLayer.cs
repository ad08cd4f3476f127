using System.Globalization;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>A disk that a domain's QEMU serves from a file or a device, and what the parts of its overlay are called there.</summary>
/// <param name="DomId">The domain, which has a QEMU of its own.</param>
/// <param name="Uuid">Its UUID, in 32 digits: the number may be another's later.</param>
/// <param name="Disk">The disk's number at the domain.</param>
/// <param name="Node">What QEMU calls the disk's own image.</param>
/// <param name="File">The image's file.</param>
internal sealed record ImageName(int DomId, string Uuid, int Disk, string Node, string File)
{
    /// <summary>What the overlay is called in QEMU, and the work that brings it to the image.</summary>
    internal string Overlay => string.Create(CultureInfo.InvariantCulture, $"prerecord-{Disk}");

    /// <summary>The name of the overlay's file, for as long as it has one.</summary>
    internal string Store => string.Create(CultureInfo.InvariantCulture, $"{FilesOf(DomId, Uuid)}{Disk}");

    /// <summary>What the names of the files of a domain's overlays begin with.</summary>
    internal static string FilesOf(int domid, string uuid) => string.Create(CultureInfo.InvariantCulture, $"{OutputNames.ImagePrefix}{uuid}-{domid}-");
}

/// <summary>How a disk stands in its QEMU.</summary>
/// <param name="Bytes">Bytes of the disk.</param>
/// <param name="IsReadOnly">Whether QEMU has the image open to read alone.</param>
/// <param name="HasOverlay">Whether an overlay of ours is there.</param>
/// <param name="IsOverlaid">Whether the domain's disk is the overlay, and not the image.</param>
internal sealed record ImageState(long Bytes, bool IsReadOnly, bool HasOverlay, bool IsOverlaid);

/// <summary>How the work stands that brings an overlay to its image.</summary>
/// <param name="Left">Bytes that are still to be copied, as far as is known.</param>
/// <param name="IsReady">Whether all is copied, and what comes goes to both, so that the image can take the overlay's place.</param>
internal sealed record MergeState(long Left, bool IsReady);

/// <summary>The file of an overlay. Nobody else finds it: QEMU has it open, and it is gone with the last that has.</summary>
internal interface IImageStore : IDisposable
{
    /// <summary>How far it has been written; cheap.</summary>
    long Bytes { get; }
}

/// <summary>
/// What the QEMU of a domain does for the overlay of a disk that it serves. Whatever its own drivers do with the disk, its place is taken in one step, in
/// which what is under way is waited for. Each call is one change, or none.
/// </summary>
/// <remarks>A call may take effect and fail all the same; none waits for longer than a bounded time. What QEMU says is believed in its form alone.</remarks>
internal interface IImageLayer
{
    /// <summary>How a disk stands; null where there is no QEMU any more.</summary>
    /// <exception cref="Errors.MigrationException">OutputNotIsolable: QEMU has no such disk, or somebody else works on it.</exception>
    ImageState? StateOf(ImageName image);

    /// <summary>The files and devices that a domain's QEMU has open to write; null where there is no QEMU any more.</summary>
    IReadOnlyList<string>? WrittenBy(int domid);

    /// <summary>Writes what the control domain still has of a disk's image in memory to where it belongs.</summary>
    void Sync(ImageName image);

    /// <summary>Has QEMU do what is under way and write all that it has in memory to its images; where there is no QEMU any more, nothing.</summary>
    /// <param name="image">A disk of the domain.</param>
    /// <param name="isStopped">Whether QEMU's devices are stopped, and stay so.</param>
    void Flush(ImageName image, bool isStopped);

    /// <summary>Makes an empty overlay, as large as the disk and with room from the start, beside what works.</summary>
    /// <param name="image">The disk.</param>
    /// <param name="bytes">Bytes of the disk.</param>
    /// <param name="room">Bytes that its file can have.</param>
    /// <exception cref="Errors.MigrationException">OutOfMemory: there is no room for it.</exception>
    IImageStore AddOverlay(ImageName image, long bytes, long room);

    /// <summary>What was written so far is on the disk; from here on what is written goes to the overlay, and the image is open to read alone.</summary>
    void PutOver(ImageName image);

    /// <summary>Begins to bring the overlay to the image.</summary>
    void BeginMerge(ImageName image);

    /// <summary>How that stands; null where it is not under way.</summary>
    MergeState? MergeOf(ImageName image);

    /// <summary>Lets the image take the overlay's place, when all is copied; that is so when <see cref="MergeOf"/> has nothing to say any more.</summary>
    void EndMerge(ImageName image);

    /// <summary>Removes an overlay that is not the domain's disk, with all that is in it.</summary>
    void RemoveOverlay(ImageName image);

    /// <summary>Removes files that a killed process made and QEMU did not open yet.</summary>
    /// <param name="prefix">What their names begin with.</param>
    void RemoveFiles(string prefix);
}
