using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;
using PreRecordMigration.Errors;
using PreRecordMigration.History;
using PreRecordMigration.Tests.Files;

namespace PreRecordMigration.Tests.History;

/// <summary>Lines get into the file whole, whoever writes beside, and a line that is none hides no other.</summary>
[SupportedOSPlatform("linux")]
public sealed class HistoryFileTests : IDisposable
{
    private static readonly HistoryLimits s_wide = new(1 << 20, 10);
    private readonly string _root = Directory.CreateTempSubdirectory("history-").FullName;

    private string Folder => Path.Combine(_root, "state", "prerecord");

    private string Current => Path.Combine(Folder, HistoryFile.Name);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void The_folder_and_the_file_are_their_owners_alone()
    {
        Append("one");
        Assert.Equal(["one"], Lines());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Current));
    }

    [Fact]
    public void Nothing_is_read_and_nothing_is_made_where_nothing_is()
    {
        Assert.Empty(Lines());
        Assert.Empty(Directory.GetFileSystemEntries(_root));
    }

    [Theory]
    [InlineData("{\"Schema\":1,\"Ti")]
    [InlineData("\0\0\0\0\0\0\0\0")]
    public void A_torn_line_hides_neither_those_before_nor_those_after(string torn)
    {
        Append("one");
        File.AppendAllText(Current, torn);
        Append("two");
        Append("three");
        Assert.Equal(["one", torn, "two", "three"], Lines());
    }

    [Fact]
    public void A_file_that_is_too_long_becomes_the_first_of_the_older_ones_and_the_oldest_goes()
    {
        // Three lines of ten bytes to a file, and two older files beside it.
        HistoryLimits limits = new(30, 2);
        for (int number = 10; number < 22; number++)
        {
            Append($"number {number}", limits);
        }

        Assert.Equal([.. Enumerable.Range(13, 9).Select(number => $"number {number}")], Lines());
        Assert.Equal(
            [HistoryFile.Name, $"{HistoryFile.Name}.1", $"{HistoryFile.Name}.2", "history.lock"],
            Directory.GetFiles(Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        // Whoever wants fewer has fewer from the next one on, and none where none is wanted.
        Append("number 22", limits with { Files = 0 });
        Assert.Equal(["number 22"], Lines());
    }

    [Fact]
    public void A_line_that_is_longer_than_a_file_may_be_is_kept()
    {
        Append("longer than five", new HistoryLimits(5, 1));
        Append("as long as that", new HistoryLimits(5, 1));
        Assert.Equal(["longer than five", "as long as that"], Lines());
    }

    [Fact]
    public void Files_that_only_look_like_the_historys_are_left()
    {
        Append("one");
        foreach (string other in new[] { ".01", ".x", ".-1", ".1.gz", "2" })
        {
            File.WriteAllText(Current + other, "other\n");
        }

        Append("two", new HistoryLimits(1, 0));
        Assert.Equal(["two"], Lines());
        Assert.Equal(7, Directory.GetFiles(Folder).Length);
    }

    [Fact]
    public async Task Writers_at_the_same_time_lose_nothing_and_tear_nothing()
    {
        // Each has its own handles, as processes have; files are renamed all the time.
        const int Writers = 8;
        const int Each = 50;
        HistoryLimits limits = new(400, 1000);
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Factory.StartNew(
            () =>
            {
                for (int number = 0; number < Each; number++)
                {
                    new HistoryFile(Folder) { Patience = TimeSpan.FromMinutes(1) }.Append(Encoding.UTF8.GetBytes($"{writer:00} {number:00}\n"), limits);
                }
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));
        string[] lines = Lines();
        Assert.Equal(Writers * Each, lines.Distinct().Count());
        Assert.Equal(Writers * Each, lines.Length);
        foreach (IGrouping<string, string> ofWriter in lines.GroupBy(line => line[..2]))
        {
            Assert.Equal(ofWriter.Order(StringComparer.Ordinal), ofWriter);
        }
    }

    [Fact]
    public void Who_stands_still_with_the_lock_keeps_nobody_from_writing_or_reading()
    {
        Append("one");
        using SafeFileHandle held = AppendedFile.Open(Path.Combine(Folder, "history.lock"));
        Assert.True(AppendedFile.TryLock(held));
        HistoryFile file = new(Folder) { Patience = TimeSpan.Zero };
        file.Append("two\n"u8.ToArray(), new HistoryLimits(1, 0));
        Assert.Equal(["one", "two"], Lines(file));
    }

    [Fact]
    public void A_line_that_is_too_long_is_none_and_hides_no_other()
    {
        Append("one");
        File.AppendAllText(Current, new string('x', (3 * HistoryLine.Longest) + 7) + "\n");
        Append("two");
        Assert.Equal(["one", "(none)", "two"], Lines());
    }

    [Fact]
    public void Nothing_is_written_or_read_where_others_may_write()
    {
        Append("one");
        File.SetUnixFileMode(Folder, File.GetUnixFileMode(Folder) | UnixFileMode.GroupWrite);
        AssertRefused(MigrationErrorId.FileNotTrusted, () => Append("two"));
        AssertRefused(MigrationErrorId.FileNotTrusted, () => Lines());
        File.SetUnixFileMode(Folder, File.GetUnixFileMode(Folder) & ~UnixFileMode.GroupWrite);
        File.SetUnixFileMode(Current, File.GetUnixFileMode(Current) | UnixFileMode.OtherWrite);
        AssertRefused(MigrationErrorId.FileNotTrusted, () => Append("two"));
        AssertRefused(MigrationErrorId.FileNotTrusted, () => Lines());
        File.SetUnixFileMode(Current, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(["one"], Lines());
    }

    [Theory]
    [InlineData(HistoryFile.Name)]
    [InlineData("history.lock")]
    public void Nothing_is_written_where_a_link_leads_or_into_a_pipe(string name)
    {
        Append("one");
        File.Delete(Path.Combine(Folder, name));
        string elsewhere = Path.Combine(_root, "elsewhere");
        File.CreateSymbolicLink(Path.Combine(Folder, name), elsewhere);
        AssertRefused(MigrationErrorId.AccessDenied, () => Append("one"));
        Assert.False(File.Exists(elsewhere));
        File.Delete(Path.Combine(Folder, name));
        Assert.Equal(0, OtherUsers.Run("mkfifo", Path.Combine(Folder, name)));
        AssertRefused(MigrationErrorId.AccessDenied, () => Append("one"));
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_an_error_with_its_path()
    {
        File.WriteAllText(Path.Combine(_root, "state"), "");
        MigrationException error = AssertRefused(MigrationErrorId.AccessDenied, () => Append("one"));
        Assert.Contains(Folder, error.Message, StringComparison.Ordinal);
        Assert.Contains("PRERECORD_STATE_DIRECTORY", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_disk_is_an_error()
    {
        using SafeFileHandle full = AppendedFile.Open("/dev/full");
        Assert.Contains("space", Assert.Throws<IOException>(() => AppendedFile.Write(full, [1])).Message, StringComparison.OrdinalIgnoreCase);
    }

    private static MigrationException AssertRefused(MigrationErrorId id, Action action)
    {
        MigrationException error = Assert.Throws<MigrationException>(action);
        Assert.Equal(id, error.ErrorId);
        return error;
    }

    private void Append(string line, HistoryLimits? limits = null) => new HistoryFile(Folder).Append(Encoding.UTF8.GetBytes(line + "\n"), limits ?? s_wide);

    private string[] Lines(HistoryFile? file = null)
    {
        List<string> lines = [];
        (file ?? new HistoryFile(Folder)).Read(line => lines.Add(line is { } bytes ? Encoding.UTF8.GetString(bytes.Span) : "(none)"));
        return [.. lines];
    }
}
