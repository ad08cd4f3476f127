using System.Buffers.Binary;
using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;

namespace PreRecordMigration.Backup;

/// <summary>
/// Where a store's originals outlive their process: files of the runtime folder, which only their user reads and which end with the boot of the
/// machine, as its domains do. One file, the head, says of how many pages the guest is and whether the domain has left; the others are steps.
/// </summary>
/// <remarks>
/// The process that records holds a lock on the head. What nobody holds any more, and has not left, the next recording takes away, or the service.
/// What has left is taken away by whoever ends its migration, or finds that the domain is gone.
/// </remarks>
internal sealed class BackupFiles : IDisposable
{
    private const string Prefix = "originals-";
    private const string Making = "making-";
    private const int HeadSize = 12;
    private const int LeavingOffset = 4;
    private const int CountOffset = 8;

    /// <summary>Bytes of the file system that are left to others.</summary>
    private const long Reserve = 64 << 20;
    private readonly FileStream _head;
    private readonly string _path;
    private bool _isFull;

    private BackupFiles(Guid id, string path, FileStream head) => (Id, _path, _head) = (id, path, head);

    /// <summary>By what another process opens them.</summary>
    public Guid Id { get; }

    /// <summary>Makes the files of an empty store, after taking away what recordings left that were killed.</summary>
    /// <param name="pageCount">The guest's page count.</param>
    /// <returns>Null where none can be made: the store is then in this process' memory alone.</returns>
    public static BackupFiles? TryMake(int pageCount)
    {
        try
        {
            string folder = RuntimeFolder.Open(RuntimeFolder.Find());
            SweepIn(folder);
            Guid id = Guid.NewGuid();
            string path = PathOf(folder, id);

            // Whoever sweeps sees it by its name only when it is whole and locked.
            string making = Path.Combine(folder, $"{Making}{id:N}");
            FileStream head = new(making, RuntimeFolder.NewFile(FileAccess.ReadWrite, FileShare.None));
            try
            {
                byte[] content = new byte[HeadSize];
                BinaryPrimitives.WriteInt32LittleEndian(content, pageCount);
                head.Write(content);
                head.Flush();
                File.Move(making, path);
                return new BackupFiles(id, path, head);
            }
            catch
            {
                head.Dispose();
                TryDelete(making);
                throw;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or MigrationException)
        {
            return null;
        }
    }

    /// <summary>Makes another step. One at a time.</summary>
    /// <returns>Null where there is no room for it, and from then on: the store is not kept any more.</returns>
    public BackupStep? TryMakeStep(int index)
    {
        string path = StepOf(_path, index);
        try
        {
            // The system and this module's notes need the same file system.
            if (_isFull || new DriveInfo(_path).AvailableFreeSpace < Reserve)
            {
                _isFull = true;
                return null;
            }

            return FileStep.Make(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _isFull = true;
            TryDelete(path);
            return null;
        }
    }

    /// <summary>Notes that the domain is about to leave: from then on the files are there for whoever takes its migration over.</summary>
    /// <param name="count">How many originals there are.</param>
    /// <returns>Whether that could be noted.</returns>
    public bool TryKeep(int count)
    {
        try
        {
            byte[] content = new byte[HeadSize - LeavingOffset];
            content[0] = 1;
            BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(CountOffset - LeavingOffset), count);
            _head.Seek(LeavingOffset, SeekOrigin.Begin);
            _head.Write(content);

            // From here on the note protects them, and not this process' life.
            _head.Dispose();
            return true;
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Opens the steps of a store that a killed process left.</summary>
    /// <param name="id">Its <see cref="Id"/>.</param>
    /// <param name="pageCount">The guest's page count.</param>
    /// <param name="count">How many originals there are in them.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: they are not there, or not whole.</exception>
    public static IReadOnlyList<FileStep> Open(Guid id, int pageCount, out int count)
    {
        List<FileStep> steps = [];
        try
        {
            string path = PathOf(RuntimeFolder.Find(), id);
            byte[] head = TrustedFile.TryRead(path, HeadSize, isSecret: true) ?? throw new IOException($"{path} is not there.");
            if (head.Length != HeadSize || BinaryPrimitives.ReadInt32LittleEndian(head) != pageCount)
            {
                throw new IOException($"{path} is of another domain.");
            }

            count = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(CountOffset));
            for (string step = StepOf(path, 0); TrustedFile.Find(step, isSecret: true) is { } found; step = StepOf(path, steps.Count))
            {
                steps.Add(FileStep.Open(found));
            }

            return steps;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            steps.ForEach(step => step.Dispose());
            throw Missing(error.Message, error);
        }
    }

    /// <summary>The error of originals that are not all there.</summary>
    public static MigrationException Missing(string reason, Exception? error = null) => new(
        MigrationErrorId.DomainState,
        $"The originals of the domain's checkpoint cannot be had again: {reason}",
        "Look at its destination: where it is whole there, destroy the one here.",
        null,
        error);

    /// <summary>Takes files away; those that are not there are no error.</summary>
    public static void Delete(Guid id) => Delete(PathOf(RuntimeFolder.Find(), id));

    /// <summary>Takes away what killed processes left of recordings whose domain has not left.</summary>
    /// <exception cref="MigrationException">The runtime folder is not this user's alone.</exception>
    public static void Sweep()
    {
        if (TrustedFile.FindFolder(RuntimeFolder.Find()) is { } folder)
        {
            SweepIn(folder);
        }
    }

    /// <summary>Lets go of the files, which stay.</summary>
    public void Dispose() => _head.Dispose();

    private static void SweepIn(string folder)
    {
        foreach (string path in Directory.EnumerateFiles(folder, $"{Prefix}*"))
        {
            if (!Guid.TryParseExact(Path.GetFileName(path)[Prefix.Length..], "N", out _))
            {
                continue;
            }

            try
            {
                // Where its process lives, it cannot be opened.
                using FileStream head = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                byte[] content = new byte[HeadSize];
                if (head.ReadAtLeast(content, HeadSize, throwOnEndOfStream: false) < HeadSize || content[LeavingOffset] == 0)
                {
                    Delete(path);
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Somebody's.
            }
        }
    }

    private static void Delete(string path)
    {
        // The head goes last: a process that dies here leaves what the next one finds.
        if (Path.GetDirectoryName(path) is { } folder && Directory.Exists(folder))
        {
            foreach (string step in Directory.GetFiles(folder, $"{Path.GetFileName(path)}.*"))
            {
                TryDelete(step);
            }
        }

        TryDelete(path);
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It ends with the boot of the machine.
        }
    }

    private static string PathOf(string folder, Guid id) => Path.Combine(folder, $"{Prefix}{id:N}");

    private static string StepOf(string path, int index) => string.Create(CultureInfo.InvariantCulture, $"{path}.{index}");
}
