using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <content>What comes on both connections, and where it goes.</content>
internal sealed partial class IncomingAttempt
{
    private void ReceiveRecords(CancellationToken cancellationToken)
    {
        PageBatch batch = new();
        bool isBulk = false;
        while (!cancellationToken.IsCancellationRequested)
        {
            RecordType type = _bulk.Receive(out ReadOnlySpan<byte> body);
            if (State.IsFinal)
            {
                // The session has ended: what still comes is read only to see when the source stops.
                continue;
            }

            if (!isBulk && State is DestinationState.Running && _placer is not null)
            {
                // From here on this thread places pushed pages, for which no vCPU waits; it must not keep those from running that place
                // demanded ones.
                BulkThread.Enter();
                isBulk = true;
            }

            Take(type, body, batch);
            _recordsTaken++;
            PostWhenAllPlaced();

            // Where the work is broken off, or about to be, this goes on reading: what comes may still say why.
            _pump.WaitWhile(state => state.MustWait && !IsOver(state));
        }
    }

    private void ReceiveDemanded(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            RecordType type = _demand.Receive(out ReadOnlySpan<byte> body);
            if (type != RecordType.DemandPages || _requester is not { } requester)
            {
                throw ProtocolErrors.Violation(
                    $"The source sent {type} on the demand connection, which is not legal while the destination is {State.GetType().Name}.");
            }

            requester.Take(type, body);
            PostWhenAllPlaced();
        }
    }

    private void Take(RecordType type, ReadOnlySpan<byte> body, PageBatch batch)
    {
        DestinationState state = State;
        switch (type)
        {
            case RecordType.CorePages or RecordType.Pages or RecordType.CompressedPages or RecordType.Rest when IsOver(state):
                // The attempt has ended, so nobody places this page any more.
                break;
            case RecordType.CorePages when state.MayTakeCorePages:
                batch.Decode(type, body, _migration.Populated!, out ReadOnlySpan<int> core, out ReadOnlySpan<byte> contents);
                _corePages!.Add(core, contents);
                break;
            case RecordType.Pages or RecordType.CompressedPages when state.MayTakePages:
                batch.Decode(type, body, _migration.Populated!, out ReadOnlySpan<int> pfns, out ReadOnlySpan<byte> pages);
                if (_placer is { } placer)
                {
                    placer.Place(pfns, pages);
                }
                else
                {
                    _migration.Custody.Domain.Memory.Write(pfns, pages);
                    _early?.Arrived(pfns);
                }

                break;
            case RecordType.Rest when state.MayTakeRest:
                _early!.StillToCome(body);
                break;
            case RecordType.CorePages or RecordType.Pages or RecordType.CompressedPages or RecordType.Rest or RecordType.PageRequest or RecordType.DemandPages:
                throw ProtocolErrors.Violation(
                    $"The source sent {type} on the bulk connection, which is not legal while the destination is {state.GetType().Name}.");
            default:
                if (_control.Read(type, body) is { } record)
                {
                    _pump.Post(new DestinationEvent.Received(record));
                }

                break;
        }
    }

    private void PostWhenAllPlaced()
    {
        if (_placer is { Unplaced: 0 } && State is DestinationState.Running { IsAllPlaced: false })
        {
            _pump.Post(new DestinationEvent.PlacedAll());
        }
    }
}
