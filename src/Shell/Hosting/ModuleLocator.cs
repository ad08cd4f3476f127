namespace PreRecordMigration.Shell.Hosting;

/// <summary>Finds the manifest of the module PreRecordMigration and makes it visible to <c>Import-Module</c>.</summary>
internal static class ModuleLocator
{
    /// <summary>The module's name, which is also its directory's.</summary>
    public const string ModuleName = "PreRecordMigration";

    private const string PathVariable = "PSModulePath";

    /// <summary>Looks in the given directories, then around the executable, then in PSModulePath.</summary>
    /// <param name="given">Directories that are the module's own or that hold it.</param>
    /// <param name="executableDirectory">The directory of the running executable.</param>
    /// <returns>The manifest's full path, or null, and every directory looked at, in order.</returns>
    public static (string? Manifest, IReadOnlyList<string> Searched) Find(
        IReadOnlyList<string> given, string executableDirectory)
    {
        var searched = new List<string>();
        foreach (var directory in Candidates(given, executableDirectory))
        {
            searched.Add(directory);
            var manifest = Path.Combine(directory, ModuleName + ".psd1");
            if (File.Exists(manifest))
            {
                return (manifest, searched);
            }
        }

        return (null, searched);
    }

    /// <summary>Puts directories at the front of this process's PSModulePath, so that modules in them load by name.</summary>
    public static void PrependToModulePath(IEnumerable<string> directories)
    {
        var known = Split(Environment.GetEnvironmentVariable(PathVariable));
        var added = directories.Select(Path.GetFullPath).Distinct().ToList();
        Environment.SetEnvironmentVariable(
            PathVariable, string.Join(Path.PathSeparator, added.Concat(known.Except(added))));
    }

    private static IEnumerable<string> Candidates(IReadOnlyList<string> given, string executableDirectory)
    {
        foreach (var directory in given.Select(Path.GetFullPath))
        {
            yield return directory;
            yield return Path.Combine(directory, ModuleName);
        }

        yield return Path.Combine(executableDirectory, "module", ModuleName);
        yield return Path.GetFullPath(Path.Combine(executableDirectory, "..", "module", ModuleName));
        foreach (var directory in Split(Environment.GetEnvironmentVariable(PathVariable)))
        {
            yield return Path.Combine(directory, ModuleName);
        }
    }

    private static string[] Split(string? path) =>
        (path ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
