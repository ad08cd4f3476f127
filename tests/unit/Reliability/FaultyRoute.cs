using System.Buffers.Binary;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Reliability;

/// <summary>A way to a receiver on which things go wrong: both connections of the attempt under way.</summary>
internal sealed class FaultyRoute(FaultPlan plan, Func<Route> way) : Route("the destination")
{
    private readonly Lock _lock = new();
    private FaultyChannel? _bulk;
    private FaultyChannel? _demand;
    private int _opened;
    private bool _isSilent;
    private Upset? _awaited;

    /// <summary>Whether nothing passes on connections that nobody closed.</summary>
    public bool IsSilent => Volatile.Read(ref _isSilent);

    /// <summary>Done when nothing passes any more.</summary>
    public TaskCompletionSource Silenced { get; private set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether a record was to be tampered with that never came.</summary>
    public bool IsAwaiting => _awaited is not null;

    public void Do(Upset upset)
    {
        (FaultyChannel? bulk, FaultyChannel? demand) = (_bulk, _demand);
        switch (upset)
        {
            case Upset.BulkCut:
                bulk?.Dispose();
                break;
            case Upset.DemandCut:
                demand?.Dispose();
                break;
            case Upset.BothCut or Upset.SourceGone or Upset.DestinationGone:
                demand?.Dispose();
                bulk?.Dispose();
                break;
            case Upset.Silent:
                Volatile.Write(ref _isSilent, true);
                Silenced.TrySetResult();
                break;
            default:
                _awaited = upset;
                break;
        }
    }

    internal override PeerChannel Open(TimeSpan peerTimeout, TimeProvider clock, CancellationToken cancellationToken)
    {
        bool isDemand;
        FaultyChannel channel = new(this, way().Open(peerTimeout, clock, cancellationToken));
        lock (_lock)
        {
            isDemand = ++_opened % 2 == 0;
            if (isDemand)
            {
                _demand = channel;
            }
            else
            {
                // A new attempt has a way of its own.
                (_bulk, _demand, _isSilent, _awaited) = (channel, null, false, null);
            }
        }

        if (isDemand)
        {
            plan.PassState(_opened == 2 ? $"source state {nameof(SourceState.Greeting)}" : $"source state {nameof(SourceState.Resuming)}");
        }

        return channel;
    }

    /// <summary>Ends an attempt. Where it did not open both connections, the next attempt's are not taken for its second.</summary>
    public void EndAttempt()
    {
        lock (_lock)
        {
            _opened += _opened % 2;
            Silenced = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>The bytes that become of a record.</summary>
    private byte[] Tamper(byte[] record, bool isToDestination)
    {
        RecordType type = (RecordType)BinaryPrimitives.ReadUInt16LittleEndian(record);
        bool isControl = type is not (RecordType.Beat or RecordType.Pages or RecordType.CompressedPages or RecordType.CorePages);
        Upset upset;
        lock (_lock)
        {
            if (!isControl || _awaited is not { } awaited || isToDestination != awaited.ToString().EndsWith("ToDestination", StringComparison.Ordinal))
            {
                return record;
            }

            (upset, _awaited) = (awaited, null);
        }

        switch (upset)
        {
            case Upset.DoubledToDestination or Upset.DoubledToSource:
                return [.. record, .. record];
            case Upset.DroppedToDestination or Upset.DroppedToSource:
                Do(Upset.BothCut);
                return [];
            case Upset.CorruptedToDestination or Upset.CorruptedToSource:
                record[0] ^= 0x80;
                return record;
            default:
                byte[] misshapen = record.Length > Protocol.HeaderSize ? record[..^1] : [.. record, 0];
                BinaryPrimitives.WriteInt32LittleEndian(misshapen.AsSpan(4), misshapen.Length - Protocol.HeaderSize);
                return misshapen;
        }
    }

    private sealed class FaultyChannel(FaultyRoute route, PeerChannel inner) : PeerChannel
    {
        private readonly FaultyStream _stream = new(route, inner.Stream);

        public override Stream Stream => _stream;

        public override string? Peer => inner.Peer;

        public override void EndSending()
        {
            if (!route.IsSilent)
            {
                inner.EndSending();
            }
        }

        protected override void Dispose(bool disposing)
        {
            _stream.Close();
            inner.Dispose();
        }
    }

    /// <summary>Passes whole records on, one by one.</summary>
    private sealed class FaultyStream(FaultyRoute route, Stream inner) : Stream
    {
        private readonly object _gate = new();
        private readonly List<byte> _outgoing = [];
        private readonly List<byte> _incoming = [];
        private readonly Queue<byte> _ready = new();
        private bool _isClosed;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            byte[] part = new byte[32 << 10];
            while (_ready.Count == 0)
            {
                int read = inner.Read(part);
                if (route.IsSilent)
                {
                    // While the way is silent, neither bytes nor the other end's closing arrive.
                    lock (_gate)
                    {
                        while (!_isClosed)
                        {
                            Monitor.Wait(_gate);
                        }
                    }

                    throw new IOException("The connection was closed here.");
                }

                if (read == 0)
                {
                    return 0;
                }

                _incoming.AddRange(part.AsSpan(0, read));
                foreach (byte[] record in TakeRecords(_incoming))
                {
                    foreach (byte passed in route.Tamper(record, isToDestination: false))
                    {
                        _ready.Enqueue(passed);
                    }
                }
            }

            int count = 0;
            while (count < buffer.Length && _ready.TryDequeue(out byte next))
            {
                buffer[count++] = next;
            }

            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _outgoing.AddRange(buffer);
            foreach (byte[] record in TakeRecords(_outgoing))
            {
                byte[] passed = route.Tamper(record, isToDestination: true);
                if (!route.IsSilent)
                {
                    inner.Write(passed);
                }
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Write(buffer.Span);
            return ValueTask.CompletedTask;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Close()
        {
            lock (_gate)
            {
                _isClosed = true;
                Monitor.PulseAll(_gate);
            }
        }

        private static List<byte[]> TakeRecords(List<byte> bytes)
        {
            List<byte[]> records = [];
            byte[] all = [.. bytes];
            int at = 0;
            while (all.Length - at >= Protocol.HeaderSize)
            {
                int length = Protocol.HeaderSize + BinaryPrimitives.ReadInt32LittleEndian(all.AsSpan(at + 4));
                if (all.Length - at < length)
                {
                    break;
                }

                records.Add(all[at..(at + length)]);
                at += length;
            }

            bytes.RemoveRange(0, at);
            return records;
        }
    }
}
