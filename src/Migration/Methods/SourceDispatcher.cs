using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>Carries out what a source's session decides: records to the wire, decisions to the custody. It decides nothing.</summary>
/// <param name="custody">Holds the domain.</param>
/// <param name="send">Sends a record on the bulk connection.</param>
internal sealed class SourceDispatcher(SourceCustody custody, Action<ControlRecord> send)
{
    private readonly List<Exception> _afterwards = [];

    /// <summary>What failed once the outcome was decided, in order: it changes nothing of the outcome.</summary>
    public IReadOnlyList<Exception> Afterwards => _afterwards;

    /// <summary>How long it took to note that the domain leaves; zero before that.</summary>
    public TimeSpan LeaveTime { get; private set; }

    /// <summary>When the domain here was destroyed, as a timestamp of the system's clock; null before that.</summary>
    public long? DestroyedAt { get; private set; }

    /// <summary>Carries an action out.</summary>
    /// <returns>The event that follows from it; null for none.</returns>
    public SourceEvent? CarryOut(SourceAction action)
    {
        try
        {
            switch (action)
            {
                case SourceAction.Send message:
                    send(message.Record);
                    return null;
                case SourceAction.Leave:
                    long begun = TimeProvider.System.GetTimestamp();
                    custody.Leave();
                    LeaveTime = TimeProvider.System.GetElapsedTime(begun);
                    return new SourceEvent.Left();
                case SourceAction.Destroy wholly:
                    custody.Destroy(wholly.Word);
                    DestroyedAt = TimeProvider.System.GetTimestamp();
                    return null;
                case SourceAction.Return never:
                    custody.Return(never.Word);
                    return null;
                case SourceAction.RunOn:
                    custody.RunOn();
                    return null;
                default:
                    throw new ArgumentOutOfRangeException(nameof(action), action, null);
            }
        }
#pragma warning disable CA1031 // What an action throws, of whatever type, is the next event: the session decides.
        catch (Exception error)
#pragma warning restore CA1031
        {
            switch (action)
            {
                case SourceAction.Send { Record: AbortRecord or ReleasedRecord }:
                    // The destination is told where it can still be reached; where it cannot, the loss of the connection tells it the same.
                    return null;
                case SourceAction.Destroy or SourceAction.Return or SourceAction.RunOn:
                    _afterwards.Add(error);
                    return null;
                default:
                    return Failure(error);
            }
        }
    }

    /// <summary>What a thread threw, as the session's event.</summary>
    public static SourceEvent Failure(Exception exception) => exception is OperationCanceledException
        ? new SourceEvent.Cancelled(new MigrationException(
            MigrationErrorId.Cancelled, "The migration was cancelled at the source.", "Start it again.", null, exception))
        : ProtocolErrors.Of(exception) switch
        {
            { ErrorId: MigrationErrorId.ConnectionLost } lost => new SourceEvent.Lost(lost),
            { } error => new SourceEvent.Failed(error),
        };
}
