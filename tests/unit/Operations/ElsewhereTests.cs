using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using System.Threading.Channels;
using PreRecordMigration.Boards;
using PreRecordMigration.Operations;
using PreRecordMigration.Processes;
using PreRecordMigration.Simulated;

namespace PreRecordMigration.Tests.Operations;

/// <summary>What other processes have: those that answer, and those that do not and hide no other.</summary>
[SupportedOSPlatform("linux")]
public sealed class ElsewhereTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    /// <summary>For who says nothing at all.</summary>
    private static readonly TimeSpan s_shortly = TimeSpan.FromMilliseconds(100);

    /// <summary>Another process as the kernel sees it: this one, by a name of its own.</summary>
    private static readonly OwnerProcess s_other = new(Environment.ProcessId, 1);

    private readonly WorkspaceFixture _fixture = new(isSeen: true);

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task Nothing_is_seen_of_a_process_that_has_begun_nothing_and_then_all_that_it_has()
    {
        Assert.Empty(Look().Look(TestContext.Current.CancellationToken));
        MigrationJob job = await _fixture.MoveAsync();
        ProcessElsewhere process = Assert.Single(Look().Look(TestContext.Current.CancellationToken));
        Assert.Equal((Environment.ProcessId, null, false, 0), (process.Id, process.Problem, process.HasEnded, process.Omitted));
        Assert.Contains($"process {Environment.ProcessId} (", process.Description, StringComparison.Ordinal);
        MigrationInfo seen = Assert.Single(process.Migrations);
        Assert.Equal((job.InstanceId, Environment.ProcessId, MigrationState.Completed), (seen.InstanceId, seen.ProcessId, seen.State));

        // Whoever looks does not see itself.
        Assert.Empty(new Elsewhere(() => _fixture.Boards, OwnerProcess.Current).Look(TestContext.Current.CancellationToken));
        Assert.Empty(_fixture.Workspace.Elsewhere.Look(TestContext.Current.CancellationToken));
        Assert.Null(_fixture.Workspace.BoardProblem);
    }

    [Fact]
    public async Task The_end_of_a_process_takes_its_board_away_and_nothing_that_begins_after_it_brings_it_back()
    {
        await _fixture.MoveAsync();
        using ManualResetEventSlim isHurried = new();
        _fixture.Workspace.End.End(isHurried.WaitHandle);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_fixture.Boards));
        using WorkspaceFixture fresh = new(isSeen: true);
        fresh.Workspace.CloseBoard();
        await fresh.MoveAsync();
        Assert.False(Directory.Exists(fresh.Boards) && Directory.EnumerateFileSystemEntries(fresh.Boards).Any());
    }

    [Fact]
    public async Task Where_a_process_cannot_be_seen_its_migrations_go_on_and_the_reason_is_known()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_fixture.Boards)!);
        await File.WriteAllTextAsync(_fixture.Boards, "A file, where the folder should be.", TestContext.Current.CancellationToken);
        MigrationJob job = await _fixture.MoveAsync();
        Assert.Equal(MigrationState.Completed, job.State);
        Assert.NotNull(_fixture.Workspace.BoardProblem);
        File.Delete(_fixture.Boards);
    }

    [Theory]
    [InlineData("{\"Schema\":7}\n", "another version of the module")]
    [InlineData("no sense\n", "makes no sense")]
    [InlineData("{\"Schema\":1", "in the middle of a line")]
    [InlineData("", "says nothing")]
    public async Task One_that_says_what_is_not_understood_hides_no_other(string said, string why)
    {
        MigrationJob job = await _fixture.MoveAsync();
        using Speaker other = new(_fixture.Boards, Encoding.UTF8.GetBytes(said), goesOn: false);
        IReadOnlyList<ProcessElsewhere> found = Look().Look(TestContext.Current.CancellationToken);
        Assert.Equal(2, found.Count);
        Assert.Contains(why, Assert.Single(found, process => process.Problem is not null).Problem, StringComparison.Ordinal);
        Assert.Equal(job.InstanceId, Assert.Single(found, process => process.Problem is null).Migrations[0].InstanceId);
    }

    [Fact]
    public async Task One_that_says_nothing_is_waited_for_as_long_as_that_is_meant_and_hides_no_other()
    {
        await _fixture.MoveAsync();
        using Speaker silent = new(_fixture.Boards, [], goesOn: true);
        IReadOnlyList<ProcessElsewhere> found;
        do
        {
            // On a slow machine the living one may miss so short a time, too.
            found = Look(s_shortly).Look(TestContext.Current.CancellationToken);
            Assert.Equal(2, found.Count);
            Assert.Single(found, process => process.Problem?.Contains("has said nothing for 0.1 s", StringComparison.Ordinal) is true && process.Migrations.Count == 0);
        }
        while (!found.Any(process => process.Migrations.Count == 1));
    }

    [Fact]
    public void One_that_says_too_much_is_not_listened_to()
    {
        byte[] endless = new byte[BoardConnection.Longest + 2];
        using Speaker other = new(_fixture.Boards, endless, goesOn: true);
        Assert.Contains(
            "more than", Assert.Single(Look().Look(TestContext.Current.CancellationToken)).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_look_that_is_cancelled_waits_for_nobody()
    {
        using Speaker silent = new(_fixture.Boards, [], goesOn: true);
        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => Look().Look(cancelled.Token));
    }

    [Fact]
    public async Task Who_follows_hears_how_it_ends_also_where_the_process_ends_with_it()
    {
        using ManualResetEventSlim goesOn = new();
        _fixture.Destination.Faults.Before(SimulatedCall.Restore, 1, () => goesOn.Wait(TestContext.Current.CancellationToken));
        MigrationJob job = _fixture.Workspace.Migrations.Start(_fixture.Move());
        Elsewhere elsewhere = Look();
        Channel<ProcessElsewhere> heard = Channel.CreateUnbounded<ProcessElsewhere>();
        using IDisposable following = elsewhere.Follow(
            Assert.Single(elsewhere.Look(TestContext.Current.CancellationToken)), process => heard.Writer.TryWrite(process));
        Assert.True((await heard.Reader.ReadAsync(TestContext.Current.CancellationToken)).Migrations[0].IsUnderWay());
        goesOn.Set();
        await job.Ended;
        using ManualResetEventSlim isHurried = new();
        _fixture.Workspace.End.End(isHurried.WaitHandle);
        ProcessElsewhere last;
        do
        {
            last = await heard.Reader.ReadAsync(TestContext.Current.CancellationToken);
            Assert.Null(last.Problem);
        }
        while (!last.HasEnded);
        Assert.Equal(MigrationState.Completed, last.Migrations[0].State);
    }

    [Fact]
    public async Task Who_follows_one_that_falls_silent_is_told_once_and_hears_on()
    {
        using Speaker other = new(_fixture.Boards, Word(), goesOn: true);
        Elsewhere elsewhere = Look(s_shortly);
        Channel<ProcessElsewhere> heard = Channel.CreateUnbounded<ProcessElsewhere>();
        using IDisposable following = elsewhere.Follow(
            Assert.Single(elsewhere.Look(TestContext.Current.CancellationToken)), process => heard.Writer.TryWrite(process));

        // After each silence it is connected to again, and has something to say then. A slow machine makes more silences, and none is told twice.
        bool wasSilent = false;
        for (int silences = 0; silences < 2 || wasSilent;)
        {
            bool isSilent = (await heard.Reader.ReadAsync(TestContext.Current.CancellationToken)).Problem is not null;
            Assert.False(isSilent && wasSilent);
            silences += isSilent ? 1 : 0;
            wasSilent = isSilent;
        }
    }

    [Fact]
    public async Task Who_follows_does_not_hear_of_one_that_is_pushed_out_and_comes_again()
    {
        using Speaker other = new(_fixture.Boards, Word(), goesOn: false);
        Elsewhere elsewhere = Look();
        Channel<ProcessElsewhere> heard = Channel.CreateUnbounded<ProcessElsewhere>();
        using IDisposable following = elsewhere.Follow(
            Assert.Single(elsewhere.Look(TestContext.Current.CancellationToken)), process => heard.Writer.TryWrite(process));
        for (int i = 0; i < 3; i++)
        {
            ProcessElsewhere now = await heard.Reader.ReadAsync(TestContext.Current.CancellationToken);
            Assert.Equal((null, false), (now.Problem, now.HasEnded));
        }
    }

    private static byte[] Word() => "{\"Schema\":1,\"Migrations\":[],\"Receivers\":[],\"Omitted\":0}\n"u8.ToArray();

    private Elsewhere Look(TimeSpan? patience = null) => new(() => _fixture.Boards, default) { Patience = patience ?? s_patience };

    /// <summary>A process that says the same to everybody, whatever it is.</summary>
    private sealed class Speaker : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        private readonly ConcurrentBag<Socket> _open = [];

        public Speaker(string folder, byte[] said, bool goesOn)
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            _listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, BoardFolder.NameOf(s_other))));
            _listener.Listen();
            new Thread(() => Speak(said, goesOn)) { IsBackground = true }.Start();
        }

        public void Dispose()
        {
            _listener.Dispose();
            foreach (Socket socket in _open)
            {
                socket.Dispose();
            }
        }

        private void Speak(byte[] said, bool goesOn)
        {
            try
            {
                while (true)
                {
                    Socket socket = _listener.Accept();
                    _open.Add(socket);
                    try
                    {
                        socket.Send(said);
                    }
                    catch (SocketException)
                    {
                        // Who came had enough of it.
                        continue;
                    }

                    if (!goesOn)
                    {
                        socket.Dispose();
                    }
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // The test is over.
                return;
            }
        }
    }
}
