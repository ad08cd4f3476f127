using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace PreRecordMigration.Files;

/// <summary>What a path leads to, its links followed.</summary>
/// <param name="Kind">What it is; <see cref="FileKind.None"/> where nothing is there, or something that may not be looked at.</param>
internal readonly partial record struct FollowedFile(FileKind Kind)
{
    private const uint TypeModeAndSize = 0x1 | 0x2 | 0x200;
    private const int SizeOffset = 40;
    private const int MajorOffset = 128;
    private const int MinorOffset = 132;
    private const int Sector = 512;
    private const int MayExecute = 1;
    private const int MayWrite = 2;
    private const int MayRead = 4;

    /// <summary>Whether a <see cref="FileKind.Device"/> is a block device.</summary>
    internal bool IsBlock { get; init; }

    /// <summary>Bytes of a regular file or a block device.</summary>
    internal long Bytes { get; init; }

    /// <summary>Whether this process may read it.</summary>
    internal bool IsReadable { get; init; }

    /// <summary>Whether this process may write it: neither the file nor the file system nor the device is read-only.</summary>
    internal bool IsWritable { get; init; }

    /// <summary>Whether this process may start it as a program.</summary>
    internal bool IsExecutable { get; init; }

    /// <summary>Why it may not be looked at, in words of the system; null where it may, and where nothing is there.</summary>
    internal string? Problem { get; init; }

    /// <summary>Looks at a path and opens nothing. On a file system whose server does not answer that may take for ever.</summary>
    /// <param name="path">A full path.</param>
    /// <param name="system">Where the kernel tells of its devices.</param>
    internal static FollowedFile Of(string path, string system = "/sys")
    {
        Span<byte> result = stackalloc byte[FileStatus.ResultSize];
        if (FileStatus.Status(FileStatus.CurrentFolder, path, 0, TypeModeAndSize, ref MemoryMarshal.GetReference(result)) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            return new FollowedFile(FileKind.None) { Problem = FileStatus.IsAbsent(error) ? null : Marshal.GetPInvokeErrorMessage(error) };
        }

        FollowedFile file = new(FileStatus.KindOf(result))
        {
            IsBlock = FileStatus.IsBlock(result),
            Bytes = (long)BinaryPrimitives.ReadUInt64LittleEndian(result[SizeOffset..]),
            IsReadable = Access(path, MayRead) == 0,
            IsWritable = Access(path, MayWrite) == 0,
            IsExecutable = Access(path, MayExecute) == 0,
        };
        if (!file.IsBlock)
        {
            return file;
        }

        // A device's own file has no size, and may be opened for writing where the device takes no writes.
        string device = string.Create(
            CultureInfo.InvariantCulture,
            $"{system}/dev/block/{BinaryPrimitives.ReadUInt32LittleEndian(result[MajorOffset..])}:{BinaryPrimitives.ReadUInt32LittleEndian(result[MinorOffset..])}");
        return file with { Bytes = Number($"{device}/size") * Sector, IsWritable = file.IsWritable && Number($"{device}/ro") == 0 };
    }

    private static long Number(string path)
    {
        try
        {
            return long.TryParse(File.ReadAllText(path), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out long number) ? number : 0;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    [LibraryImport("libc", EntryPoint = "access", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);
}
