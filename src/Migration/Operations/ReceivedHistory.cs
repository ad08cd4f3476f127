using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.History;
using PreRecordMigration.Methods;
using PreRecordMigration.Telemetry;

namespace PreRecordMigration.Operations;

/// <summary>What the history keeps of migrations that came in.</summary>
internal static class ReceivedHistory
{
    /// <summary>Notes how a migration ended here. One that named no domain is none: the receiver's rejections have it.</summary>
    /// <param name="history">The history.</param>
    /// <param name="incoming">The migration.</param>
    public static void Note(this MigrationHistory history, IncomingMigration incoming)
    {
        if (incoming.DomainName.Length > 0)
        {
            HistoryEntry entry = Describe(incoming);
            history.Note(entry);
            MigrationMetrics.Note(entry);
        }
    }

    private static HistoryEntry Describe(IncomingMigration incoming)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        Exception? error = incoming.Error ?? incoming.AfterwardsError;
        return new HistoryEntry
        {
            Time = now,
            Name = incoming.DomainName,
            Side = HistorySide.Destination,
            Fate = incoming.Holding switch
            {
                IncomingHolding.Whole or IncomingHolding.Taken => HistoryFate.Moved,
                IncomingHolding.Started => HistoryFate.Interrupted,
                IncomingHolding.GivenUp => HistoryFate.GivenUp,
                IncomingHolding.None or IncomingHolding.Gone => HistoryFate.NeverRan,
                _ => HistoryFate.Unfinished,
            },
            Source = incoming.Custody.Source ?? "",
            Destination = incoming.HostName,
            Hypervisor = incoming.Hypervisor,
            Attempts = incoming.Attempts,
            Started = now - incoming.Age,
            TotalTime = incoming.Age.TotalSeconds,
            RemoteFaults = incoming.RemoteFaults,
            ErrorId = error is null ? null : (error as MigrationException)?.ErrorId.ToString() ?? error.GetType().Name,
            Error = error?.Message,
        };
    }
}
