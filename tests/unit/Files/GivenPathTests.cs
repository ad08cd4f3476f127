using System.Runtime.Versioning;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;

namespace PreRecordMigration.Tests.Files;

/// <summary>What somebody else has laid into a folder for everybody is not followed, and not replaced, whatever the kernel allows.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class GivenPathTests : IDisposable
{
    private const UnixFileMode Everybody = (UnixFileMode)0b111_111_111;

    private readonly string _root = Directory.CreateTempSubdirectory("given-").FullName;
    private readonly string _open;

    public GivenPathTests()
    {
        _open = Directory.CreateDirectory(Path.Combine(_root, "open")).FullName;
        File.SetUnixFileMode(_open, Everybody | UnixFileMode.StickyBit);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Another_user_s_link_in_a_folder_for_everybody_is_not_followed()
    {
        string target = Path.Combine(_root, "target");
        string link = Path.Combine(_open, "link");
        File.CreateSymbolicLink(link, target);
        Assert.Equal(target, GivenPath.Follow(link));

        OtherUsers.Give(link);
        foreach (string path in new[] { link, Path.Combine(link, "below"), Path.Combine(_open, ".", "..", "open", "link") })
        {
            foreach (bool isToBeWritten in new[] { false, true })
            {
                MigrationException error = Assert.Throws<MigrationException>(() => GivenPath.Follow(path, isToBeWritten));
                Assert.Equal(MigrationErrorId.FileNotTrusted, error.ErrorId);
                Assert.Contains($"'{link}' is a link of user {OtherUsers.Number}", error.Message, StringComparison.Ordinal);
                Assert.Equal(link, error.Target);
                Assert.NotEmpty(error.Remedy);
            }
        }

        // This is stricter than the kernel, which looks at folders with the sticky bit only: without it everybody can lay a link there as
        // well.
        File.SetUnixFileMode(_open, Everybody);
        Assert.Throws<MigrationException>(() => GivenPath.Follow(link));

        // As by the kernel, a link of the folder's owner is followed, and so is one in a folder that is not for everybody.
        OtherUsers.Give(_open);
        Assert.Equal(target, GivenPath.Follow(link));
        Assert.Equal(0, OtherUsers.Run("chown", "0", _open));
        File.SetUnixFileMode(_open, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.StickyBit);
        Assert.Equal(target, GivenPath.Follow(link));
    }

    [Fact]
    public void Another_user_s_file_there_is_read_and_not_replaced()
    {
        string file = Path.Combine(_open, "file");
        File.WriteAllText(file, "theirs");
        Assert.Equal(file, GivenPath.Follow(file, isToBeWritten: true));
        OtherUsers.Give(file);
        Assert.Equal(file, GivenPath.Follow(file));
        MigrationException error = Assert.Throws<MigrationException>(() => GivenPath.Follow(file, isToBeWritten: true));
        Assert.Equal(MigrationErrorId.FileNotTrusted, error.ErrorId);
        Assert.Contains($"a file of user {OtherUsers.Number}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_written_below_another_user_s_folder_there()
    {
        string folder = Path.Combine(_open, "recordings");
        string file = Path.Combine(folder, "new");
        Directory.CreateDirectory(folder);
        Assert.Equal(file, GivenPath.Follow(file, isToBeWritten: true));
        OtherUsers.Give(folder);
        Assert.Equal(file, GivenPath.Follow(file));
        MigrationException error = Assert.Throws<MigrationException>(() => GivenPath.Follow(file, isToBeWritten: true));
        Assert.Contains($"'{folder}' is a folder of user {OtherUsers.Number}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_a_link_leads_to_nothing_its_place_is_told()
    {
        File.CreateSymbolicLink(Path.Combine(_root, "link"), "deep/../file");
        Assert.Equal(Path.Combine(_root, "file"), GivenPath.Follow(Path.Combine(_root, "link")));
        Assert.Equal(Path.Combine(_root, "none", "file"), GivenPath.Follow(Path.Combine(_root, "none", "file")));
    }

    [Fact]
    public void Links_in_a_circle_lead_nowhere()
    {
        File.CreateSymbolicLink(Path.Combine(_root, "one"), "two");
        File.CreateSymbolicLink(Path.Combine(_root, "two"), "one");
        Assert.Contains("in a circle", Assert.Throws<IOException>(() => GivenPath.Follow(Path.Combine(_root, "one"))).Message, StringComparison.Ordinal);
    }
}
