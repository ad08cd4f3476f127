using PreRecordMigration.Methods;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>What is said when the process ends: it waits for what has left, and what stays behind is another process' to take over.</summary>
internal sealed class SessionEndWords : EndWords
{
    public override string What => SR.ExitSession;

    public override bool AwaitsWhatHasLeft => true;

    public override string Working(string remains) => Text.Format(SR.ExitWork, Text.Duration(EndLimits.Stop), remains);

    public override string LettingGo(LiveRecording held) =>
        Text.Format(SR.ExitLettingGo, held.Location.Info.Name, held.Location.Host.Name, Text.Duration(EndLimits.Stop));

    public override string Waiting(MigrationJob job) => job.HasLeft
        ? Text.Format(SR.ExitMoving, [.. Describe(job), Next(IsSimulated(job), SR.ExitMovingNext, job.Location.Info.Name)])
        : Text.Format(SR.ExitStopping, DescribeStopping(job));

    public override string WithoutWaiting(MigrationJob job)
    {
        object[] of = [job.Id, job.Location.Info.Name, job.Location.Host.Name, job.Destination.Name, job.ExplainHolder()];
        return job.HasLeft
            ? Text.Format(SR.ExitWithoutMoved, of) + Next(IsSimulated(job), SR.ExitWithoutMovedNext, of)
            : Text.Format(SR.ExitWithoutStopped, of);
    }

    public override string Interrupted(MigrationJob job)
    {
        object[] of = [job.Id, job.Location.Info.Name, job.Location.Host.Name, job.Destination.Name];
        return Text.Format(SR.ExitInterrupted, of) + Next(IsSimulated(job), SR.ExitInterruptedNext, of);
    }

    public override string Waiting(MigrationReceiver receiver) => Text.Format(
        SR.ExitReceiving,
        [.. Describe(receiver), Next(receiver.Incoming.Any(incoming => incoming.IsSimulated), SR.ExitReceivingNext, receiver.Host.Name)]);

    public override string? After(MigrationReceiver receiver, bool hasEnded)
    {
        IncomingMigration[] left = LeftIn(receiver);
        string host = receiver.Host.Name;
        return left.Length == 0
            ? null
            : Text.Format(SR.ExitKept, host, Names(left)) + Next(left.Any(incoming => incoming.IsSimulated), SR.ExitKeptNext, host);
    }
}
