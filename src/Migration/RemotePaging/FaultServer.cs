using System.Collections.Concurrent;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.RemotePaging;

/// <summary>
/// The source's side of remote faults: one thread reads page requests, another answers them, beside the pusher. They
/// share the sent-page table.
/// </summary>
public sealed class FaultServer : IDisposable
{
    private const int QueueLimit = 4 * Protocol.MaximumRequest;
    private const int AnswerPages = 16;
    private readonly Connection _demand;
    private readonly IGuestMemory _memory;
    private readonly SentPageTable _sent;
    private readonly DemandGate _gate;
    private readonly Func<bool> _mayAnswer;
    private readonly Action<int> _onFault;
    private readonly BlockingCollection<int> _queue = new(QueueLimit);
    private long _pagesDemanded;

    /// <summary>Makes a server; <see cref="ReadRequests"/> and <see cref="Answer"/> do the work.</summary>
    /// <param name="demand">The demand connection.</param>
    /// <param name="memory">The memory that travels.</param>
    /// <param name="sent">Shared with the pusher.</param>
    /// <param name="gate">Shared with the pusher, which gives way to requests.</param>
    /// <param name="mayAnswer">Whether page requests are legal now.</param>
    /// <param name="onFault">Told of each page that is asked for, by the thread that reads the requests.</param>
    public FaultServer(
        Connection demand, IGuestMemory memory, SentPageTable sent, DemandGate gate, Func<bool> mayAnswer, Action<int> onFault)
    {
        _demand = demand;
        _memory = memory;
        _sent = sent;
        _gate = gate;
        _mayAnswer = mayAnswer;
        _onFault = onFault;
    }

    /// <summary>Pages sent because they were asked for.</summary>
    public long PagesDemanded => Interlocked.Read(ref _pagesDemanded);

    /// <summary>Reads page requests until the connection ends or the token is cancelled.</summary>
    /// <exception cref="MigrationException">The connection was lost, or a request is not legal.</exception>
    public void ReadRequests(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                RecordType type = _demand.Receive(out ReadOnlySpan<byte> body);
                WireReader reader = new(type, body);
                if (type != RecordType.PageRequest || !_mayAnswer())
                {
                    throw reader.Violation("what is not legal on the demand connection now");
                }

                int count = reader.ReadCount(Protocol.MaximumRequest);
                for (int i = 0; i < count; i++)
                {
                    int pfn = reader.ReadCount(int.MaxValue);
                    if (!_sent.Expects(pfn))
                    {
                        throw reader.Violation($"a request for page {pfn}, which is not to be sent");
                    }

                    _gate.Arrived();
                    _queue.Add(pfn, cancellationToken);
                    _onFault(pfn);
                }

                reader.ExpectEnd();
            }
        }
        finally
        {
            _queue.CompleteAdding();
        }
    }

    /// <summary>Answers requests until <see cref="ReadRequests"/> has ended or the token is cancelled.</summary>
    /// <remarks>A page that was pushed may still stand in a queue: it is sent again, because the guest waits.</remarks>
    public void Answer(CancellationToken cancellationToken)
    {
        PageBatch batch = new(AnswerPages);
        int[] pfns = new int[AnswerPages];
        foreach (int first in _queue.GetConsumingEnumerable(cancellationToken))
        {
            // The first page of a burst does not wait for the others: what is there already goes with it.
            int count = 0;
            int pfn = first;
            do
            {
                _sent.TryClaim(pfn);
                pfns[count++] = pfn;
            }
            while (count < AnswerPages && _queue.TryTake(out pfn));

            _demand.Send(batch.Read(RecordType.DemandPages, pfns.AsSpan(0, count), _memory));
            _gate.Answered(count);
            Interlocked.Add(ref _pagesDemanded, count);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _queue.Dispose();
}
