using System.Runtime.InteropServices;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>Has the disk keep the entries of folders.</summary>
internal static partial class FolderOnDisk
{
    private const int CloseOnExec = 0x80000;

    /// <summary>EINVAL, from a file system that cannot be told to write its folders, such as one over a network.</summary>
    private const int NotSupportedThere = 22;

    /// <summary>
    /// Has the disk keep the entries of a folder. Without that a power cut may bring back the file that was written over, or leave none.
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
            // A folder may be writable and not readable, and then it cannot be opened: the system writes its entries when it sees fit.
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
