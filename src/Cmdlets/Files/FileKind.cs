using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace PreRecordMigration.Cmdlets;

/// <summary>What stands at a path.</summary>
internal enum FileKind
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
/// <param name="User">The number of its owner.</param>
/// <param name="Group">The number of its group.</param>
internal readonly partial record struct FileStatus(FileKind Kind, uint User, uint Group)
{
    private const int CurrentFolder = -100;
    private const int NoFollow = 0x100;
    private const uint TypeAndOwner = 0x1 | 0x8 | 0x10;
    private const int ResultSize = 256;
    private const int UserOffset = 20;
    private const int GroupOffset = 24;
    private const int ModeOffset = 28;

    /// <summary>Looks at a path, without following a link that stands there.</summary>
    /// <param name="path">A full path.</param>
    public static FileStatus Of(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return new FileStatus(
                new FileInfo(path).LinkTarget is not null ? FileKind.Link
                    : Directory.Exists(path) ? FileKind.Folder
                    : File.Exists(path) ? FileKind.Regular
                    : FileKind.None,
                0,
                0);
        }

        Span<byte> result = stackalloc byte[ResultSize];
        if (Status(CurrentFolder, path, NoFollow, TypeAndOwner, ref MemoryMarshal.GetReference(result)) != 0)
        {
            return default;
        }

        FileKind kind = (BinaryPrimitives.ReadUInt16LittleEndian(result[ModeOffset..]) & 0xF000) switch
        {
            0x8000 => FileKind.Regular,
            0x4000 => FileKind.Folder,
            0xA000 => FileKind.Link,
            0x1000 => FileKind.Pipe,
            0xC000 => FileKind.Socket,
            _ => FileKind.Device,
        };
        return new FileStatus(
            kind, BinaryPrimitives.ReadUInt32LittleEndian(result[UserOffset..]), BinaryPrimitives.ReadUInt32LittleEndian(result[GroupOffset..]));
    }

    /// <summary>Gives a file to an owner; only root can, and for nobody else is there anything to do.</summary>
    public static void TryGive(string path, FileStatus owner)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = ChangeOwner(path, owner.User, owner.Group);
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int folder, string path, int flags, uint mask, ref byte result);

    [LibraryImport("libc", EntryPoint = "lchown", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, uint user, uint group);
}
