using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Writes what became of a migration.</summary>
internal static class MoveOutcome
{
    /// <summary>Writes the result, or the error, and what is to be said about it. On the pipeline's thread.</summary>
    public static void Write(Cmdlet cmdlet, MigrationJob job)
    {
        if (job.HistoryProblem is { } problem)
        {
            cmdlet.WriteWarning(Text.Format(SR.WarningHistory, job.Location.Info.Name, problem.Message, problem.Remedy));
        }

        if (job.Error is { } error)
        {
            cmdlet.WriteError(ErrorRecords.From(Explain(job, error), job.Location.Info.Name));
            return;
        }

        MigrationOutcome result = job.Outcome!;
        cmdlet.WriteInformation(new InformationRecord(
            Text.Format(SR.InformationMoved, result.Name, result.Destination, Text.Duration(TimeSpan.FromSeconds(result.Downtime)), result.RemoteFaults),
            "PreRecordMigration"));
        if (result.RollbackProof is { IsProved: false })
        {
            cmdlet.WriteWarning(Text.Format(SR.WarningProofFailed, result.Name));
        }

        if (result.Problems.Length > 0)
        {
            cmdlet.WriteWarning(result.Problems);
        }

        cmdlet.WriteObject(result);
    }

    private static Exception Explain(MigrationJob job, Exception error) => error is OperationCanceledException
        ? new CommandException(
            nameof(SR.MigrationStopped),
            ErrorCategory.OperationStopped,
            Text.Format(SR.MigrationStopped, job.Id, job.Location.Info.Name, job.Location.Host.Name),
            SR.MigrationStoppedRemedy,
            job.Location.Info.Name)
        : error;
}
