using PreRecordMigration.Methods;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>What is said when no runspace has the module any more: the process goes on, and what has left goes on in it.</summary>
internal sealed class ModuleEndWords : EndWords
{
    public override string What => SR.ExitModule;

    public override bool AwaitsWhatHasLeft => false;

    public override string Working(string remains) => Text.Format(SR.ModuleWork, Text.Duration(EndLimits.Stop), remains);

    public override string LettingGo(LiveRecording held) =>
        Text.Format(SR.ModuleLettingGo, held.Location.Info.Name, held.Location.Host.Name, Text.Duration(EndLimits.Stop));

    public override string Waiting(MigrationJob job) => Text.Format(SR.ModuleStopping, DescribeStopping(job));

    public override string WithoutWaiting(MigrationJob job) => job.HasLeft ? Text.Format(SR.ModuleMoving, Describe(job)) : job.ExplainGoingOn();

    public override string Interrupted(MigrationJob job) =>
        Text.Format(SR.ExitInterrupted, job.Id, job.Location.Info.Name, job.Location.Host.Name, job.Destination.Name)
        + Text.Format(SR.ModuleInterruptedNext, job.Id);

    public override string Waiting(MigrationReceiver receiver) =>
        Text.Format(SR.ModuleReceiverStopping, receiver.Host.Name, Text.Duration(EndLimits.Stop));

    public override string? After(MigrationReceiver receiver, bool hasEnded)
    {
        string host = receiver.Host.Name;
        return receiver.Incoming.Any(HasRun) ? Text.Format(SR.ModuleReceiving, Describe(receiver))
            : !hasEnded ? Text.Format(SR.ModuleReceiverNotStopped, host)
            : LeftIn(receiver) is { Length: > 0 } left ? Text.Format(SR.ModuleKept, host, Names(left))
            : Text.Format(SR.ModuleReceiverEnded, host);
    }
}
