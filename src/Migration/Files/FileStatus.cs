using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PreRecordMigration.Files;

/// <summary>What stands at a path.</summary>
public enum FileKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A regular file.</summary>
    Regular,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A symbolic link.</summary>
    Link,

    /// <summary>A named pipe.</summary>
    Pipe,

    /// <summary>A socket.</summary>
    Socket,

    /// <summary>A character or a block device.</summary>
    Device,
}

/// <summary>What stands at a path, who has it, and what may be done with it. Looks, and opens nothing: a pipe would wait.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="User">The number of its owner; 0 where the system does not tell.</param>
/// <param name="Group">The number of its group; 0 where the system does not tell.</param>
/// <param name="Mode">Its permissions; none where the system does not tell.</param>
public readonly partial record struct FileStatus(FileKind Kind, uint User = 0, uint Group = 0, UnixFileMode Mode = UnixFileMode.None)
{
    /// <summary>Where paths begin that are not full, for <see cref="Status"/>.</summary>
    internal const int CurrentFolder = -100;

    /// <summary>Bytes that <see cref="Status"/> writes.</summary>
    internal const int ResultSize = 256;

    private const int NoFollow = 0x100;
    private const int NoSuchFile = 2;
    private const int NoFolder = 20;
    private const uint TypeModeAndOwner = 0x1 | 0x2 | 0x8 | 0x10;
    private const int UserOffset = 20;
    private const int GroupOffset = 24;
    private const int ModeOffset = 28;
    private const int KindMask = 0xF000;

    /// <summary>The user as whom this process reads and writes files; 0 (root) where the system does not tell.</summary>
    public static uint EffectiveUser => OperatingSystem.IsLinux() ? GetEffectiveUser() : 0;

    /// <summary>Looks at a path, without following a link that stands there. What may not be looked at counts as nothing.</summary>
    /// <param name="path">A full path.</param>
    public static FileStatus Of(string path)
    {
        _ = TryOf(path, out FileStatus status);
        return status;
    }

    /// <summary>Looks at a path as <see cref="Of"/> does, and tells a place where nothing stands from one that may not be looked
    /// at.</summary>
    /// <param name="path">A full path.</param>
    /// <param name="status">What stands there.</param>
    /// <returns>False where the system did not say.</returns>
    public static bool TryOf(string path, out FileStatus status)
    {
        if (!OperatingSystem.IsLinux())
        {
            status = new FileStatus(
                new FileInfo(path).LinkTarget is not null ? FileKind.Link
                    : Directory.Exists(path) ? FileKind.Folder
                    : File.Exists(path) ? FileKind.Regular
                    : FileKind.None);
            return true;
        }

        Span<byte> result = stackalloc byte[ResultSize];
        if (Status(CurrentFolder, path, NoFollow, TypeModeAndOwner, ref MemoryMarshal.GetReference(result)) != 0)
        {
            status = default;
            return IsAbsent(Marshal.GetLastPInvokeError());
        }

        int mode = BinaryPrimitives.ReadUInt16LittleEndian(result[ModeOffset..]);
        status = new FileStatus(
            KindOf(result),
            BinaryPrimitives.ReadUInt32LittleEndian(result[UserOffset..]),
            BinaryPrimitives.ReadUInt32LittleEndian(result[GroupOffset..]),
            (UnixFileMode)(mode & ~KindMask));
        return true;
    }

    /// <summary>What stands at a path, by what <see cref="Status"/> wrote of it.</summary>
    internal static FileKind KindOf(ReadOnlySpan<byte> result) => (BinaryPrimitives.ReadUInt16LittleEndian(result[ModeOffset..]) & KindMask) switch
    {
        0x8000 => FileKind.Regular,
        0x4000 => FileKind.Folder,
        0xA000 => FileKind.Link,
        0x1000 => FileKind.Pipe,
        0xC000 => FileKind.Socket,
        _ => FileKind.Device,
    };

    /// <summary>Whether a <see cref="FileKind.Device"/> is a block device.</summary>
    internal static bool IsBlock(ReadOnlySpan<byte> result) => (BinaryPrimitives.ReadUInt16LittleEndian(result[ModeOffset..]) & KindMask) == 0x6000;

    /// <summary>Whether an error of the last <see cref="Status"/> says that nothing is there.</summary>
    internal static bool IsAbsent(int error) => error is NoSuchFile or NoFolder;

    /// <summary>Gives a file to an owner. Only root can do that; for every other user this does nothing.</summary>
    public static void TryGive(SafeFileHandle file, FileStatus owner)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = ChangeOwner(file, owner.User, owner.Group);
        }
    }

    /// <summary>statx(2).</summary>
    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    internal static partial int Status(int folder, string path, int flags, uint mask, ref byte result);

    [LibraryImport("libc", EntryPoint = "fchown")]
    private static partial int ChangeOwner(SafeFileHandle file, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();
}
