using PreRecordMigration.Files;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>
/// A file that may be written: the one way in which this product writes files that somebody names. It is there whole or not at all. A link stays a
/// link, and the file that it leads to is written. What is not a regular file (a device, a pipe, a socket, a folder) is never
/// replaced, whatever is forced.
/// </summary>
public sealed class WritableFile
{
    private WritableFile(string path, string target)
    {
        Path = path;
        Target = target;
    }

    /// <summary>The path that was given.</summary>
    public string Path { get; }

    /// <summary>The file that is written: behind every link, in a folder without links.</summary>
    public string Target { get; }

    /// <summary>Finds the file that is meant.</summary>
    /// <param name="path">A full path.</param>
    /// <param name="mayReplace">Whether a regular file that is there may be written over.</param>
    /// <exception cref="OperationException">There is something that must not be written over.</exception>
    /// <exception cref="Errors.MigrationException">Somebody else has laid a link or a file there (<see cref="GivenPath"/>).</exception>
    /// <exception cref="IOException">The links lead in a circle.</exception>
    public static WritableFile At(string path, bool mayReplace)
    {
        WritableFile file = new(path, GivenPath.Follow(path, isToBeWritten: true));
        file.RequireReplaceable();
        return mayReplace || FileStatus.Of(file.Target).Kind == FileKind.None
            ? file
            : throw new OperationException(
                nameof(SR.FileExists), OperationProblem.Exists, Text.Format(SR.FileExists, path), SR.FileExistsRemedy, path);
    }

    /// <summary>Writes it: into another file of its folder, which takes its place when it is whole and on the disk.</summary>
    /// <param name="mode">What may be done with it, whoever had it before; null for what may be done with the one that is
    /// there, which keeps its owner too.</param>
    /// <param name="write">Writes the content; the stream stays open.</param>
    /// <exception cref="OperationException">Something that must not be written over has come there meanwhile.</exception>
    /// <exception cref="IOException">The file system refused.</exception>
    public void Write(UnixFileMode? mode, Action<FileStream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        FileStatus before = FileStatus.Of(Target);
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = mode ?? (before.Kind == FileKind.Regular ? File.GetUnixFileMode(Target) : null);
        }

        string folder = System.IO.Path.GetDirectoryName(Target)!;
        string partial = System.IO.Path.Combine(folder, $".{System.IO.Path.GetFileName(Target)}.{Guid.NewGuid():N}.partial");
        try
        {
            using (FileStream stream = new(partial, options))
            {
                write(stream);
                if (!OperatingSystem.IsWindows() && options.UnixCreateMode is { } exact)
                {
                    // The owner is set on the open file: in another user's folder the name may lead elsewhere by now.
                    if (mode is null)
                    {
                        FileStatus.TryGive(stream.SafeFileHandle, before);
                    }

                    // The mode with which it was created was cut by the process's umask, and by a change of owner.
                    File.SetUnixFileMode(stream.SafeFileHandle, exact);
                }

                stream.Flush(flushToDisk: true);
            }

            RequireReplaceable();
            File.Move(partial, Target, overwrite: true);
            FolderOnDisk.Keep(folder);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    private void RequireReplaceable()
    {
        FileKind kind = FileStatus.Of(Target).Kind;
        if (kind is not (FileKind.None or FileKind.Regular))
        {
            throw new OperationException(
                nameof(SR.FileNotRegular),
                OperationProblem.Argument,
                Text.Format(SR.FileNotRegular, Path, kind.ToString().ToLowerInvariant()),
                SR.FileNotRegularRemedy,
                Path);
        }
    }
}
