using System.Buffers.Binary;
using System.Net.Sockets;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Transfer;

/// <summary>
/// One connection of a session: whole records in and out. Any number of threads may send; one receives. Closing it from
/// another thread ends a blocked receive or send with <see cref="MigrationErrorId.ConnectionLost"/>.
/// </summary>
public sealed class Connection : IDisposable
{
    private readonly PeerChannel? _channel;
    private readonly Stream _stream;
    private readonly Lock _sending = new();
    private readonly byte[] _header = new byte[Protocol.HeaderSize];
    private byte[] _body = new byte[64 << 10];
    private long _bytesSent;
    private volatile bool _isClosed;
    private string _role = "";
    private volatile IProgress<MigrationTrace>? _trace;

    /// <summary>Takes over a channel.</summary>
    public Connection(PeerChannel channel)
        : this(channel.Stream) => _channel = channel;

    /// <summary>Takes over a stream that leads to nobody in particular.</summary>
    public Connection(Stream stream) => _stream = stream;

    /// <summary>Who is at the other end, as the transport has proved it; null where it proves nothing.</summary>
    public string? Peer => _channel?.Peer;

    /// <summary>Bytes sent so far, headers included.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <summary>
    /// How long <see cref="Receive"/> waits for bytes before it takes the connection for lost; for ever where it is null.
    /// </summary>
    public TimeSpan? ReceiveTimeout
    {
        get => _stream.CanTimeout && _stream.ReadTimeout > 0 ? TimeSpan.FromMilliseconds(_stream.ReadTimeout) : null;
        set
        {
            if (_stream.CanTimeout)
            {
                _stream.ReadTimeout = value is TimeSpan limit ? (int)limit.TotalMilliseconds : Timeout.Infinite;
            }
        }
    }

    /// <summary>Connects to a receiver.</summary>
    /// <param name="route">The way there.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DestinationUnreachable"/>, or what keeps the two
    /// sides from trusting each other.</exception>
    public static Connection Open(Route route, CancellationToken cancellationToken) => new(route.Open(cancellationToken));

    /// <summary>Takes over a socket that a listener accepted; bytes go as they are.</summary>
    public static Connection Accept(Socket socket) => new(new SocketChannel(socket));

    /// <summary>Tells of every record from now on.</summary>
    /// <param name="role">What to call the connection.</param>
    /// <param name="trace">Who is told, on the thread that sends or receives; null for nobody.</param>
    internal void TraceTo(string role, IProgress<MigrationTrace>? trace) => (_role, _trace) = (role, trace);

    /// <summary>Sends a control record.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ConnectionLost"/>.</exception>
    public void Send(ControlRecord record) => Send(RecordCodec.Encode(record));

    /// <summary>Sends an encoded record.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ConnectionLost"/>.</exception>
    public void Send(ReadOnlyMemory<byte> record)
    {
        try
        {
            lock (_sending)
            {
                _stream.Write(record.Span);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            throw ProtocolErrors.Lost(e);
        }

        Interlocked.Add(ref _bytesSent, record.Length);
        _trace?.Report(new MigrationTrace(
            MigrationTraceKind.Sent, ((RecordType)BinaryPrimitives.ReadUInt16LittleEndian(record.Span)).ToString(), _role, record.Length));
    }

    /// <summary>Waits for the next record; optional ones of unknown type are passed over.</summary>
    /// <param name="body">The body; valid until the next call.</param>
    /// <returns>The record's type, which is a known one.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ConnectionLost"/> or
    /// <see cref="MigrationErrorId.ProtocolViolation"/>.</exception>
    public RecordType Receive(out ReadOnlySpan<byte> body)
    {
        while (true)
        {
            Fill(_header);
            RecordType type = (RecordType)BinaryPrimitives.ReadUInt16LittleEndian(_header);
            ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(_header.AsSpan(2));
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(_header.AsSpan(4));
            if (type is Protocol.TlsHandshake or Protocol.TlsAlert)
            {
                throw ProtocolErrors.Tls();
            }

            if (length > Protocol.MaximumLength || (flags & ~Protocol.OptionalFlag) != 0)
            {
                throw ProtocolErrors.Violation(
                    $"The peer sent a record of type {(ushort)type}, flags 0x{flags:X4} and length {length}, which the protocol does not have.");
            }

            bool isKnown = Enum.IsDefined(type);
            if (!isKnown && (flags & Protocol.OptionalFlag) == 0)
            {
                throw ProtocolErrors.Violation($"The peer sent a record of the unknown type {(ushort)type}.");
            }

            // The buffer grows with what really arrives, not with what a header claims.
            int received = 0;
            while (received < length)
            {
                if (received == _body.Length)
                {
                    Array.Resize(ref _body, (int)Math.Min(length, 2L * _body.Length));
                }

                int take = (int)Math.Min(length - received, _body.Length - received);
                Fill(_body.AsSpan(received, take));
                received += take;
            }

            if (isKnown)
            {
                body = _body.AsSpan(0, (int)length);
                _trace?.Report(new MigrationTrace(
                    MigrationTraceKind.Received, type.ToString(), _role, Protocol.HeaderSize + (int)length));
                return type;
            }
        }
    }

    /// <summary>
    /// Closes after the peer has: what was sent last (an abort's reason) would otherwise be lost with a connection that is
    /// closed while bytes from the peer are still unread.
    /// </summary>
    /// <param name="patience">How long the peer may stay silent before the connection is closed all the same.</param>
    public void CloseAfterPeer(TimeSpan patience)
    {
        try
        {
            if (_channel is not null)
            {
                _channel.EndSending();
                ReceiveTimeout = patience;
                while (_stream.Read(_body) > 0)
                {
                    // What an ended session still gets is of no interest; only that the peer has stopped.
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            // Gone already, or silent for too long.
        }

        Dispose();
    }

    /// <summary>Closes the connection; blocked calls end.</summary>
    public void Dispose()
    {
        _isClosed = true;
        if (_channel is not null)
        {
            _channel.Dispose();
        }
        else
        {
            _stream.Dispose();
        }
    }

    /// <summary>Lets go of what was received last: the connection is closed, and nobody receives any more.</summary>
    internal void ForgetBuffer() => _body = [];

    private void Fill(Span<byte> buffer)
    {
        try
        {
            _stream.ReadExactly(buffer);
        }
        catch (EndOfStreamException e)
        {
            throw ProtocolErrors.Lost(_isClosed ? null : e);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            throw ProtocolErrors.Lost(e);
        }
    }
}
