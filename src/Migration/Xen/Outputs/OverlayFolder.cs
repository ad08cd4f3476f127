using PreRecordMigration.Errors;
using PreRecordMigration.Files;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>Where the files are made in which overlays keep what is written: in memory, unless somebody names another folder.</summary>
internal static class OverlayFolder
{
    /// <summary>The environment variable that names the folder, by its absolute path.</summary>
    internal const string VariableName = "PRERECORD_OVERLAY_DIRECTORY";

    private static string? Named => Environment.GetEnvironmentVariable(VariableName) is { Length: > 0 } named ? named : null;

    /// <summary>Makes the folder where it is this program's own, and refuses one that others may write.</summary>
    /// <returns>Its path without links.</returns>
    internal static string Open()
    {
        if (Named is not { } named)
        {
            return RuntimeFolder.Open(RuntimeFolder.Find());
        }

        return Path.IsPathFullyQualified(named) && TrustedFile.FindFolder(named) is { } trusted
            ? trusted
            : throw new MigrationException(
                MigrationErrorId.InvalidOption,
                $"{VariableName} is '{named}', where there is no folder.",
                $"Let {VariableName} name a folder, from the root on, that root may write and nobody else.",
                named);
    }

    /// <summary>Removes files that nobody has opened yet, as far as that can be done: the next of the same name takes their place.</summary>
    /// <param name="prefix">What their names begin with.</param>
    internal static void Sweep(string prefix)
    {
        try
        {
            foreach (string file in Directory.EnumerateFiles(Named ?? RuntimeFolder.Find(), $"{prefix}*"))
            {
                File.Delete(file);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // No folder, no files; or somebody else's.
        }
    }

    /// <summary>Makes a file whose room is taken from the start, in the place of one that a killed process left.</summary>
    /// <param name="path">Where, in a folder of <see cref="Open"/>.</param>
    /// <param name="room">Bytes that it can have. It has none yet.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutOfMemory"/>: there is no room for them.</exception>
    internal static FileStream Make(string path, long room)
    {
        try
        {
            File.Delete(path);
            FileStreamOptions options = RuntimeFolder.NewFile(FileAccess.ReadWrite);
            options.PreallocationSize = room;
            return new FileStream(path, options);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            string? folder = Path.GetDirectoryName(path);
            throw new MigrationException(
                MigrationErrorId.OutOfMemory,
                $"{folder} has no room for the {room >> 20} MiB of an overlay: {error.Message.TrimEnd('.')}.",
                $"Make room there, let {VariableName} name another folder, or give a smaller limit of what a disk may write in the window (OverlayLimit).",
                folder,
                error);
        }
    }
}
