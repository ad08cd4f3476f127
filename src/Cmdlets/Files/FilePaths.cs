using System.Management.Automation;

namespace PreRecordMigration.Cmdlets;

/// <summary>The paths that users give, as the paths of files.</summary>
internal static class FilePaths
{
    /// <summary>Finds the files that a path with wildcards, or a literal one, stands for.</summary>
    /// <exception cref="CommandException">There is none, or it is not in a file system.</exception>
    public static IEnumerable<string> Existing(PSCmdlet cmdlet, string path, bool isLiteral)
    {
        IEnumerable<string> files;
        ProviderInfo provider;
        try
        {
            files = isLiteral
                ? [cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out provider, out _)]
                : cmdlet.SessionState.Path.GetResolvedProviderPathFromPSPath(path, out provider);
        }
        catch (SessionStateException)
        {
            throw NotFound(path);
        }

        RequireFileSystem(provider, path);
        string[] existing = [.. files.Where(File.Exists)];
        return existing.Length > 0 ? existing : throw NotFound(path);
    }

    /// <summary>The file that a path stands for, whether it is there or not.</summary>
    /// <exception cref="CommandException">It is not in a file system, or its folder does not exist.</exception>
    public static string Target(PSCmdlet cmdlet, string path)
    {
        string file;
        ProviderInfo provider;
        try
        {
            file = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out provider, out _);
        }
        catch (SessionStateException)
        {
            throw NotFound(path);
        }

        RequireFileSystem(provider, path);
        return Directory.Exists(Path.GetDirectoryName(file)) && !Directory.Exists(file) ? file : throw NotFound(path);
    }

    /// <summary>Does something with a file; what the file system refuses is an error with an id.</summary>
    public static T Use<T>(string file, Func<T> use)
    {
        try
        {
            return use();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                nameof(SR.FileFailed),
                e is UnauthorizedAccessException ? ErrorCategory.PermissionDenied : ErrorCategory.ReadError,
                Text.Format(SR.FileFailed, file, e.Message),
                SR.FileFailedRemedy,
                file);
        }
    }

    private static void RequireFileSystem(ProviderInfo provider, string path)
    {
        if (provider.Name != "FileSystem")
        {
            throw new CommandException(
                nameof(SR.NotInFileSystem),
                ErrorCategory.InvalidArgument,
                Text.Format(SR.NotInFileSystem, path, provider.Name),
                SR.NotInFileSystemRemedy,
                path);
        }
    }

    private static CommandException NotFound(string path) => new(
        nameof(SR.FileNotFound), ErrorCategory.ObjectNotFound, Text.Format(SR.FileNotFound, path), SR.FileNotFoundRemedy, path);
}
