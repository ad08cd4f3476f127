using System.Net.Sockets;
using PreRecordMigration.Boards;
using PreRecordMigration.Errors;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Operations;

/// <summary>The other processes of this user on this machine that hold something: each says on its board what it has.</summary>
public sealed class Elsewhere
{
    /// <summary>How long a process may take to answer: one that is stopped, or starved, keeps nobody for longer.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>How many are asked at the same time.</summary>
    private const int AtOnce = 16;

    private static readonly TimeSpan s_betweenTries = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);

    private readonly Func<string?> _folder;
    private readonly OwnerProcess _self;

    /// <summary>Describes where to look.</summary>
    /// <param name="folder">Finds the folder of the boards; it finds null where there are none.</param>
    /// <param name="self">The process that looks.</param>
    internal Elsewhere(Func<string?> folder, OwnerProcess self) => (_folder, _self) = (folder, self);

    /// <summary>How long a process may take to answer; a test waits shorter.</summary>
    internal TimeSpan Patience { get; init; } = s_patience;

    /// <summary>Takes away what processes that have ended left of what they said. Whoever looks does so too.</summary>
    /// <exception cref="MigrationException">The folder of the boards cannot be believed or read.</exception>
    internal void Sweep()
    {
        if (_folder() is { } folder)
        {
            BoardFolder.Others(folder, _self);
        }
    }

    /// <summary>Looks at all of them, many at the same time; those that do not answer are among them, with the reason.</summary>
    /// <param name="cancellationToken">Ends the wait for their answers.</param>
    /// <exception cref="MigrationException">The folder of the boards cannot be believed or read.</exception>
    public IReadOnlyList<ProcessElsewhere> Look(CancellationToken cancellationToken = default)
    {
        List<ProcessElsewhere> found = [];
        if (_folder() is { } folder)
        {
            foreach ((OwnerProcess Process, string Path)[] some in BoardFolder.Others(folder, _self).OrderBy(board => board.Process.Id).Chunk(AtOnce))
            {
                Task<ProcessElsewhere>[] asking =
                [
                    .. some.Select(board => Task.Factory.StartNew(
                        () => Ask(new ProcessElsewhere(board.Process, board.Path)),
                        CancellationToken.None,
                        TaskCreationOptions.LongRunning,
                        TaskScheduler.Default)),
                ];
                Task.WaitAll(asking, cancellationToken);
                found.AddRange(asking.Select(asked => asked.Result).Where(process => !process.HasEnded));
            }
        }

        return found;
    }

    /// <summary>
    /// Tells, on a thread of its own, what a process says from now on, until it has ended or says nothing any more by its own will: that is
    /// told last. That it does not answer is told once, and it is waited for.
    /// </summary>
    /// <param name="process">The process, as it was found.</param>
    /// <param name="told">Told of it as it is; it must not throw.</param>
    /// <returns>Ends it when it is disposed; what is just being told may come after that.</returns>
    public IDisposable Follow(ProcessElsewhere process, Action<ProcessElsewhere> told)
    {
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(told);
        Following following = new(process, Patience, told);
        new Thread(following.Run) { IsBackground = true, Name = "board of another process" }.Start();
        return following;
    }

    /// <summary>Whether an error is of what somebody else says, or does not say. A path that is too long for a socket is an argument's.</summary>
    private static bool IsOfOther(Exception error) =>
        error is SocketException or IOException or UnauthorizedAccessException or TimeoutException or FormatException or ArgumentException;

    private ProcessElsewhere Ask(ProcessElsewhere process)
    {
        string path = process.Path;
        for (long since = TimeProvider.System.GetTimestamp(); ; Thread.Sleep(s_betweenTries))
        {
            string problem;
            try
            {
                using BoardConnection connection = BoardConnection.Open(process.Process, path, Patience);
                if (connection.Next() is { } line)
                {
                    return process.Says(BoardWord.Read(line.Span));
                }

                problem = "It says nothing.";
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused
                && !BoardFolder.IsOver(process.Process, path) && TimeProvider.System.GetElapsedTime(since) < Patience)
            {
                // It is just about to begin to listen, or to be gone.
                continue;
            }
            catch (Exception error) when (IsOfOther(error))
            {
                problem = error.Message;
            }

            // One that ends while it is asked is none that does not answer.
            return process with { Problem = problem, HasEnded = BoardFolder.IsOver(process.Process, path) };
        }
    }

    /// <summary>Hears what one process says.</summary>
    private sealed class Following(ProcessElsewhere process, TimeSpan patience, Action<ProcessElsewhere> told) : IDisposable
    {
        private readonly string _path = process.Path;
        private readonly CancellationTokenSource _end = new();
        private volatile BoardConnection? _connection;
        private ProcessElsewhere _last = process;
        private long _heardAt = TimeProvider.System.GetTimestamp();

        public void Run()
        {
            try
            {
                Follow();
            }
#pragma warning disable CA1031 // The last resort of a thread that only hears: whatever it is, this process goes on, and knows that it hears no more.
            catch (Exception error)
#pragma warning restore CA1031
            {
                Tell(_last with { Problem = error.Message, HasEnded = true });
            }
        }

        public void Dispose()
        {
            _end.Cancel();
            _connection?.Dispose();
        }

        /// <summary>
        /// A connection that breaks, as where others come in crowds, is made again after a pause, which grows while none lasts. One that is killed is
        /// for a moment neither alive nor gone, so that a problem counts only after a while.
        /// </summary>
        private void Follow()
        {
            TimeSpan pause = s_betweenTries;
            while (!_last.HasEnded)
            {
                long begun = TimeProvider.System.GetTimestamp();
                string? problem = Hear();
                if (_end.IsCancellationRequested)
                {
                    return;
                }

                if (BoardFolder.IsOver(_last.Process, _path))
                {
                    Tell(_last with { HasEnded = true });
                    return;
                }

                if (problem is not null && _last.Problem is null && TimeProvider.System.GetElapsedTime(_heardAt) >= patience)
                {
                    Tell(_last with { Problem = problem });
                }

                pause = TimeProvider.System.GetElapsedTime(begun) >= s_longestPause ? s_betweenTries : pause < s_longestPause ? pause * 2 : pause;
                _end.Token.WaitHandle.WaitOne(pause);
            }
        }

        /// <summary>Hears until a connection ends.</summary>
        /// <returns>Why nothing came of it; null where something did.</returns>
        private string? Hear()
        {
            string? problem = "It says nothing.";
            try
            {
                using BoardConnection connection = BoardConnection.Open(_last.Process, _path, patience);
                _connection = connection;
                while (!_end.IsCancellationRequested && connection.Next() is { } line)
                {
                    Tell(_last.Says(BoardWord.Read(line.Span)));
                    _heardAt = TimeProvider.System.GetTimestamp();
                    problem = null;
                }

                return problem;
            }
            catch (Exception error) when (IsOfOther(error) || error is ObjectDisposedException)
            {
                return error.Message;
            }
        }

        private void Tell(ProcessElsewhere now) => told(_last = now);
    }
}
