using PreRecordMigration.Errors;

namespace PreRecordMigration.Files;

/// <summary>
/// Where files stand that outlive a boot of the machine and concern one user: root's in <c>/var/lib/prerecord</c>, another user's under
/// <c>$XDG_STATE_HOME</c>, or his home. Nobody else may write it; where somebody may, nothing is read or written there.
/// </summary>
public static class StateFolder
{
    /// <summary>The environment variable that names another folder, by its absolute path.</summary>
    public const string VariableName = "PRERECORD_STATE_DIRECTORY";

    private const string Roots = "/var/lib/prerecord";
    private const string Name = "prerecord";
    private const string SystemVariable = "XDG_STATE_HOME";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The folder's absolute path; it need not be there yet.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>: a variable names no absolute path.</exception>
    public static string Find()
    {
        if (Environment.GetEnvironmentVariable(VariableName) is { Length: > 0 } named)
        {
            return Absolute(named, VariableName);
        }

        if (!OperatingSystem.IsWindows() && Environment.IsPrivilegedProcess)
        {
            return Roots;
        }

        return Environment.GetEnvironmentVariable(SystemVariable) is { Length: > 0 } given
            ? Path.Combine(Absolute(given, SystemVariable), Name)
            : Path.Combine(Absolute(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), "HOME"), ".local", "state", Name);
    }

    /// <summary>Makes a state folder where it is not there, for its owner alone, and refuses one that others may write.</summary>
    /// <param name="folder">Its absolute path.</param>
    /// <returns>Its path without links.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.AccessDenied"/>: it cannot be made;
    /// <see cref="MigrationErrorId.FileNotTrusted"/>: others may write it, or what is above it.</exception>
    internal static string Make(string folder)
    {
        if (TrustedFile.FindFolder(folder) is { } there)
        {
            return there;
        }

        try
        {
            MakeWithParents(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Denied($"The folder {folder} cannot be made", folder, error);
        }

        return TrustedFile.FindFolder(folder) ?? throw Denied($"The folder {folder} cannot be made", folder, new IOException("It has gone again."));
    }

    /// <summary>The error of what cannot be kept there.</summary>
    /// <param name="what">What failed, as the beginning of a sentence.</param>
    /// <param name="path">Of what.</param>
    /// <param name="error">Why.</param>
    internal static MigrationException Denied(string what, string path, Exception error) => new(
        MigrationErrorId.AccessDenied,
        $"{what}: {error.Message.TrimEnd('.')}.",
        $"Make room there, or let {VariableName} name a folder that this user may write and nobody else.",
        path,
        error);

    /// <summary>Makes a folder and those above that are not there: each for its owner alone, whatever the umask is.</summary>
    private static void MakeWithParents(string folder)
    {
        if (Directory.Exists(folder))
        {
            return;
        }

        if (Path.GetDirectoryName(folder) is { } above)
        {
            MakeWithParents(above);
        }

        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, OwnerOnly);
        }
    }

    private static string Absolute(string path, string variable) => Path.IsPathFullyQualified(path)
        ? path
        : throw new MigrationException(
            MigrationErrorId.InvalidOption,
            $"{variable} is '{path}', which is no absolute path.",
            $"Let {VariableName} name a folder, from the root on, that this user may write and nobody else.",
            path);
}
