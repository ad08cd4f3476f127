using System.Net.Sockets;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Boards;

/// <summary>The way to another process' board. What comes of it is somebody else's word: lines, of which none is longer than a limit.</summary>
internal sealed class BoardConnection : IDisposable
{
    /// <summary>The most bytes of a line, its end not counted.</summary>
    internal const int Longest = 4 << 20;

    private const byte LineEnd = (byte)'\n';
    private readonly Socket _socket;
    private readonly TimeSpan _patience;
    private byte[] _buffer = new byte[16 << 10];
    private int _filled;

    private BoardConnection(Socket socket, TimeSpan patience) => (_socket, _patience) = (socket, patience);

    /// <summary>Connects to a board.</summary>
    /// <param name="process">Whose board it is to be.</param>
    /// <param name="path">Its socket.</param>
    /// <param name="patience">How long the connection, and each line, may take.</param>
    /// <exception cref="SocketException">Nobody answers there, or nobody in time.</exception>
    /// <exception cref="IOException">Somebody else listens there.</exception>
    internal static BoardConnection Open(OwnerProcess process, string path, TimeSpan patience)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { SendTimeout = (int)patience.TotalMilliseconds };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            PeerCredentials peer = PeerCredentials.Of(socket);
            return peer.IsThisUser && peer.Process == process.Id
                ? new BoardConnection(socket, patience)
                : throw new IOException($"Process {peer.Process} of user {peer.User} listens at {path}, which is not its place.");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Waits for the next line.</summary>
    /// <returns>The line, without its end, until the next call; null where there is none any more.</returns>
    /// <exception cref="SocketException">The connection was lost.</exception>
    /// <exception cref="TimeoutException">It did not come in time; the next call goes on waiting for it.</exception>
    /// <exception cref="IOException">It is too long, or ended in its middle.</exception>
    internal ReadOnlyMemory<byte>? Next()
    {
        int searched = 0;
        for (long since = TimeProvider.System.GetTimestamp(); ;)
        {
            int found = _buffer.AsSpan(searched, _filled - searched).IndexOf(LineEnd);
            if (found >= 0)
            {
                int length = searched + found;
                byte[] line = _buffer[..length];
                _buffer.AsSpan(length + 1, _filled - length - 1).CopyTo(_buffer);
                _filled -= length + 1;
                return line;
            }

            searched = _filled;
            if (_filled > Longest)
            {
                throw new IOException($"It says more than {Longest} bytes at once.");
            }

            if (_filled == _buffer.Length)
            {
                Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, Longest + 1));
            }

            if (!Fill(since))
            {
                return _filled == 0 ? null : throw new IOException("It ended in the middle of a line.");
            }
        }
    }

    /// <summary>Ends the connection, and a wait for a line on another thread.</summary>
    public void Dispose() => _socket.Dispose();

    private bool Fill(long since)
    {
        TimeSpan left = _patience - TimeProvider.System.GetElapsedTime(since);
        if (left <= TimeSpan.Zero || !_socket.Poll(left, SelectMode.SelectRead))
        {
            throw new TimeoutException(FormattableString.Invariant($"It has said nothing for {_patience.TotalSeconds:0.#} s."));
        }

        int read = _socket.Receive(_buffer, _filled, _buffer.Length - _filled, SocketFlags.None);
        _filled += read;
        return read > 0;
    }
}
