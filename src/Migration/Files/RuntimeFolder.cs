using PreRecordMigration.Errors;

namespace PreRecordMigration.Files;

/// <summary>
/// Where files stand that concern one boot of the machine and one user: root's in <c>/run/prerecord</c>, another user's under the folder
/// that the system gives him for that, or his home. Nobody else may look into it.
/// </summary>
public static class RuntimeFolder
{
    /// <summary>The environment variable that names another folder, by its absolute path.</summary>
    public const string VariableName = "PRERECORD_RUNTIME_DIRECTORY";

    private const string Roots = "/run/prerecord";
    private const string Name = "prerecord";
    private const string SystemVariable = "XDG_RUNTIME_DIR";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The same rule in the words of a POSIX shell: where a user of another machine has the folder.</summary>
    internal const string InShell =
        "${" + VariableName + ":-$(if [ \"$(id -u)\" = 0 ]; then echo " + Roots
        + "; elif [ \"${" + SystemVariable + "#/}\" != \"$" + SystemVariable + "\" ]; then echo \"$" + SystemVariable + "/" + Name
        + "\"; else echo \"$HOME/.local/state/" + Name + "\"; fi)}";

    /// <summary>The folder's absolute path; it need not be there yet.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>: the variable, or the home, is no absolute path.</exception>
    public static string Find() => Find(
        Environment.GetEnvironmentVariable,
        !OperatingSystem.IsWindows() && Environment.IsPrivilegedProcess,
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));

    /// <summary>The same of an environment.</summary>
    /// <param name="variable">The value of a variable; null where there is none.</param>
    /// <param name="isRoot">Whether the user is root.</param>
    /// <param name="home">The user's home.</param>
    internal static string Find(Func<string, string?> variable, bool isRoot, string home)
    {
        if (variable(VariableName) is { Length: > 0 } named)
        {
            return Absolute(named, VariableName);
        }

        if (isRoot)
        {
            return Roots;
        }

        // The specification of the system's variable says to ignore a relative path.
        return variable(SystemVariable) is { } given && Path.IsPathFullyQualified(given)
            ? Path.Combine(given, Name)
            : Path.Combine(Absolute(home, "HOME"), ".local", "state", Name);
    }

    /// <summary>Makes a runtime folder where it is not there, for its owner alone.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.AccessDenied"/>: it cannot be made.</exception>
    internal static void Make(string folder)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(folder);
            }
            else
            {
                Directory.CreateDirectory(folder, OwnerOnly);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Denied($"The folder {folder} cannot be made", folder, error);
        }
    }

    /// <summary>Makes a runtime folder where it is not there, and refuses one that others may write.</summary>
    /// <returns>Its path without links, by which what stands there is to be opened.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.AccessDenied"/>: it cannot be made;
    /// <see cref="MigrationErrorId.FileNotTrusted"/>: others may write it.</exception>
    internal static string Open(string folder)
    {
        Make(folder);
        return TrustedFile.FindFolder(folder) ?? folder;
    }

    /// <summary>How a file is made there: a new one, for its owner alone.</summary>
    internal static FileStreamOptions NewFile(FileAccess access, FileShare share = FileShare.Read)
    {
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = access, Share = share };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    /// <summary>The error of a folder or file that cannot be made or kept there.</summary>
    /// <param name="what">What failed, as the beginning of a sentence.</param>
    /// <param name="path">The folder or the file.</param>
    /// <param name="error">Why.</param>
    internal static MigrationException Denied(string what, string path, Exception error) => new(
        MigrationErrorId.AccessDenied,
        $"{what}: {error.Message.TrimEnd('.')}.",
        $"Let {VariableName} name a folder that this user may write and nobody else.",
        path,
        error);

    private static string Absolute(string path, string variable) => Path.IsPathFullyQualified(path)
        ? path
        : throw new MigrationException(
            MigrationErrorId.InvalidOption,
            $"{variable} is '{path}', which is no absolute path.",
            $"Let {VariableName} name a folder, from the root on, that this user may write and nobody else.",
            path);
}
