using System.Net.Sockets;
using System.Runtime.InteropServices;
using PreRecordMigration.Files;

namespace PreRecordMigration.Boards;

/// <summary>
/// Who is at the other end of a Unix socket, by the kernel's word (SO_PEERCRED): who connected, and to who connects, who began to listen.
/// </summary>
/// <param name="Process">The process' id.</param>
/// <param name="User">The number of the user as whom it did so.</param>
internal readonly record struct PeerCredentials(int Process, uint User)
{
    private const int SocketLevel = 1;
    private const int Credentials = 17;

    /// <summary>Whether it is this process' user.</summary>
    internal bool IsThisUser => User == FileStatus.EffectiveUser;

    /// <summary>Asks of a connected socket.</summary>
    /// <exception cref="SocketException">The kernel does not say.</exception>
    internal static PeerCredentials Of(Socket connection)
    {
        Span<int> said = stackalloc int[3];
        int length = connection.GetRawSocketOption(SocketLevel, Credentials, MemoryMarshal.AsBytes(said));
        return length == said.Length * sizeof(int)
            ? new PeerCredentials(said[0], (uint)said[1])
            : throw new SocketException((int)SocketError.ProtocolOption);
    }
}
