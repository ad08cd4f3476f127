using System.Buffers.Binary;
using System.Net.Sockets;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Transfer;

/// <summary>
/// One connection of a session: whole records in and out. Any number of threads may send; one receives. Closing it from
/// another thread ends a blocked receive or send with <see cref="MigrationErrorId.ConnectionLost"/>, and so does a peer that
/// has gone: from its greeting on (<see cref="HelloRecord"/>, <see cref="WelcomeRecord"/>) a connection beats, and takes a
/// peer that is silent for too long for lost.
/// </summary>
public sealed partial class Connection : IDisposable
{
    /// <summary>Bytes that are written at once. A long record goes in such pieces, so that each one that has gone shows that the peer
    /// still takes bytes.</summary>
    private const int WrittenAtOnce = 64 << 10;

    private static readonly byte[] s_beat = MakeBeat();
    private readonly PeerChannel _channel;
    private readonly Stream _stream;
    private readonly TimeProvider _clock;
    private readonly Pulse _pulse;
    private readonly object _gate = new();
    private readonly byte[] _header = new byte[Protocol.HeaderSize];
    private byte[] _body = new byte[64 << 10];
    private long _bytesSent;
    private bool _isSending;
    private bool _isReceiving;
    private volatile bool _isClosed;
    private TimeSpan? _receiveTimeout;
    private ITimer? _answerLimit;
    private MigrationException? _loss;
    private string _role = "";
    private volatile IProgress<MigrationTrace>? _trace;

    /// <summary>Takes over a channel.</summary>
    /// <param name="channel">The channel; closed with this.</param>
    /// <param name="peerTimeout">How long the peer may be silent; null for <see cref="PeerTimeout.Default"/>.</param>
    /// <param name="clock">Measures the time; null for the system's.</param>
    public Connection(PeerChannel channel, TimeSpan? peerTimeout = null, TimeProvider? clock = null)
    {
        _channel = channel;
        _stream = channel.Stream;
        _clock = clock ?? TimeProvider.System;
        _pulse = new Pulse(_clock, peerTimeout ?? PeerTimeout.Default, TryBeat, Lose);
    }

    /// <summary>Takes over a stream that leads to nobody in particular.</summary>
    /// <param name="stream">The stream; closed with this.</param>
    /// <param name="peerTimeout">How long the peer may be silent; null for <see cref="PeerTimeout.Default"/>.</param>
    /// <param name="clock">Measures the time; null for the system's.</param>
    public Connection(Stream stream, TimeSpan? peerTimeout = null, TimeProvider? clock = null)
        : this(new StreamChannel(stream), peerTimeout, clock)
    {
    }

    /// <summary>Who is at the other end, as the transport has proved it; null where it proves nothing.</summary>
    public string? Peer => _channel.Peer;

    /// <summary>Which host is at the other end; null where that is this one, as with a tunnel.</summary>
    internal string? PeerAddress => _channel.Address;

    /// <summary>Bytes of records sent so far, headers included; beats are none.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <summary>Threads that send or wait to.</summary>
    internal int Senders => _pulse.Senders;

    /// <summary>Connects to a receiver.</summary>
    /// <param name="route">The way there.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DestinationUnreachable"/>, or what keeps the two
    /// sides from trusting each other.</exception>
    public static Connection Open(Route route, CancellationToken cancellationToken) =>
        Open(route, PeerTimeout.Default, cancellationToken);

    /// <summary>Connects to a receiver.</summary>
    /// <param name="route">The way there.</param>
    /// <param name="peerTimeout">How long the peer may be silent, from now on.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="clock">Measures the time; null for the system's.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DestinationUnreachable"/>, or what keeps the two
    /// sides from trusting each other.</exception>
    public static Connection Open(
        Route route, TimeSpan peerTimeout, CancellationToken cancellationToken, TimeProvider? clock = null) =>
        new(route.Open(peerTimeout, clock ?? TimeProvider.System, cancellationToken), peerTimeout, clock);

    /// <summary>Takes over a socket that a listener accepted; bytes go as they are.</summary>
    public static Connection Accept(Socket socket) => new(new SocketChannel(socket));

    /// <summary>Tells of every record from now on.</summary>
    /// <param name="role">What to call the connection.</param>
    /// <param name="trace">Who is told, on the thread that sends or receives; null for nobody.</param>
    internal void TraceTo(string role, IProgress<MigrationTrace>? trace) => (_role, _trace) = (role, trace);

    /// <summary>Sends a control record, after the parts that must go ahead of it.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ConnectionLost"/>.</exception>
    public void Send(ControlRecord record)
    {
        foreach (byte[] part in RecordCodec.EncodeAhead(record))
        {
            Send(part);
        }

        Send(RecordCodec.Encode(record));
        if (record is HelloRecord or WelcomeRecord)
        {
            _pulse.Start();
        }
    }

