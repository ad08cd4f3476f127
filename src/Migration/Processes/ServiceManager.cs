using System.Net.Sockets;
using System.Text;

namespace PreRecordMigration.Processes;

/// <summary>What this process tells the system's service manager (systemd), where it is started as a service that notifies.</summary>
public static class ServiceManager
{
    /// <summary>The environment variable by which a service manager names its socket: a path, or an abstract name behind an <c>@</c>.</summary>
    public const string VariableName = "NOTIFY_SOCKET";

    /// <summary>Says a state. Where no service manager listens, nothing is said.</summary>
    /// <param name="state">Assignments, one a line, such as <c>READY=1</c> and <c>STATUS=…</c>.</param>
    /// <returns>Whether the service manager was told.</returns>
    public static bool Notify(string state) => Notify(state, Environment.GetEnvironmentVariable(VariableName));

    /// <summary>As the public one, to another socket.</summary>
    internal static bool Notify(string state, string? name)
    {
        if (string.IsNullOrEmpty(name) || name[0] is not ('/' or '@') || !OperatingSystem.IsLinux())
        {
            return false;
        }

        try
        {
            using Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(name[0] == '@' ? "\0" + name[1..] : name));
            return true;
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
            return false;
        }
    }
}
