using System.Net.Sockets;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Methods;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Boards;

/// <summary>
/// What this process holds, for the other processes of its user: a socket in their folder. Whoever connects is told at once, and again a few
/// times a second for as long as it stays; nothing is asked, so that there is nothing to understand. Its last word is said at the orderly end.
/// </summary>
internal sealed class Board : IDisposable
{
    /// <summary>How many may be told at the same time. One more, and the one that has been there for the longest makes room: it may come again.</summary>
    internal const int Places = 64;

    /// <summary>How often who stays is told.</summary>
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);

    /// <summary>How long one word to somebody who does not listen may take.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly string _path;
    private readonly Func<byte[]> _say;
    private readonly Socket _listener;
    private readonly AcceptLoop _accepting;
    private readonly Lock _gate = new();
    private readonly List<(Socket Connection, Thread Teller)> _told = [];
    private volatile bool _isEnding;

    private Board(string path, Func<byte[]> say)
    {
        (_path, _say) = (path, say);
        _listener = Listen(path);
        _accepting = new AcceptLoop(_listener.Accept, Take, _ => { }, MakeRoom, TimeProvider.System);
    }

    /// <summary>Opens a board.</summary>
    /// <param name="folder">The user's folder, which is made where it is not there.</param>
    /// <param name="process">Whose board it is.</param>
    /// <param name="say">Makes what is said, a line, on several threads at once.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.FileNotTrusted"/>: others may write the folder;
    /// <see cref="MigrationErrorId.AccessDenied"/>: the socket cannot be made there.</exception>
    internal static Board Open(string folder, OwnerProcess process, Func<byte[]> say)
    {
        string path = Path.Combine(RuntimeFolder.Open(folder), BoardFolder.NameOf(process));
        try
        {
            Board board = new(path, say);
            new Thread(board._accepting.Run) { IsBackground = true, Name = "board" }.Start();
            return board;
        }
        catch (Exception error) when (error is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            // A path that is too long for a socket is an argument's error.
            throw RuntimeFolder.Denied($"{path} cannot be made, so that other processes do not see what this one holds", path, error);
        }
    }

    /// <summary>Says the last word to whoever is being told, for as long as one word may take, and takes the board away.</summary>
    public void Dispose()
    {
        _isEnding = true;
        _accepting.End();
        _listener.Dispose();
        BoardFolder.Remove(_path);
        (Socket Connection, Thread Teller)[] last;
        lock (_gate)
        {
            last = [.. _told];
        }

        long since = TimeProvider.System.GetTimestamp();
        foreach ((Socket connection, Thread teller) in last)
        {
            TimeSpan left = s_patience - TimeProvider.System.GetElapsedTime(since);
            if (!teller.Join(left > TimeSpan.Zero ? left : TimeSpan.Zero))
            {
                connection.Dispose();
            }
        }
    }

    private static Socket Listen(string path)
    {
        Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            listener.Listen(Places);
            return listener;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>Takes who connects, if it is a process of this user's.</summary>
    private void Take(Socket connection)
    {
        try
        {
            if (!PeerCredentials.Of(connection).IsThisUser)
            {
                connection.Dispose();
                return;
            }

            connection.SendTimeout = (int)s_patience.TotalMilliseconds;
            Thread teller = new(() => Tell(connection)) { IsBackground = true, Name = "board" };
            lock (_gate)
            {
                if (_told.Count >= Places)
                {
                    _told[0].Connection.Dispose();
                    _told.RemoveAt(0);
                }

                // In one step: the end waits for every thread that is in the list.
                teller.Start();
                _told.Add((connection, teller));
            }
        }
        catch
        {
            Forget(connection);
            throw;
        }
    }

    private void MakeRoom()
    {
        lock (_gate)
        {
            if (_told.Count > 0)
            {
                _told[0].Connection.Dispose();
            }
        }
    }

    private void Tell(Socket connection)
    {
        try
        {
            for (bool isLast = false; !isLast;)
            {
                isLast = _isEnding;
                connection.Send(_say());
                if (!isLast && connection.Poll(s_interval, SelectMode.SelectRead))
                {
                    // It has gone, or says something, which nobody here understands.
                    return;
                }
            }
        }
#pragma warning disable CA1031 // The last resort of a thread that only tells: whatever it is, this process goes on, and who was told may come again.
        catch (Exception)
#pragma warning restore CA1031
        {
            return;
        }
        finally
        {
            Forget(connection);
        }
    }

    private void Forget(Socket connection)
    {
        lock (_gate)
        {
            _told.RemoveAll(one => one.Connection == connection);
        }

        connection.Dispose();
    }
}
