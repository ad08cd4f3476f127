using System.Runtime.InteropServices;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>What a folder says, on the disk.</summary>
internal static partial class FolderOnDisk
{
    private const int CloseOnExec = 0x80000;

    /// <summary>EINVAL: a file system that keeps no folders, such as one over a network.</summary>
    private const int NotSupportedThere = 22;

    /// <summary>
    /// Has the disk keep what a folder says: without that a power cut may bring back the file that was written over, or none.
    /// </summary>
    /// <param name="folder">Its path.</param>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void Keep(string folder)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        int descriptor = Open(folder, CloseOnExec);
        if (descriptor < 0)
        {
            // A folder that may be written to and not be read: then only the system's own time is left.
            return;
        }

        bool hasFailed = Synchronise(descriptor) != 0 && Marshal.GetLastPInvokeError() != NotSupportedThere;
        string reason = Marshal.GetLastPInvokeErrorMessage();
        _ = Close(descriptor);
        if (hasFailed)
        {
            throw new IOException(Text.Format(SR.FolderNotKept, folder, reason));
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Synchronise(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
