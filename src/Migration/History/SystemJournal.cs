using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace PreRecordMigration.History;

/// <summary>
/// The system's journal, by its own protocol: a datagram of fields to its socket. A field is <c>NAME=value</c> and a newline; one whose
/// value has newlines is its name, a newline, the value's length in 64 bits (little endian), the value, and a newline.
/// </summary>
internal static class SystemJournal
{
    /// <summary>The environment variable that names another socket, by its path.</summary>
    public const string VariableName = "PRERECORD_JOURNAL_SOCKET";

    private const string UsualSocket = "/run/systemd/journal/socket";

    /// <summary>Sends an entry. Where there is no journal, or it takes nothing now, nothing is sent: nobody waits for it.</summary>
    /// <param name="fields">Names of fields and their values; without a value a field is left out.</param>
    /// <param name="path">Its socket; null for the system's, or the one that the variable names.</param>
    /// <returns>Whether the journal's socket took it.</returns>
    public static bool Send(IEnumerable<(string Name, string? Value)> fields, string? path = null)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        path ??= Environment.GetEnvironmentVariable(VariableName) is { Length: > 0 } named ? named : UsualSocket;
        try
        {
            using Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            socket.SendTo(Encode(fields), new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>The fields as the datagram has them.</summary>
    internal static byte[] Encode(IEnumerable<(string Name, string? Value)> fields)
    {
        using MemoryStream datagram = new();
        foreach ((string name, string? value) in fields)
        {
            if (value is null)
            {
                continue;
            }

            byte[] content = Encoding.UTF8.GetBytes(value);
            datagram.Write(Encoding.ASCII.GetBytes(name));
            if (content.Contains((byte)'\n'))
            {
                byte[] length = new byte[sizeof(ulong)];
                BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)content.Length);
                datagram.WriteByte((byte)'\n');
                datagram.Write(length);
            }
            else
            {
                datagram.WriteByte((byte)'=');
            }

            datagram.Write(content);
            datagram.WriteByte((byte)'\n');
        }

        return datagram.ToArray();
    }
}
