using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Transfer;

/// <content>What comes: records of known types and bounded length, within the time that an answer may take.</content>
public sealed partial class Connection
{
    /// <summary>
    /// How long <see cref="Receive"/> waits for a record before it takes the connection for lost, whether the peer beats or
    /// not: for answers that a peer owes at once. No limit where it is null. Where it is set while a receive waits, the time begins anew.
    /// </summary>
    public TimeSpan? ReceiveTimeout
    {
        get
        {
            lock (_gate)
            {
                return _receiveTimeout;
            }
        }

        set
        {
            lock (_gate)
            {
                _receiveTimeout = value;
                LimitAnswer();
            }
        }
    }

    /// <summary>Most bytes that a record's body may have from now on.</summary>
    internal int MaximumBody { get; set; } = Protocol.MaximumLength;

    /// <summary>The memory that its buffer is counted against, given back when the connection is closed; null where nobody
    /// counts.</summary>
    internal MemoryShare? Memory { get; set; }

    /// <summary>Waits for the next record; beats, and optional records of unknown type, are passed over.</summary>
    /// <param name="body">The body; valid until the next call.</param>
    /// <returns>The record's type, which is a known one.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ConnectionLost"/> or
    /// <see cref="MigrationErrorId.ProtocolViolation"/>.</exception>
    public RecordType Receive(out ReadOnlySpan<byte> body)
    {
        SetReceiving(true);
        try
        {
            while (true)
            {
                (RecordType type, int length) = ReceiveAny();
                if (type == RecordType.Beat)
                {
                    if (length > 0)
                    {
                        throw ProtocolErrors.Violation($"The peer sent a beat with a body of {length} bytes.");
                    }
                }
                else if (Enum.IsDefined(type))
                {
                    body = _body.AsSpan(0, length);
                    _trace?.Report(new MigrationTrace(
                        MigrationTraceKind.Received, type.ToString(), _role, Protocol.HeaderSize + length));
                    return type;
                }
            }
        }
        finally
        {
            SetReceiving(false);
        }
    }

    private void SetReceiving(bool isReceiving)
    {
        lock (_gate)
        {
            _isReceiving = isReceiving;
            if (_receiveTimeout is not null)
            {
                LimitAnswer();
            }
        }
    }

    /// <summary>Begins or ends the time that an answer may take. Call it with the gate held.</summary>
    private void LimitAnswer()
    {
        _answerLimit?.Dispose();
        _answerLimit = _isReceiving && !_isClosed && _receiveTimeout is TimeSpan limit
            ? _clock.CreateTimer(_ => Lose(ProtocolErrors.Silent("did not answer", limit)), null, limit, Timeout.InfiniteTimeSpan)
            : null;
    }

    /// <summary>Waits for the next record of any kind that the protocol allows; its body is in the buffer.</summary>
    private (RecordType Type, int Length) ReceiveAny()
    {
        Fill(_header);
        RecordType type = (RecordType)BinaryPrimitives.ReadUInt16LittleEndian(_header);
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(_header.AsSpan(2));
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(_header.AsSpan(4));
        if (type is Protocol.TlsHandshake or Protocol.TlsAlert)
        {
            throw ProtocolErrors.Tls();
        }

        if (length > MaximumBody || (flags & ~Protocol.OptionalFlag) != 0)
        {
            throw ProtocolErrors.Violation(
                $"The peer sent a record of type {(ushort)type}, flags 0x{flags:X4} and length {length}, which the protocol does not have.");
        }

        if (!Enum.IsDefined(type) && (flags & Protocol.OptionalFlag) == 0)
        {
            throw ProtocolErrors.Violation($"The peer sent a record of the unknown type {(ushort)type}.");
        }

        // The buffer grows with what really arrives, not with what a header claims.
        int received = 0;
        while (received < length)
        {
            if (received == _body.Length)
            {
                int larger = (int)Math.Min(length, 2L * _body.Length);
                Memory?.Take(larger - _body.Length, $"A record of {length} bytes");
                Array.Resize(ref _body, larger);
            }

            int take = (int)Math.Min(length - received, _body.Length - received);
            Fill(_body.AsSpan(received, take));
            received += take;
        }

        return (type, (int)length);
    }

    private void Fill(Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int read = 0;
            _pulse.BeginListening();
            try
            {
                read = _stream.Read(buffer);
            }
            catch (Exception e) when (IsLoss(e))
            {
                throw Loss(e);
            }
            finally
            {
                _pulse.EndListening(read > 0);
            }

            buffer = read > 0
                ? buffer[read..]
                : throw Loss(_isClosed ? null : new EndOfStreamException("It was closed at the other end."));
        }
    }
}
