using System.Runtime.Versioning;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;

namespace PreRecordMigration.Tests.Files;

/// <summary>What decides what root does is read only where nobody else can have written it.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class TrustedFileTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Folder = Private | UnixFileMode.UserExecute;
    private const int Largest = 64;

    // The files lie below a folder that only its owner can write, which lies in the place for temporary files; that one is everybody's,
    // with the sticky bit.
    private readonly string _root = Directory.CreateTempSubdirectory("trusted-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_file_that_only_its_owner_writes_is_read()
    {
        string file = Make("a/b/policy.json", "{}");
        Assert.Equal("{}", Read(file));
        File.SetUnixFileMode(file, Private | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        Assert.Equal("{}", Read(file));
    }

    [Theory]
    [InlineData("missing.json")]
    [InlineData("missing/policy.json")]
    [InlineData("plain/policy.json")]
    public void Nothing_is_read_where_nothing_is(string name)
    {
        Make("plain", "text");
        Assert.Null(TrustedFile.TryRead(At(name), Largest));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite, "its group may write")]
    [InlineData(UnixFileMode.OtherWrite, "everybody may write")]
    [InlineData(UnixFileMode.GroupWrite | UnixFileMode.OtherWrite, "everybody may write")]
    public void A_file_that_others_may_write_is_refused(UnixFileMode others, string reason)
    {
        string file = Make("policy.json", "{}");
        File.SetUnixFileMode(file, Private | others);
        MigrationException error = Refused(file);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
        Assert.Contains($"chmod go-w '{file}'", error.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a", UnixFileMode.GroupWrite, "its group")]
    [InlineData("a", UnixFileMode.OtherWrite, "everybody")]
    [InlineData("a/b", UnixFileMode.GroupWrite, "its group")]
    [InlineData("a/b", UnixFileMode.OtherWrite, "everybody")]
    public void A_file_below_a_folder_that_others_may_write_is_refused(string folder, UnixFileMode others, string who)
    {
        string file = Make("a/b/policy.json", "{}");
        File.SetUnixFileMode(At(folder), Folder | others);
        MigrationException error = Refused(file);
        Assert.Contains($"{who} may write the folder '{At(folder)}'", error.Message, StringComparison.Ordinal);
        Assert.Equal(At(folder), error.Target);

        // With the sticky bit nobody can exchange what somebody else has there.
        File.SetUnixFileMode(At(folder), Folder | others | UnixFileMode.StickyBit);
        Assert.Equal("{}", Read(file));
    }

    [Fact]
    public void All_that_is_wrong_is_said_at_once_with_the_commands_that_mend_it()
    {
        string file = Make("it's/policy.json", "{}");
        string quoted = At("it's").Replace("'", "'\\''", StringComparison.Ordinal);
        File.SetUnixFileMode(At("it's"), Folder | UnixFileMode.OtherWrite);
        File.SetUnixFileMode(file, Private | UnixFileMode.GroupWrite);
        MigrationException error = Refused(file);
        Assert.Contains($"everybody may write the folder '{At("it's")}'; its group may write '{file}'.", error.Message, StringComparison.Ordinal);
        Assert.EndsWith($"chmod go-w '{quoted}' && chmod go-w '{quoted}/policy.json'", error.Remedy, StringComparison.Ordinal);
        Assert.Equal(0, OtherUsers.Run("sh", "-c", error.Remedy[error.Remedy.IndexOf("chmod", StringComparison.Ordinal)..]));
        Assert.Equal("{}", Read(file));
    }

    [Fact]
    public void Where_nothing_is_to_be_read_nothing_is_refused()
    {
        Make("open/x", "");
        File.SetUnixFileMode(At("open"), Folder | UnixFileMode.OtherWrite);
        Assert.Null(TrustedFile.TryRead(At("open/policy.json"), Largest));
    }

    [Fact]
    public void A_folder_that_is_stepped_out_of_again_counts_too()
    {
        Make("open/x", "");
        Make("policy.json", "{}");
        File.SetUnixFileMode(At("open"), Folder | UnixFileMode.OtherWrite);
        Assert.Contains("open", Refused(At("open/../policy.json")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_is_followed_and_its_own_folder_and_its_target_s_count()
    {
        string file = Make("real/policy.json", "{}");
        Make("links/x", "");
        File.CreateSymbolicLink(At("links/policy.json"), "../real/policy.json");
        Assert.Equal("{}", Read(At("links/policy.json")));
        Assert.Equal(file, TrustedFile.Find(At("links/policy.json")));

        File.SetUnixFileMode(At("links"), Folder | UnixFileMode.OtherWrite);
        Assert.Contains("links", Refused(At("links/policy.json")).Message, StringComparison.Ordinal);
        File.SetUnixFileMode(At("links"), Folder);
        File.SetUnixFileMode(At("real"), Folder | UnixFileMode.OtherWrite);
        Assert.Contains("real", Refused(At("links/policy.json")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_may_be_a_link()
    {
        Make("real/policy.json", "{}");
        File.CreateSymbolicLink(At("link"), At("real"));
        Assert.Equal("{}", Read(At("link/policy.json")));
    }

    [Fact]
    public void Links_in_a_circle_are_an_error()
    {
        File.CreateSymbolicLink(At("one"), "two");
        File.CreateSymbolicLink(At("two"), "one");
        MigrationException error = Assert.Throws<MigrationException>(() => TrustedFile.TryRead(At("one"), Largest));
        Assert.Equal(MigrationErrorId.AccessDenied, error.ErrorId);
    }

    [Theory]
    [InlineData("policy.json")]
    [InlineData("./policy.json")]
    [InlineData("../policy.json")]
    [InlineData("~/policy.json")]
    public void A_path_that_depends_on_the_current_folder_is_refused(string path) =>
        Assert.Contains("no absolute path", Refused(path).Message, StringComparison.Ordinal);

    [Fact]
    public void What_is_no_regular_file_is_refused()
    {
        Directory.CreateDirectory(At("folder"), Folder);
        Assert.Contains("folder and no regular file", Refused(At("folder")).Message, StringComparison.Ordinal);
        Assert.Contains("device and no regular file", Refused("/dev/null").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_may_not_be_read_by_others_either()
    {
        string file = Make("secret", "s");
        Assert.NotNull(TrustedFile.TryRead(file, Largest, isSecret: true));
        foreach (UnixFileMode others in new[] { UnixFileMode.GroupRead, UnixFileMode.OtherRead })
        {
            File.SetUnixFileMode(file, Private | others);
            MigrationException error = Assert.Throws<MigrationException>(() => TrustedFile.TryRead(file, Largest, isSecret: true));
            Assert.Equal(MigrationErrorId.FileNotTrusted, error.ErrorId);
            Assert.Contains("may read", error.Message, StringComparison.Ordinal);

            // To close it now makes no secret of it again.
            Assert.Contains($"rm '{file}'", error.Remedy, StringComparison.Ordinal);
            Assert.Contains("have a new key made", error.Remedy, StringComparison.Ordinal);
            Assert.DoesNotContain("chmod", error.Remedy, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_that_is_too_long_is_refused_and_not_kept()
    {
        string file = Make("long", new string('x', Largest));
        Assert.Equal(Largest, TrustedFile.TryRead(file, Largest)!.Length);
        Assert.Equal(
            MigrationErrorId.InvalidFile,
            Assert.Throws<MigrationException>(() => TrustedFile.TryRead(file, Largest - 1)).ErrorId);
    }

    [Fact]
    public void Root_s_files_and_the_user_s_own_are_trusted_and_nobody_else_s()
    {
        const uint user = 1000;
        Dictionary<string, FileStatus> tree = new(StringComparer.Ordinal)
        {
            ["/"] = new(FileKind.Folder),
            ["/home"] = new(FileKind.Folder),
            ["/home/me"] = new(FileKind.Folder, user),
            ["/home/me/mine"] = new(FileKind.Regular, user),
            ["/home/me/root's"] = new(FileKind.Regular),
            ["/home/me/theirs"] = new(FileKind.Regular, 1001),
            ["/home/them"] = new(FileKind.Folder, 1001),
            ["/home/them/mine"] = new(FileKind.Regular, user),
            ["/tmp"] = new(FileKind.Folder, 0, 0, UnixFileMode.OtherWrite | UnixFileMode.StickyBit),
            ["/tmp/theirs"] = new(FileKind.Link, 1001),
        };
        Assert.Equal("/home/me/mine", Find("/home/me/mine", user));
        Assert.Equal("/home/me/root's", Find("/home/me/root's", user));
        Assert.Contains("'/home/me/theirs' belongs to user 1001", RefusedFor("/home/me/theirs", user), StringComparison.Ordinal);
        Assert.Contains("'/home/them' belongs to user 1001", RefusedFor("/home/them/mine", user), StringComparison.Ordinal);
        Assert.Contains("'/tmp/theirs' belongs to user 1001", RefusedFor("/tmp/theirs", user), StringComparison.Ordinal);

        // Root trusts no user, who could become root through what root reads. Where no file is, it does not matter whose home the folder
        // is.
        Assert.Contains("'/home/me' belongs to user 1000", RefusedFor("/home/me/mine", 0), StringComparison.Ordinal);
        Assert.Null(Find("/home/me/none", 0));

        string? Find(string path, uint reader) => TrustedFile.Find(path, isSecret: false, Look, reader);
        string RefusedFor(string path, uint reader) => Assert.Throws<MigrationException>(() => Find(path, reader)).Message;
        bool Look(string path, out FileStatus status)
        {
            status = tree.GetValueOrDefault(path);
            return true;
        }
    }

    [Fact]
    public void What_may_not_be_looked_at_is_not_taken_for_nothing()
    {
        MigrationException error = Assert.Throws<MigrationException>(
            () => TrustedFile.Find("/secret/policy.json", isSecret: false, Look, 1000));
        Assert.Equal(MigrationErrorId.AccessDenied, error.ErrorId);
        Assert.Contains("'/secret/policy.json' may not be looked at", error.Message, StringComparison.Ordinal);

        static bool Look(string path, out FileStatus status)
        {
            status = new FileStatus(FileKind.Folder);
            return path != "/secret/policy.json";
        }
    }

    private string At(string name) => Path.Combine(_root, name);

    private string Make(string name, string text)
    {
        string file = At(name);
        string folder = Path.GetDirectoryName(file)!;
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder, Folder);
        }

        File.WriteAllText(file, text);
        File.SetUnixFileMode(file, Private);
        return file;
    }

    private static string Read(string file) => Encoding.UTF8.GetString(TrustedFile.TryRead(file, Largest)!);

    private static MigrationException Refused(string path)
    {
        MigrationException error = Assert.Throws<MigrationException>(() => TrustedFile.TryRead(path, Largest));
        Assert.Equal(MigrationErrorId.FileNotTrusted, error.ErrorId);
        return error;
    }
}
