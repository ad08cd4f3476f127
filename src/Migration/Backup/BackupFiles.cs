using System.Buffers.Binary;
using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Backup;

/// <summary>
/// Where a store's originals outlive their process: files of the runtime folder, which only their user reads and which end with the boot of the
/// machine, as its domains do. One file, the head, says of how many pages the guest is, whether the domain has left, and whose they are; the others
/// are steps.
/// </summary>
/// <remarks>
/// The process that records holds a lock on the head. What nobody holds any more, and has not left, whoever opens a domain next takes away, to
/// record it or not, or the service. What has left is taken away by whoever ends its migration, or finds that the domain is gone; or by the
/// service, where its process ended before it had noted in the domain's mark that it leaves. Heads are read with a lock that they share: who takes a migration over may read at the same time.
/// </remarks>
internal sealed class BackupFiles : IDisposable
{
    private const string Prefix = "originals-";
    private const string Making = "making-";
    private const int HeadSize = 24;
    private const int LeavingOffset = 4;
    private const int EndingOffset = 5;
    private const int CountOffset = 8;
    private const int OwnerOffset = 12;
    private const int StartOffset = 16;

    /// <summary>Bytes of the file system that are left to others.</summary>
    private const long Reserve = 64 << 20;
    private readonly FileStream _head;
    private readonly string _path;
    private readonly bool _endsWithProcess;
    private bool _isFull;

    private BackupFiles(Guid id, string path, FileStream head, bool endsWithProcess) =>
        (Id, _path, _head, _endsWithProcess) = (id, path, head, endsWithProcess);

    /// <summary>By what another process opens them.</summary>
    public Guid Id { get; }

    /// <summary>Makes the files of an empty store, after taking away what recordings left that were killed.</summary>
    /// <param name="pageCount">The guest's page count.</param>
    /// <param name="owner">Whose they are; null for this process.</param>
    /// <param name="runtime">The runtime folder; null for this user's.</param>
    /// <param name="endsWithProcess">Whether the domain ends with that process, as a simulated one does, so that nobody takes its migration over
    /// from another.</param>
    /// <returns>Null where none can be made: the store is then in this process' memory alone.</returns>
    public static BackupFiles? TryMake(int pageCount, OwnerProcess? owner = null, string? runtime = null, bool endsWithProcess = false)
    {
        try
        {
            string folder = RuntimeFolder.Open(runtime ?? RuntimeFolder.Find());
            SweepIn(folder);
            Guid id = Guid.NewGuid();
            string path = PathOf(folder, id);

            // Whoever sweeps sees it by its name only when it is whole and locked.
            string making = Path.Combine(folder, $"{Making}{id:N}");
            FileStream head = new(making, RuntimeFolder.NewFile(FileAccess.ReadWrite, FileShare.None));
            try
            {
                byte[] content = new byte[HeadSize];
                OwnerProcess process = owner ?? OwnerProcess.Current;
                BinaryPrimitives.WriteInt32LittleEndian(content, pageCount);
                content[EndingOffset] = Convert.ToByte(endsWithProcess);
                BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(OwnerOffset), process.Id);
                BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(StartOffset), process.StartTime);
                head.Write(content);
                head.Flush();
                File.Move(making, path);
                return new BackupFiles(id, path, head, endsWithProcess);
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
            byte[] content = new byte[OwnerOffset - LeavingOffset];
            (content[0], content[EndingOffset - LeavingOffset]) = (1, Convert.ToByte(_endsWithProcess));
            BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(CountOffset - LeavingOffset), count);
            _head.Seek(LeavingOffset, SeekOrigin.Begin);
            _head.Write(content);

            // From here on the note protects them, and not this lock.
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

    /// <summary>Takes away what killed processes left of recordings whose domain has not left, or has ended with them.</summary>
    /// <exception cref="MigrationException">The runtime folder is not this user's alone.</exception>
    public static void Sweep()
    {
        if (TrustedFile.FindFolder(RuntimeFolder.Find()) is { } folder)
        {
            SweepIn(folder);
        }
    }

    /// <summary>
    /// Takes away what is there for whoever takes a migration over, where nobody will: its process has ended, and no domain's mark names it.
    /// </summary>
    /// <param name="marked">What the marks of all domains of this machine name; null where that is not known. Asked where there is something.</param>
    /// <param name="runtime">The runtime folder; null for this user's.</param>
    /// <exception cref="MigrationException">The runtime folder is not this user's alone, or the marks cannot be read.</exception>
    public static void SweepUnmarked(Func<IReadOnlySet<Guid>?> marked, string? runtime = null)
    {
        if (TrustedFile.FindFolder(runtime ?? RuntimeFolder.Find()) is not { } folder)
        {
            return;
        }

        // First the processes, then the marks: one that has ended marks nothing any more, and whoever takes its migration over finds a mark that names
        // them, which goes on to do so until the migration is over.
        Guid[] left = [.. HeadsIn(folder).Where(head => head.HasLeft && !head.Owner.IsAlive).Select(head => head.Id)];
        if (left.Length > 0 && marked() is { } named)
        {
            foreach (Guid id in left.Where(id => !named.Contains(id)))
            {
                Delete(PathOf(folder, id));
            }
        }
    }

    /// <summary>Lets go of the files, which stay.</summary>
    public void Dispose() => _head.Dispose();

    private static void SweepIn(string folder)
    {
        foreach (Head head in HeadsIn(folder).Where(head => !head.HasLeft || (head.EndsWithProcess && !head.Owner.IsAlive)))
        {
            Delete(PathOf(folder, head.Id));
        }
    }

    /// <summary>The heads on which no process holds a lock.</summary>
    private static List<Head> HeadsIn(string folder)
    {
        List<Head> heads = [];
        byte[] content = new byte[HeadSize];
        foreach (string path in Directory.EnumerateFiles(folder, $"{Prefix}*"))
        {
            // A pipe would wait, and a link lead elsewhere.
            if (!Guid.TryParseExact(Path.GetFileName(path)[Prefix.Length..], "N", out Guid id) || FileStatus.Of(path).Kind != FileKind.Regular)
            {
                continue;
            }

            try
            {
                // Where its process lives and has not let it go, it cannot be opened.
                using FileStream head = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                Array.Clear(content);
                _ = head.ReadAtLeast(content, HeadSize, throwOnEndOfStream: false);
                heads.Add(new Head(id, content[LeavingOffset] != 0, content[EndingOffset] != 0, new OwnerProcess(
                    BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(OwnerOffset)), BinaryPrimitives.ReadUInt64LittleEndian(content.AsSpan(StartOffset)))));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Somebody's.
            }
        }

        return heads;
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

    /// <summary>What a head says.</summary>
    /// <param name="Id">Of which store it is.</param>
    /// <param name="HasLeft">Whether its domain was about to leave.</param>
    /// <param name="EndsWithProcess">Whether its domain ends with the process.</param>
    /// <param name="Owner">The process that made it.</param>
    private readonly record struct Head(Guid Id, bool HasLeft, bool EndsWithProcess, OwnerProcess Owner);
}
