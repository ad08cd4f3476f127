using System.Management.Automation;
using PreRecordMigration.Texts;

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
            throw Missing(cmdlet, path);
        }

        RequireFileSystem(provider, path);
        string[] existing = [.. files.Where(File.Exists)];
        return existing.Length > 0 ? existing : throw (files.Any(Directory.Exists) ? IsFolder(path) : Missing(cmdlet, path));
    }

    /// <summary>The file that a path stands for, whether it is there or not.</summary>
    /// <param name="cmdlet">Knows the current folder.</param>
    /// <param name="path">The path.</param>
    /// <param name="mayMakeFolder">Whether <see cref="MakeFolder"/> will be called: then only the folder around it must be there.</param>
    /// <exception cref="CommandException">It is not in a file system, it is a folder, or its folder does not exist.</exception>
    public static string Target(PSCmdlet cmdlet, string path, bool mayMakeFolder = false)
    {
        string file;
        ProviderInfo provider;
        try
        {
            file = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out provider, out _);
        }
        catch (SessionStateException)
        {
            throw NotFound(cmdlet, path);
        }

        RequireFileSystem(provider, path);
        return Directory.Exists(file) ? throw IsFolder(path)
            : IsFolderThere(Path.GetDirectoryName(file), mayMakeFolder) ? file
            : throw NotFound(cmdlet, path);
    }

    /// <summary>Makes the folder of a file where it is not there: only its owner may look into it.</summary>
    public static void MakeFolder(string file)
    {
        string folder = Path.GetDirectoryName(file)!;
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
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

    private static bool IsFolderThere(string? folder, bool mayMake) =>
        Directory.Exists(folder) || (mayMake && folder is not null && !File.Exists(folder) && Directory.Exists(Path.GetDirectoryName(folder)));

    private static CommandException IsFolder(string path) => new(
        nameof(SR.FileIsFolder), ErrorCategory.InvalidArgument, Text.Format(SR.FileIsFolder, path), SR.FileIsFolderRemedy, path);

    /// <summary>The error of a file that was to be read.</summary>
    private static CommandException Missing(PSCmdlet cmdlet, string path) =>
        NotFound(cmdlet, path, SR.FileToReadNotFound, SR.FileToReadNotFoundRemedy);

    /// <summary>The error of a file that was to be written.</summary>
    private static CommandException NotFound(PSCmdlet cmdlet, string path) =>
        NotFound(cmdlet, path, SR.FileNotFound, SR.FileNotFoundRemedy);

    /// <summary>The error of a file that is not there. It advises -LiteralPath only where the cmdlet has that parameter.</summary>
    private static CommandException NotFound(PSCmdlet cmdlet, string path, string message, string remedy) => new(
        nameof(SR.FileNotFound),
        ErrorCategory.ObjectNotFound,
        Text.Format(message, path),
        cmdlet.MyInvocation.MyCommand.Parameters.ContainsKey("LiteralPath") ? $"{remedy} {SR.LiteralRemedy}" : remedy,
        path);
}