    /// <summary>Sends an encoded record.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ConnectionLost"/>.</exception>
    public void Send(ReadOnlyMemory<byte> record)
    {
        _pulse.BeginSending();
        try
        {
            EnterSending();
            try
            {
                Write(record.Span);
            }
            finally
            {
                LeaveSending();
            }
        }
        finally
        {
            _pulse.EndSending();
        }

        Interlocked.Add(ref _bytesSent, record.Length);
        _trace?.Report(new MigrationTrace(
            MigrationTraceKind.Sent, ((RecordType)BinaryPrimitives.ReadUInt16LittleEndian(record.Span)).ToString(), _role, record.Length));
    }

    /// <summary>Sends no more; what was sent before still reaches the peer, which sees the end after it.</summary>
    public void EndSending()
    {
        try
        {
            _channel?.EndSending();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            // The peer has closed it already.
        }
    }

    /// <summary>
    /// Closes after the peer has: what was sent last (an abort's reason) would otherwise be lost with a connection that is
    /// closed while bytes from the peer are still unread.
    /// </summary>
    /// <param name="patience">How long the peer may take before the connection is closed all the same.</param>
    public void CloseAfterPeer(TimeSpan patience)
    {
        _pulse.Dispose();
        using (_clock.CreateTimer(_ => Dispose(), null, patience, Timeout.InfiniteTimeSpan))
        {
            try
            {
                _channel.EndSending();
                while (_stream.Read(_body) > 0)
                {
                    // The session has ended: what still comes is read only to see when the peer stops.
                }
            }
#pragma warning disable CA1031 // Gone already, or closed because its time is over: it is closed in any case.
            catch (Exception)
#pragma warning restore CA1031
            {
            }
        }

        Dispose();
    }

    /// <summary>Closes the connection, within seconds and without an error; blocked calls end.</summary>
    public void Dispose()
    {
        _pulse.Dispose();
        lock (_gate)
        {
            _isClosed = true;
            LimitAnswer();
            Monitor.PulseAll(_gate);
        }

        _channel.Dispose();
        Memory?.Dispose();
    }

    /// <summary>Lets go of what was received last: the connection is closed, and nobody receives any more.</summary>
    internal void ForgetBuffer() => _body = [];

    private static byte[] MakeBeat()
    {
        byte[] beat = new byte[Protocol.HeaderSize];
        RecordCodec.WriteHeader(beat, RecordType.Beat, 0);
        return beat;
    }

    /// <summary>Whether an exception means that the connection is lost: one that streams throw when the peer has gone, or any at all after
    /// this side closed it under the call.</summary>
    private bool IsLoss(Exception e) => _isClosed || e is IOException or ObjectDisposedException or SocketException;

    private MigrationException Loss(Exception? cause) => Volatile.Read(ref _loss) ?? ProtocolErrors.Lost(cause);

    /// <summary>Takes the connection for lost: whoever is blocked on it is told why.</summary>
    private void Lose(MigrationException why)
    {
        if (!_isClosed)
        {
            Interlocked.CompareExchange(ref _loss, why, null);
            Dispose();
        }
    }

    /// <summary>Waits until nobody else writes: a beat that the peer does not take must not keep a close from being noticed.</summary>
    private void EnterSending()
    {
        lock (_gate)
        {
            while (_isSending && !_isClosed)
            {
                Monitor.Wait(_gate);
            }

            if (_isClosed)
            {
                throw Loss(null);
            }

            _isSending = true;
        }
    }

    private void LeaveSending()
    {
        lock (_gate)
        {
            _isSending = false;
            Monitor.Pulse(_gate);
        }
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                int take = Math.Min(bytes.Length, WrittenAtOnce);
                _stream.Write(bytes[..take]);
                _pulse.HasSent();
                bytes = bytes[take..];
            }
        }
        catch (Exception e) when (IsLoss(e))
        {
            throw Loss(e);
        }
    }

    private void TryBeat()
    {
        lock (_gate)
        {
            if (_isSending || _isClosed)
            {
                return;
            }

            _isSending = true;
        }

        // Whoever asks for a beat must not be kept waiting by a peer that takes nothing. Such a peer gets none; where it is not known, the write is waited for elsewhere.
        _ = BeatAsync();
    }

    private async Task BeatAsync()
    {
        try
        {
            if (_channel.TakesBytes is not { } takesBytes)
            {
                await _stream.WriteAsync(s_beat).ConfigureAwait(false);
            }
            else if (takesBytes)
            {
                _stream.Write(s_beat);
            }
        }
#pragma warning disable CA1031 // A peer that has gone is the next receive's to find, after what it sent last has been read.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
        finally
        {
            LeaveSending();
        }
    }
}
