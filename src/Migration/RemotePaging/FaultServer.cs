using System.Collections.Concurrent;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.RemotePaging;

/// <summary>
/// The source's side of remote faults: the thread that reads the demand connection takes page requests in, and another thread answers them
/// beside the pusher, with which it shares the sent-page table.
/// </summary>
public sealed class FaultServer : IDisposable
{
    private const int QueueLimit = 4 * Protocol.MaximumRequest;
    private const int AnswerPages = 16;
    private readonly Connection _demand;
    private readonly IGuestMemory _memory;
    private readonly SentPageTable _sent;
    private readonly DemandGate _gate;
    private readonly Action<int> _onFault;
    private readonly SentPageLog? _log;
    private readonly WaitingTime _waiting = new(TimeProvider.System);
    private readonly BlockingCollection<int> _queue = new(QueueLimit);
    private long _zeroPages;

    /// <summary>Makes a server; <see cref="Take"/> and <see cref="Answer"/> do the work.</summary>
    /// <param name="demand">The demand connection.</param>
    /// <param name="memory">The memory that travels.</param>
    /// <param name="sent">Shared with the pusher.</param>
    /// <param name="gate">Shared with the pusher, which gives way to requests.</param>
    /// <param name="onFault">Told of each page that is asked for, by the thread that reads the requests.</param>
    /// <param name="log">Told of each page that was asked for, and that went for it; null for nobody.</param>
    public FaultServer(
        Connection demand, IGuestMemory memory, SentPageTable sent, DemandGate gate, Action<int> onFault, SentPageLog? log = null)
    {
        _log = log;
        _demand = demand;
        _memory = memory;
        _sent = sent;
        _gate = gate;
        _onFault = onFault;
    }

    /// <summary>Pages that went because they were asked for, and were all zero.</summary>
    public long ZeroPages => Interlocked.Read(ref _zeroPages);

    /// <summary>Requests so far, and how long they have waited here, those that still wait included.</summary>
    public (long Count, TimeSpan Waited) Requests => _waiting.Now();

    /// <summary>Takes the page requests of a record.</summary>
    /// <param name="type">The record's type.</param>
    /// <param name="body">Its body.</param>
    /// <param name="cancellationToken">Ends the wait for room.</param>
    /// <exception cref="MigrationException">A request is not legal.</exception>
    public void Take(RecordType type, ReadOnlySpan<byte> body, CancellationToken cancellationToken)
    {
        WireReader reader = new(type, body);
        int count = reader.ReadCount(Protocol.MaximumRequest);
        for (int i = 0; i < count; i++)
        {
            int pfn = reader.ReadCount(int.MaxValue);
            if (!_sent.Expects(pfn))
            {
                throw reader.Violation($"a request for page {pfn}, which is not to be sent");
            }

            _gate.Arrived();
            _waiting.Begin();
            _log?.Ask(pfn);
            _queue.Add(pfn, cancellationToken);
            _onFault(pfn);
        }

        reader.ExpectEnd();
    }

    /// <summary>Answers requests until the token is cancelled.</summary>
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
            _waiting.End(count);
            _log?.Sent(SentPageKind.Demanded, pfns.AsSpan(0, count));
            Interlocked.Exchange(ref _zeroPages, batch.ZeroPages);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _queue.Dispose();
}
