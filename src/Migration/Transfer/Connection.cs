using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Transfer;

/// <summary>
/// One connection of a session: whole records in and out. Any number of threads may send; one receives. Closing it from
/// another thread ends a blocked receive or send with <see cref="MigrationErrorId.ConnectionLost"/>.
/// </summary>
public sealed class Connection : IDisposable
{
    /// <summary>A peer that takes nothing for so long is lost: an abort must not wait for it without end.</summary>
    private static readonly TimeSpan s_sendTimeout = TimeSpan.FromSeconds(60);

    private readonly Stream _stream;
    private readonly Lock _sending = new();
    private readonly byte[] _header = new byte[Protocol.HeaderSize];
    private byte[] _body = new byte[64 << 10];
    private long _bytesSent;
    private volatile bool _isClosed;
    private string _role = "";
    private IProgress<MigrationTrace>? _trace;

    /// <summary>Takes over a stream.</summary>
    public Connection(Stream stream) => _stream = stream;

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
    /// <param name="endpoint">A loopback address: records are not encrypted.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DestinationUnreachable"/>, or
    /// <see cref="MigrationErrorId.InvalidOption"/> for an address that is not loopback.</exception>
    public static Connection Open(IPEndPoint endpoint, CancellationToken cancellationToken)
    {
        RequireLoopback(endpoint);
        Socket socket = new(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.ConnectAsync(endpoint, cancellationToken).AsTask().GetAwaiter().GetResult();
            return new Connection(Tune(socket));
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new MigrationException(
                MigrationErrorId.DestinationUnreachable,
                $"No migration receiver answers at {endpoint}: {e.Message}.",
                "Start one there with Start-MigrationReceiver, and check the address, the port and the tunnel.",
                endpoint.ToString(),
                e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Takes over a socket that a listener accepted.</summary>
    public static Connection Accept(Socket socket) => new(Tune(socket));

    /// <summary>Refuses addresses that others can reach: this protocol neither encrypts nor authenticates.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    public static void RequireLoopback(IPEndPoint endpoint)
    {
        if (!IPAddress.IsLoopback(endpoint.Address))
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption,
                $"{endpoint} is not a loopback address, and the memory of a domain must not cross a network unprotected.",
                $"Open a tunnel, such as 'ssh -L {endpoint.Port}:localhost:{endpoint.Port} {endpoint.Address}', and use localhost:{endpoint.Port}.",
                endpoint.ToString());
        }
    }

    /// <summary>Tells of every record from now on. Before the connection is used by several threads.</summary>
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
            if (_stream is NetworkStream network)
            {
                network.Socket.Shutdown(SocketShutdown.Send);
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
        if (_stream is NetworkStream network)
        {
            try
            {
                network.Socket.Shutdown(SocketShutdown.Both);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The peer was faster; closing is all that is left to do.
            }
        }

        _stream.Dispose();
    }

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

    private static NetworkStream Tune(Socket socket)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 10);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
        return new NetworkStream(socket, ownsSocket: true) { WriteTimeout = (int)s_sendTimeout.TotalMilliseconds };
    }
}
