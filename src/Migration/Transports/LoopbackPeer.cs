using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using PreRecordMigration.Files;

namespace PreRecordMigration.Transports;

/// <summary>
/// Whose process is at the other end of a connection over loopback: Linux lists both ends' sockets with their owners (proc(5), the
/// files /proc/net/tcp and tcp6).
/// </summary>
internal static class LoopbackPeer
{
    private const string Established = "01";
    private const int LocalColumn = 1;
    private const int RemoteColumn = 2;
    private const int StateColumn = 3;
    private const int UserColumn = 7;
    private static readonly string[] s_tables = ["/proc/net/tcp", "/proc/net/tcp6"];

    /// <summary>Whether the peer is a process of root's or of this user's, to which alone a receiver listens. Where the system does not
    /// tell, the key alone decides.</summary>
    /// <param name="peer">The peer's end.</param>
    /// <param name="here">This end.</param>
    internal static bool IsOurs(IPEndPoint peer, IPEndPoint here) => !OperatingSystem.IsLinux()
        || (UserOf(peer, here, s_tables.Where(File.Exists).SelectMany(File.ReadLines)) is { } user
            && (user == 0 || user == FileStatus.EffectiveUser));

    /// <summary>The number of the user who owns the peer's socket.</summary>
    /// <param name="peer">The peer's end.</param>
    /// <param name="here">This end.</param>
    /// <param name="lines">The system's tables.</param>
    /// <returns>Null where no such connection is listed as open on both sides: a socket that its process has closed counts as root's.</returns>
    internal static uint? UserOf(IPEndPoint peer, IPEndPoint here, IEnumerable<string> lines)
    {
        string[] locals = [.. Notations(peer)], remotes = [.. Notations(here)];
        string port = ":" + peer.Port.ToString("X4", CultureInfo.InvariantCulture) + " ";
        foreach (string line in lines)
        {
            if (!line.Contains(port, StringComparison.Ordinal))
            {
                // The table is long where many connections are open, so most lines are passed over early.
                continue;
            }

            string[] columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (columns.Length > UserColumn
                && columns[StateColumn] == Established
                && locals.Contains(columns[LocalColumn])
                && remotes.Contains(columns[RemoteColumn])
                && uint.TryParse(columns[UserColumn], NumberStyles.None, CultureInfo.InvariantCulture, out uint user))
            {
                return user;
            }
        }

        return null;
    }

    /// <summary>An address as the tables have it: words of the machine's byte order, in hexadecimal digits. A socket for both families has an IPv4 address as an IPv6 one.</summary>
    private static IEnumerable<string> Notations(IPEndPoint endpoint)
    {
        IPAddress plain = HostAddress.Plain(endpoint.Address);
        foreach (IPAddress address in (IPAddress[])[plain, plain.MapToIPv6()])
        {
            byte[] bytes = address.GetAddressBytes();
            IEnumerable<uint> words = Enumerable.Range(0, bytes.Length / sizeof(uint)).Select(i => BitConverter.IsLittleEndian
                ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)))
                : BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(i * sizeof(uint))));
            yield return string.Concat(words.Select(word => word.ToString("X8", CultureInfo.InvariantCulture)))
                + ":" + endpoint.Port.ToString("X4", CultureInfo.InvariantCulture);
        }
    }
}
