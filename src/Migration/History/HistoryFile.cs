using System.Globalization;
using Microsoft.Win32.SafeHandles;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;

namespace PreRecordMigration.History;

/// <summary>
/// The history's file, a line an entry, with the older ones beside it: <c>history.jsonl</c>, and <c>history.jsonl.1</c> for the one before.
/// Any number of processes append at once: each line is one write at the file's end, and a lock keeps two from renaming the files at the
/// same time. Who finds a line that was torn, since its process or its disk ended in the middle, begins behind it on a line of its own.
/// </summary>
/// <param name="folder">The folder's absolute path; it need not be there.</param>
internal sealed class HistoryFile(string folder)
{
    /// <summary>The file's name.</summary>
    public const string Name = "history.jsonl";

    private const string LockName = "history.lock";
    private const byte LineEnd = (byte)'\n';

    /// <summary>How long another process' lock is waited for. A process that stands still with it keeps nobody from appending.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_betweenTries = TimeSpan.FromMilliseconds(5);

    /// <summary>How long another process' lock is waited for; a test waits shorter.</summary>
    public TimeSpan Patience { get; init; } = s_patience;

    /// <summary>Appends a line.</summary>
    /// <param name="line">The line, with its newline.</param>
    /// <param name="limits">How much is kept.</param>
    /// <exception cref="MigrationException">It cannot be written, or others may write the folder or the file.</exception>
    public void Append(byte[] line, HistoryLimits limits)
    {
        string there = StateFolder.Make(folder);
        string path = Path.Combine(there, Name);
        try
        {
            RequireRegular(path);
            using SafeFileHandle? held = Take(Path.Combine(there, LockName), mayMake: true);
            SafeFileHandle file = AppendedFile.Open(path);
            try
            {
                // Without the lock a file that is too long is left to the next one.
                if (held is not null && RandomAccess.GetLength(file) is > 0 and var length && length + line.Length > limits.FileSize)
                {
                    file.Dispose();
                    Rotate(path, limits.Files);
                    file = AppendedFile.Open(path);
                }

                _ = TrustedFile.Find(path);
                AppendedFile.Write(file, IsTorn(file) ? [LineEnd, .. line] : line);
            }
            finally
            {
                file.Dispose();
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw StateFolder.Denied($"{path} cannot be written", path, error);
        }
    }

    /// <summary>Reads the lines, oldest first.</summary>
    /// <param name="onLine">Told of each, without its newline; null for one that is too long to be any.</param>
    /// <exception cref="MigrationException">A file cannot be read, or others may write it.</exception>
    public void Read(Action<ReadOnlyMemory<byte>?> onLine)
    {
        List<FileStream> files = [];
        try
        {
            if (TrustedFile.FindFolder(folder) is { } there)
            {
                // The files are opened under the lock: none is missed, and none seen twice, because it is renamed meanwhile.
                using SafeFileHandle? held = Take(Path.Combine(there, LockName), mayMake: false);
                files.AddRange(Files(Path.Combine(there, Name)).Select(TrustedFileOf).OfType<FileStream>());
            }

            foreach (FileStream file in files)
            {
                ReadLines(file, onLine);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MigrationException(
                MigrationErrorId.AccessDenied,
                $"The history in {folder} cannot be read: {error.Message.TrimEnd('.')}.",
                "Look at the folder, and at who may read it.",
                folder,
                error);
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
    }

    /// <summary>Takes a stream apart into lines.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="onLine">As for <see cref="Read"/>; what it is given is its own only until it returns.</param>
    internal static void ReadLines(Stream stream, Action<ReadOnlyMemory<byte>?> onLine)
    {
        byte[] buffer = new byte[HistoryLine.Longest + 1];
        int filled = 0;
        bool isTooLong = false;
        for (int read = -1; read != 0;)
        {
            read = stream.Read(buffer, filled, buffer.Length - filled);
            filled += read;
            int start = 0;
            for (int end; (end = buffer.AsSpan(start, filled - start).IndexOf(LineEnd)) >= 0; start += end + 1)
            {
                Tell(start, end);
            }

            buffer.AsSpan(start, filled - start).CopyTo(buffer);
            filled -= start;
            if (filled == buffer.Length)
            {
                (filled, isTooLong) = (0, true);
            }
        }

        Tell(0, filled);

        void Tell(int start, int length)
        {
            if (isTooLong || length > 0)
            {
                onLine(isTooLong ? default(ReadOnlyMemory<byte>?) : buffer.AsMemory(start, length));
            }

            isTooLong = false;
        }
    }

    /// <summary>Takes the lock; null where another process keeps it for longer than one waits.</summary>
    private SafeFileHandle? Take(string path, bool mayMake)
    {
        RequireRegular(path);
        if (!mayMake && !File.Exists(path))
        {
            return null;
        }

        SafeFileHandle file = AppendedFile.Open(path);
        try
        {
            for (long since = TimeProvider.System.GetTimestamp(); !AppendedFile.TryLock(file); Thread.Sleep(s_betweenTries))
            {
                if (TimeProvider.System.GetElapsedTime(since) >= Patience)
                {
                    file.Dispose();
                    return null;
                }
            }

            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Makes every file the next older one, and forgets those that are too many. With the lock.</summary>
    private static void Rotate(string path, int kept)
    {
        foreach (string old in Files(path))
        {
            if (NumberOf(path, old) is var number && number >= kept)
            {
                File.Delete(old);
            }
            else
            {
                File.Move(old, $"{path}.{(number + 1).ToString(CultureInfo.InvariantCulture)}", overwrite: true);
            }
        }
    }

    /// <summary>The file and the older ones, oldest first.</summary>
    private static IEnumerable<string> Files(string path) => Directory
        .GetFiles(Path.GetDirectoryName(path)!, $"{Name}*")
        .Where(file => NumberOf(path, file) >= 0)
        .OrderByDescending(file => NumberOf(path, file));

    /// <summary>How many are younger than a file; negative where it is none of them.</summary>
    private static int NumberOf(string path, string file) => file == path ? 0
        : int.TryParse(file.AsSpan(path.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            && file == $"{path}.{number.ToString(CultureInfo.InvariantCulture)}" ? number
        : -1;

    private static FileStream? TrustedFileOf(string path) => TrustedFile.Find(path) is { } found
        ? new FileStream(found, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete)
        : null;

    /// <summary>A pipe would wait, and a link lead elsewhere.</summary>
    private static void RequireRegular(string path)
    {
        if (FileStatus.Of(path).Kind is not (FileKind.None or FileKind.Regular) and var kind)
        {
            throw new IOException($"A {kind.ToString().ToLowerInvariant()} stands at {path}");
        }
    }

    private static bool IsTorn(SafeFileHandle file)
    {
        byte[] last = new byte[1];
        return RandomAccess.GetLength(file) is > 0 and var length && RandomAccess.Read(file, last, length - 1) == 1 && last[0] != LineEnd;
    }
}
