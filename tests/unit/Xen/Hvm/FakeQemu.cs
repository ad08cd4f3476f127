using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace PreRecordMigration.Tests.Xen.Hvm;

/// <summary>
/// The QMP side of a QEMU on a socket of its own: greets, and answers one line of a client after the other by what the
/// test says. Serves connections one after the other, as QEMU does.
/// </summary>
internal sealed class FakeQemu : IDisposable
{
    public const string Greeting = """{"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 22}}, "capabilities": ["oob"]}}""";
    public const string Done = """{"return": {}}""";
    private readonly string _folder = Directory.CreateTempSubdirectory("qmp").FullName;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Thread _server;
    private readonly string _greeting;
    private readonly Func<string, string?> _answer;

    /// <summary>Begins to serve.</summary>
    /// <param name="answer">What to answer a command, by its name; null closes the connection.</param>
    /// <param name="greeting">What is said first; empty for nothing.</param>
    public FakeQemu(Func<string, string?> answer, string greeting = Greeting)
    {
        (_answer, _greeting) = (answer, greeting);
        SocketPath = Path.Combine(_folder, "qmp");
        StateFile = Path.Combine(_folder, "state");
        _listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        _listener.Listen();
        _server = new Thread(Serve) { IsBackground = true };
        _server.Start();
    }

    public string SocketPath { get; }

    public string StateFile { get; }

    /// <summary>The commands that came, with their arguments, but for the negotiation. Complete once a client has its answer.</summary>
    public List<string> Commands { get; } = [];

    public void Dispose()
    {
        _listener.Dispose();
        _server.Join();
        Directory.Delete(_folder, recursive: true);
    }

    private void Serve()
    {
        try
        {
            while (true)
            {
                using Socket client = _listener.Accept();
                using NetworkStream stream = new(client);
                Converse(stream);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The listener was closed: the test is over.
        }
    }

    private void Converse(NetworkStream stream)
    {
        try
        {
            Say(stream, _greeting);
            using StreamReader reader = new(stream);
            while (reader.ReadLine() is { } line)
            {
                using JsonDocument document = JsonDocument.Parse(line);
                string command = document.RootElement.GetProperty("execute").GetString()!;
                if (command == "qmp_capabilities")
                {
                    Say(stream, Done);
                    continue;
                }

                Commands.Add(document.RootElement.TryGetProperty("arguments", out JsonElement arguments) ? $"{command} {arguments.GetRawText()}" : command);
                if (_answer(command) is not { } answer)
                {
                    return;
                }

                Say(stream, answer);
            }
        }
        catch (IOException)
        {
            // The client closed while it was answered, as after a refused greeting.
        }
    }

    private static void Say(NetworkStream stream, string text)
    {
        if (text.Length > 0)
        {
            stream.Write(Encoding.UTF8.GetBytes(text + "\r\n"));
        }
    }
}
