using PreRecordMigration.Operations;

namespace PreRecordMigration.Tests.Operations;

/// <summary>A file that is written is there whole or not at all.</summary>
public sealed class WritableFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("prerecord-files-").FullName;

    [Fact]
    public void A_file_is_written_whole_and_replaced_only_where_that_is_allowed()
    {
        string path = Path.Combine(_folder, "kept.txt");
        Write(path, "first");
        OperationException refused = Assert.Throws<OperationException>(() => WritableFile.At(path, mayReplace: false));
        Assert.Equal(("FileExists", OperationProblem.Exists, path), (refused.ErrorId, refused.Problem, refused.Target));
        Write(path, "second");
        Assert.Equal("second", File.ReadAllText(path));
    }

    [Fact]
    public void What_could_not_be_written_leaves_the_file_as_it_was_and_nothing_beside_it()
    {
        string path = Path.Combine(_folder, "kept.txt");
        Write(path, "first");
        Assert.Throws<IOException>(() => WritableFile.At(path, mayReplace: true).Write(null, stream =>
        {
            stream.WriteByte(1);
            throw new IOException("The disk is full.");
        }));
        Assert.Equal("first", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_link_stays_a_link_and_a_folder_is_never_replaced()
    {
        string path = Path.Combine(_folder, "kept.txt");
        string link = Path.Combine(_folder, "link");
        Write(path, "first");
        File.CreateSymbolicLink(link, path);
        Write(link, "second");
        Assert.Equal(path, new FileInfo(link).LinkTarget);
        Assert.Equal("second", File.ReadAllText(path));
        OperationException refused = Assert.Throws<OperationException>(() => WritableFile.At(_folder, mayReplace: true));
        Assert.Equal(("FileNotRegular", OperationProblem.Argument), (refused.ErrorId, refused.Problem));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void Write(string path, string text) =>
        WritableFile.At(path, mayReplace: true).Write(null, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}
