using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <content>What comes on both connections, and where it goes.</content>
internal sealed partial class SourceAttempt
{
    private void ReceiveControl(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested && !State.IsFinal)
        {
            RecordType type = Bulk.Receive(out ReadOnlySpan<byte> body);
            if (type == RecordType.UsedPages)
            {
                TakeUsed(body);
            }
            else if (_control.Read(type, body) is { } record)
            {
                Missing = (record as ResumeRecord)?.Missing ?? Missing;
                TimesThere ??= record as HandoverTimesRecord;
                Observed ??= record as ObservationsRecord;
                if (record is WelcomeRecord welcome)
                {
                    Volatile.Write(ref _capabilities, welcome.Capabilities);
                }

                Post(new SourceEvent.Received(record));
            }

            Bulk.ReceiveTimeout = null;
        }
    }

    /// <summary>Takes what the destination says of the pages that the guest has used; only once all of them are there.</summary>
    private void TakeUsed(ReadOnlySpan<byte> body)
    {
        if (State.Stage < SourceStage.Releasing || Populated is not { } populated)
        {
            throw ProtocolErrors.Violation(
                $"The destination sent {RecordType.UsedPages}, which is not legal while the source is {State.GetType().Name}.");
        }

        RestPages.Decode(body, populated, Used ??= new PageBitmap(populated.PageCount), RecordType.UsedPages);
    }

    private void ReceiveRequests(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            RecordType type = _connections.Demand.Receive(out ReadOnlySpan<byte> body);
            SourceState state = State;
            if (type == RecordType.PageRequest && state.Stage >= SourceStage.Releasing)
            {
                // The page was asked for before the last one arrived, and the request is read only after the other connection said that all are there.
                continue;
            }

            if (type != RecordType.PageRequest || !state.MayAnswerFaults)
            {
                throw ProtocolErrors.Violation(
                    $"The destination sent {type} on the demand connection, which is not legal while the source is {state.GetType().Name}.");
            }

            // A destination may ask before the owner has made what answers.
            _serving.Task.Wait(cancellationToken);
            _serving.Task.Result.Take(type, body, cancellationToken);
        }
    }

    /// <summary>Waits for the destination's welcome on the demand connection; what comes after it are requests.</summary>
    private void WelcomeDemand()
    {
        RecordType type = _connections.Demand.Receive(out ReadOnlySpan<byte> body);
        ControlRecord record = RecordCodec.Decode(type, body);
        if (record is AbortRecord abort)
        {
            throw new MigrationException(abort.ErrorId, $"The destination turned the connection away: {abort.Message}", abort.Remedy);
        }

        if (record is not WelcomeRecord welcome)
        {
            throw ProtocolErrors.Violation($"The destination answered the demand connection with {type}.");
        }

        if (welcome.Version != Protocol.Version)
        {
            throw ProtocolErrors.Version(welcome.Version, Protocol.Version);
        }

        _connections.Demand.ReceiveTimeout = null;
    }
}
