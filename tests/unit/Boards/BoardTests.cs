using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using PreRecordMigration.Boards;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Tests.Boards;

/// <summary>What a process says on its board, to whom, and what whoever connects cannot do to it.</summary>
[SupportedOSPlatform("linux")]
public sealed class BoardTests : IDisposable
{
    private const string SetPriv = "/usr/bin/setpriv";
    private const string Python = "/usr/bin/python3";
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("boards-").FullName;
    private readonly string _path;

    public BoardTests() => _path = Path.Combine(_folder, BoardFolder.NameOf(OwnerProcess.Current));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Whoever_stays_is_told_again_and_hears_the_last_word_and_then_the_board_is_gone()
    {
        int said = 0;
        Board board = Open(() => $"word {Interlocked.Increment(ref said)}\n");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_path));
        using BoardConnection connection = Connect();
        Assert.Equal("word 1", Hear(connection));
        Assert.Equal("word 2", Hear(connection));
        Volatile.Write(ref said, 100);
        board.Dispose();
        string? last = null;
        for (string? word; (word = Hear(connection)) is not null; last = word)
        {
            Assert.StartsWith("word ", word, StringComparison.Ordinal);
        }

        Assert.StartsWith("word 10", last, StringComparison.Ordinal);
        Assert.False(File.Exists(_path));
    }

    [Fact]
    public void One_more_than_there_are_places_pushes_out_the_first_and_nobody_is_kept_out()
    {
        using Board board = Open(() => "here\n");
        using BoardConnection first = Connect();
        Assert.Equal("here", Hear(first));
        BoardConnection[] crowd = [.. Enumerable.Range(0, Board.Places).Select(_ => Connect())];
        Assert.All(crowd, one => Assert.Equal("here", Hear(one)));
        Assert.True(Ends(first));
        Array.ForEach(crowd, one => one.Dispose());
        using BoardConnection next = Connect();
        Assert.Equal("here", Hear(next));
    }

    [Fact]
    public void Who_does_not_listen_keeps_nobody_from_hearing()
    {
        // More than a socket takes at once.
        byte[] word = [.. Enumerable.Repeat((byte)'x', 3 << 20), (byte)'\n'];
        using Board board = Board.Open(_folder, OwnerProcess.Current, () => word);
        Socket[] deaf = [.. Enumerable.Range(0, Board.Places).Select(_ => ConnectRaw())];
        using BoardConnection connection = Connect();
        Assert.Equal(word.Length - 1, connection.Next()!.Value.Length);
        Array.ForEach(deaf, socket => socket.Dispose());
    }

    [Fact]
    public void Who_says_something_is_let_go()
    {
        using Board board = Open(() => "here\n");
        using Socket speaker = ConnectRaw();
        speaker.Send("GET / HTTP/1.1\r\n\r\n"u8);
        byte[] heard = new byte[1024];
        SocketError error = SocketError.Success;
        int length;
        do
        {
            length = speaker.Receive(heard, 0, heard.Length, SocketFlags.None, out error);
        }
        while (length > 0 && error == SocketError.Success);
        Assert.Contains(error, (SocketError[])[SocketError.Success, SocketError.ConnectionReset]);
    }

    [Fact]
    public void A_word_that_cannot_be_made_is_a_connection_that_ends_and_the_next_one_is_told()
    {
        int tries = 0;
        using Board board = Open(() => Interlocked.Increment(ref tries) == 1 ? throw new InvalidOperationException("A defect.") : "here\n");
        using BoardConnection first = Connect();
        Assert.True(Ends(first));
        using BoardConnection second = Connect();
        Assert.Equal("here", Hear(second));
    }

    [Fact]
    public void Another_user_who_gets_to_the_socket_is_told_nothing()
    {
        Assert.SkipUnless(
            Environment.IsPrivilegedProcess && File.Exists(SetPriv) && File.Exists(Python), "Only root can have another user's process, by setpriv.");
        int said = 0;
        using Board board = Open(() => $"word {Interlocked.Increment(ref said)}\n");

        // As if the folder and the socket were open, whoever opened them.
        File.SetUnixFileMode(_folder, (UnixFileMode)0x1ED);
        File.SetUnixFileMode(_path, (UnixFileMode)0x1B6);
        using Process stranger = Process.Start(new ProcessStartInfo(SetPriv)
        {
            ArgumentList =
            {
                "--reuid=65534", "--regid=65534", "--clear-groups", Python, "-c",
                $"import socket; s = socket.socket(socket.AF_UNIX); s.connect('{_path}'); print(len(s.recv(100)))",
            },
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("0", stranger.StandardOutput.ReadToEnd().Trim());
        stranger.WaitForExit();
        Assert.Equal(0, said);
    }

    [Fact]
    public void Who_listens_in_anothers_place_is_not_believed()
    {
        // This process listens where the first process of the machine should.
        OwnerProcess other = new(1, 1);
        using Board board = Board.Open(_folder, other, () => "lies\n"u8.ToArray());
        IOException error = Assert.Throws<IOException>(
            () => BoardConnection.Open(other, Path.Combine(_folder, BoardFolder.NameOf(other)), s_patience));
        Assert.Contains("which is not its place", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_others_may_write_is_refused_and_a_path_that_is_too_long()
    {
        MigrationException error = Assert.Throws<MigrationException>(() => Open(Path.Combine(_folder, new string('x', 100))));
        Assert.Equal(MigrationErrorId.AccessDenied, error.ErrorId);
        Assert.Contains(RuntimeFolder.VariableName, error.Remedy, StringComparison.Ordinal);
        File.SetUnixFileMode(_folder, (UnixFileMode)0x1FF);
        Assert.Equal(MigrationErrorId.FileNotTrusted, Assert.Throws<MigrationException>(() => Open(_folder)).ErrorId);
        Assert.Equal(
            MigrationErrorId.FileNotTrusted, Assert.Throws<MigrationException>(() => BoardFolder.Others(_folder, default)).ErrorId);

        void Open(string folder) => Board.Open(folder, OwnerProcess.Current, () => []).Dispose();
    }

    [Fact]
    public void What_a_killed_process_left_is_removed_and_nothing_else()
    {
        OwnerProcess dead = new(int.MaxValue, 1);
        string left = Path.Combine(_folder, BoardFolder.NameOf(dead));
        Leave(left);

        // Of a process that lives, though it does not listen at this moment; of one that listens, though it is not seen; and what is no socket.
        Leave(_path);
        OwnerProcess unseen = new(int.MaxValue - 1, 1);
        using Board listening = Board.Open(_folder, unseen, () => "here\n"u8.ToArray());
        string file = Path.Combine(_folder, BoardFolder.NameOf(new OwnerProcess(int.MaxValue - 2, 1)));
        string other = Path.Combine(_folder, "process-a-b.sock");
        File.WriteAllText(file, "");
        File.WriteAllText(other, "");
        Assert.Equal(
            [OwnerProcess.Current, unseen], BoardFolder.Others(_folder, default).Select(board => board.Process).OrderBy(process => process.Id));
        Assert.Equal([unseen], BoardFolder.Others(_folder, OwnerProcess.Current).Select(board => board.Process));
        Assert.False(File.Exists(left));
        Assert.True(File.Exists(_path) && File.Exists(file) && File.Exists(other));
    }

    [Theory]
    [InlineData("process-12-345.sock", true)]
    [InlineData("process-12-345.sock.old", false)]
    [InlineData("process-12.sock", false)]
    [InlineData("process-.sock", false)]
    [InlineData("process-12:345.sock", false)]
    [InlineData("process-+12-345.sock", false)]
    [InlineData("process-012-345.sock", false)]
    [InlineData("process-12-345-6.sock", false)]
    [InlineData("process-99999999999-345.sock", false)]
    [InlineData("loopback.key", false)]
    public void A_name_is_of_a_process_or_of_none(string name, bool isOne)
    {
        Assert.Equal(isOne, BoardFolder.TryParse(name, out OwnerProcess process));
        Assert.Equal(isOne ? new OwnerProcess(12, 345) : default, process);
    }

    [Fact]
    public void A_folder_that_is_not_there_has_none() => Assert.Empty(BoardFolder.Others(Path.Combine(_folder, "none"), default));

    /// <summary>A socket as a process leaves it that is killed: nobody listens.</summary>
    private static void Leave(string path)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path + "_"));

        // Disposing removes the name that was bound.
        File.Move(path + "_", path);
    }

    private static string? Hear(BoardConnection connection) =>
        connection.Next() is { } line ? Encoding.UTF8.GetString(line.Span) : null;

    private static bool Ends(BoardConnection connection)
    {
        try
        {
            while (connection.Next() is not null)
            {
            }

            return true;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private Board Open(Func<string> say) => Board.Open(_folder, OwnerProcess.Current, () => Encoding.UTF8.GetBytes(say()));

    private BoardConnection Connect() => BoardConnection.Open(OwnerProcess.Current, _path, s_patience);

    private Socket ConnectRaw()
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(_path));
        return socket;
    }
}
