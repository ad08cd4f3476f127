using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Running;

/// <summary>
/// The drive TestDrive: of one test file: a temporary directory, <c>$TestDrive</c> its path. What a block's tests
/// leave in it is removed when the block ends; what was there before the block stays.
/// </summary>
internal sealed class TestDrive : IDisposable
{
    private const string DriveName = "TestDrive";
    private readonly SessionState _session;
    private readonly DirectoryInfo _directory;

    /// <summary>Creates the directory and the drive.</summary>
    public TestDrive(SessionState session)
    {
        _session = session;
        _directory = Directory.CreateTempSubdirectory("prerecord-test-");
        _ = session.Drive.New(
            new PSDriveInfo(DriveName, session.Provider.GetOne("FileSystem"), _directory.FullName, "", null), "global");
        session.PSVariable.Set("global:" + DriveName, _directory.FullName);
    }

    /// <summary>Remembers what is there, to be given to <see cref="Restore"/>.</summary>
    public IReadOnlySet<string> Snapshot() => Entries().ToHashSet(StringComparer.Ordinal);

    /// <summary>Removes what has been added since.</summary>
    public void Restore(IReadOnlySet<string> snapshot)
    {
        // Deepest first, so that directories are empty by then; links are removed, not followed.
        foreach (var path in Entries().Where(path => !snapshot.Contains(path)).OrderByDescending(path => path.Length))
        {
            if (Directory.Exists(path) && new DirectoryInfo(path).LinkTarget is null)
            {
                Directory.Delete(path);
            }
            else
            {
                File.Delete(path);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _session.PSVariable.Remove("global:" + DriveName);
        _session.Drive.Remove(DriveName, force: true, "global");
        _directory.Delete(recursive: true);
    }

    private IEnumerable<string> Entries() => Directory.EnumerateFileSystemEntries(
        _directory.FullName,
        "*",
        new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None });
}
