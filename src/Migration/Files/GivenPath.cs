using PreRecordMigration.Errors;

namespace PreRecordMigration.Files;

/// <summary>
/// Paths that a user gives for his data, to be read or written. His own links are followed; those that somebody else has laid into a
/// folder that everybody may write (<c>/tmp</c>) are not, nor is a file of somebody else's replaced there. The kernel can be told the
/// same (fs.protected_symlinks, fs.protected_regular), but it need not have been, and it does not see links that this process resolves.
/// </summary>
public static class GivenPath
{
    /// <summary>Where a path leads, behind every link.</summary>
    /// <param name="path">An absolute path; what it leads to need not be there.</param>
    /// <param name="isToBeWritten">Whether what stands there is to be replaced.</param>
    /// <returns>An absolute path without links.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.FileNotTrusted"/>: somebody else's link in a folder that
    /// everybody may write, or a file or folder of somebody else's there where something is to be written.</exception>
    /// <exception cref="IOException">Its links lead in a circle.</exception>
    public static string Follow(string path, bool isToBeWritten = false) =>
        Follow(path, isToBeWritten, FileStatus.TryOf, FileStatus.EffectiveUser);

    /// <summary>The same rule for a given file system and a given user.</summary>
    internal static string Follow(string path, bool isToBeWritten, PathWalk.Look look, uint user)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        PathStep last = default;
        foreach (PathStep step in PathWalk.Through(path, look))
        {
            // What is written below a folder of somebody else's goes where he wants: he can lay a link there at any time.
            bool isRefused = step.Status.Kind == FileKind.Link
                || (isToBeWritten && step.Status.Kind == (step.IsEnd ? FileKind.Regular : FileKind.Folder));
            if (isRefused && IsForeign(step, look, user))
            {
                string what = step.Status.Kind == FileKind.Regular ? "file" : step.Status.Kind.ToString().ToLowerInvariant();
                throw new MigrationException(
                    MigrationErrorId.FileNotTrusted,
                    $"'{path}' is not used: '{step.Place}' is a {what} of user {step.Status.User}, in a folder that everybody may write.",
                    "Give a path in a folder that only this user may write.",
                    step.Place);
            }

            last = step;
        }

        return last.Place;
    }

    /// <summary>Whether somebody laid the step there who is neither this user nor the owner of its folder.</summary>
    private static bool IsForeign(PathStep step, PathWalk.Look look, uint user) =>
        step.Status.User != user
        && Path.GetDirectoryName(step.Place) is { } folder
        && look(folder, out FileStatus around)
        && around.Mode.HasFlag(UnixFileMode.OtherWrite)
        && around.User != step.Status.User;
}
