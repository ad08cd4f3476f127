using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PreRecordMigration.History;

/// <summary>The calls by which several processes write into one file without a word of theirs between another's.</summary>
internal static partial class AppendedFile
{
    private const int ReadWrite = 0x2;
    private const int Create = 0x40;
    private const int Append = 0x400;
    private const int CloseOnExec = 0x80000;
    private const int OwnerOnly = 0x180;
    private const int LockExclusive = 2;
    private const int LockWithoutWaiting = 4;
    private const int Interrupted = 4;
    private const int WouldWait = 11;

    /// <summary>Opens a file, made for its owner alone where it is not there, of which each write is appended whole.</summary>
    /// <exception cref="IOException">It cannot be.</exception>
    public static SafeFileHandle Open(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        }

        int descriptor = Open(path, ReadWrite | Create | Append | CloseOnExec, OwnerOnly);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Failure();
    }

    /// <summary>Appends by one write.</summary>
    /// <exception cref="IOException">It was not written, or not all of it.</exception>
    public static void Write(SafeFileHandle file, byte[] content)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.Write(file, content, RandomAccess.GetLength(file));
            return;
        }

        nint written;
        do
        {
            written = Write(file, content, content.Length);
        }
        while (written < 0 && Marshal.GetLastPInvokeError() == Interrupted);

        if (written != content.Length)
        {
            throw written < 0 ? Failure() : new IOException("No space is left for all of it.");
        }
    }

    /// <summary>Takes the lock of a file, which ends with its handle, whatever becomes of the process; false where another one has it.</summary>
    /// <exception cref="IOException">It cannot be locked at all.</exception>
    public static bool TryLock(SafeFileHandle file) =>
        !OperatingSystem.IsLinux() || Lock(file, LockExclusive | LockWithoutWaiting) == 0
        || (Marshal.GetLastPInvokeError() is Interrupted or WouldWait ? false : throw Failure());

    private static IOException Failure() => new(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle file, byte[] content, nint count);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Lock(SafeFileHandle file, int operation);
}
