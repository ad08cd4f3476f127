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

        Write(cmdlet, job.Describe(), job.Error);
    }

    /// <summary>As <see cref="Write(Cmdlet, MigrationJob)"/>, of one of another process that has ended.</summary>
    public static void Write(Cmdlet cmdlet, MigrationInfo elsewhere) => Write(cmdlet, elsewhere, elsewhere.GetFailure());

    private static void Write(Cmdlet cmdlet, MigrationInfo ended, Exception? error)
    {
        if (error is not null || ended.GetResult() is not { } result)
        {
            cmdlet.WriteError(ErrorRecords.From(Explain(ended, error), ended.Name));
            return;
        }

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

    private static Exception Explain(MigrationInfo ended, Exception? error) => error is OperationCanceledException
        ? new CommandException(
            nameof(SR.MigrationStopped),
            ErrorCategory.OperationStopped,
            Text.Format(SR.MigrationStopped, ended.Id, ended.Name, ended.Source),
            SR.MigrationStoppedRemedy,
            ended.Name)
        : error ?? new InvalidOperationException(ended.Error);
}
