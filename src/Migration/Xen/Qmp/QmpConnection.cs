using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using PreRecordMigration.Errors;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Xen.Qmp;

/// <summary>
/// One conversation with a QEMU in its machine protocol (QMP): a line of JSON each way. Nothing that it says is believed
/// beyond its form: a guest may have taken its emulator over.
/// </summary>
internal sealed class QmpConnection : IDisposable
{
    private const int LongestWords = 500;
    private const int LongestLine = 1 << 20;

    /// <summary>How many events may come before an answer.</summary>
    private const int MostEvents = 10_000;

    private readonly Stream _stream;
    private readonly string _subject;
    private readonly byte[] _buffer = new byte[16 << 10];
    private int _start;
    private int _end;

    private QmpConnection(Stream stream, string subject)
    {
        _stream = stream;
        _subject = subject;
    }

    /// <summary>Connects, and agrees on the protocol.</summary>
    /// <param name="path">The emulator's socket. It talks to one peer at a time.</param>
    /// <param name="patience">How long each answer may take.</param>
    /// <param name="subject">The domain's name, for errors.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.HypervisorCall"/>: nobody answers there, or not in
    /// this protocol.</exception>
    internal static QmpConnection Open(string path, TimeSpan patience, string subject) =>
        TryOpen(path, patience, subject) ?? throw Unreachable(subject, $"at {path}", null);

    /// <summary>As <see cref="Open"/>; null where nobody listens at the socket: the emulator has ended.</summary>
    internal static QmpConnection? TryOpen(string path, TimeSpan patience, string subject)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = (int)patience.TotalMilliseconds,
            SendTimeout = (int)patience.TotalMilliseconds,
        };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException error)
        {
            socket.Dispose();
            if (error.SocketErrorCode == SocketError.ConnectionRefused || !File.Exists(path))
            {
                return null;
            }

            throw Unreachable(subject, $"at {path}", error);
        }

        return Over(new NetworkStream(socket, ownsSocket: true), subject);
    }

    /// <summary>Agrees on the protocol over a stream, which is given over.</summary>
    /// <exception cref="MigrationException">As <see cref="Open"/>.</exception>
    internal static QmpConnection Over(Stream stream, string subject)
    {
        QmpConnection connection = new(stream, subject);
        try
        {
            connection.AwaitGreeting();
            connection.Execute("qmp_capabilities");
            return connection;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Has a command carried out, and waits for its end; events that come meanwhile are passed over.</summary>
    /// <param name="command">The command.</param>
    /// <param name="arguments">Its arguments as a JSON object; null for none.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.HypervisorCall"/>: refused, with the emulator's own
    /// words, or not answered.</exception>
    internal void Execute(string command, string? arguments = null) => Ask(command, arguments, _ => true);

    /// <summary>Has a command carried out, and reads what it answers.</summary>
    /// <param name="command">The command.</param>
    /// <param name="arguments">Its arguments as a JSON object; null for none.</param>
    /// <param name="read">Reads the answer, which is valid until it returns; an answer of another form than it expects is one that does not keep to
    /// the protocol, and it need not look for that.</param>
    /// <exception cref="MigrationException">As <see cref="Execute"/>.</exception>
    internal T Ask<T>(string command, string? arguments, Func<JsonElement, T> read)
    {
        string line = arguments is null
            ? $$"""{"execute":"{{command}}"}"""
            : $$"""{"execute":"{{command}}","arguments":{{arguments}}}""";
        Send(Encoding.UTF8.GetBytes(line + "\n"), command);
        for (int events = 0; events <= MostEvents; events++)
        {
            using JsonDocument answer = ReceiveLine();
            if (Find(answer.RootElement, "return") is { } returned)
            {
                return TextOf(() => read(returned));
            }

            if (Find(answer.RootElement, "error") is { } error)
            {
                throw new MigrationException(
                    MigrationErrorId.HypervisorCall,
                    $"{_subject}: its device emulator refused {command}: {Description(error)}.",
                    "Look at /var/log/xen/qemu-dm-*.log of the domain.",
                    _subject);
            }
        }

        throw Malformed($"it sends more than {MostEvents} events and no answer");
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    /// <summary>An emulator that had something to say to whom it talked to before says it to the next one, before it greets.</summary>
    private void AwaitGreeting()
    {
        for (int lines = 0; lines <= MostEvents; lines++)
        {
            using JsonDocument line = ReceiveLine();
            if (Find(line.RootElement, "QMP") is not null)
            {
                return;
            }
        }

        throw Malformed("it does not greet");
    }

    private string Description(JsonElement error) =>
        error.ValueKind == JsonValueKind.Object && Find(error, "desc") is { ValueKind: JsonValueKind.String } text
            ? TextOf(() => ForeignText.Show(text.GetString(), LongestWords))
            : "it does not say why";

    private JsonElement? Find(JsonElement element, string name) =>
        TextOf(() => element.TryGetProperty(name, out JsonElement found) ? found : (JsonElement?)null);

    /// <summary>Reads what was said. JSON can hold strings that are no text, such as half of a surrogate pair, which shows only when such a
    /// string is read; and an answer can be of another form than is expected.</summary>
    private T TextOf<T>(Func<T> look)
    {
        try
        {
            return look();
        }
        catch (Exception error) when (error is InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw Malformed($"it sends what is no text, or no answer to what it was asked ({error.Message})", error);
        }
    }

    private void Send(byte[] line, string command)
    {
        try
        {
            _stream.Write(line);
        }
        catch (IOException error)
        {
            throw Unreachable(_subject, $"when asked for {command}", error);
        }
    }

    private JsonDocument ReceiveLine()
    {
        List<byte> line = [];
        while (true)
        {
            ReadOnlySpan<byte> received = _buffer.AsSpan(_start, _end - _start);
            int newline = received.IndexOf((byte)'\n');
            line.AddRange(newline < 0 ? received : received[..newline]);
            _start = newline < 0 ? _end : _start + newline + 1;
            if (line.Count > LongestLine)
            {
                throw Malformed($"it sends a line of more than {LongestLine} bytes");
            }

            if (newline >= 0)
            {
                return ParseLine(line);
            }

            Refill();
        }
    }

    private void Refill()
    {
        try
        {
            (_start, _end) = (0, _stream.Read(_buffer));
        }
        catch (IOException error)
        {
            throw Unreachable(_subject, "while it was waited for", error);
        }

        if (_end == 0)
        {
            throw Unreachable(_subject, "and closed the connection", null);
        }
    }

    private JsonDocument ParseLine(List<byte> line)
    {
        try
        {
            JsonDocument document = JsonDocument.Parse(line.ToArray());
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            document.Dispose();
        }
        catch (JsonException error)
        {
            throw Malformed($"it sends what is no JSON ({error.Message})", error);
        }

        throw Malformed("it sends JSON that is no object");
    }

    private MigrationException Malformed(string problem, Exception? cause = null) => new(
        MigrationErrorId.HypervisorCall,
        $"{_subject}: its device emulator does not keep to QMP: {problem}.",
        "Restart the domain with Debian's qemu-system-xen; if its emulator was that, do not trust the domain.",
        _subject,
        cause);

    private static MigrationException Unreachable(string subject, string when, Exception? cause) => new(
        MigrationErrorId.HypervisorCall,
        $"{subject}: its device emulator does not answer {when}{(cause is null ? "" : $" ({cause.Message})")}.",
        "End other programs that talk to it (xentop, xl), and look whether it still runs: /var/log/xen/qemu-dm-*.log.",
        subject,
        cause);
}
