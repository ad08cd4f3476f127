using PreRecordMigration.Errors;

namespace PreRecordMigration.Operations;

/// <summary>Why a migration did not end well, as one process tells another: what an error has that one can act on.</summary>
/// <param name="ErrorId">The error's stable id, or the name of its type where it has none.</param>
/// <param name="Problem">The kind of error, where it is one of an operation.</param>
/// <param name="IsStopped">Whether somebody stopped the migration.</param>
/// <param name="Message">What went wrong.</param>
/// <param name="Remedy">What to do about it; empty where nobody knows.</param>
internal sealed record MigrationFailure(string ErrorId, OperationProblem? Problem, bool IsStopped, string Message, string Remedy)
{
    /// <summary>What is told of an error.</summary>
    /// <param name="error">The error; null where there was none.</param>
    /// <param name="remedyFor">What to do about an error, here.</param>
    public static MigrationFailure? Of(Exception? error, Func<MigrationException, string> remedyFor) => error switch
    {
        null => null,
        MigrationException migration => new(migration.ErrorId.ToString(), null, false, migration.Message, remedyFor(migration)),
        OperationException operation => new(operation.ErrorId, operation.Problem, false, operation.Message, operation.Remedy),
        OperationCanceledException => new(nameof(MigrationErrorId.Cancelled), null, true, error.Message, ""),
        _ => new(error.GetType().Name, null, false, error.Message, ""),
    };

    /// <summary>An error of the same kind.</summary>
    /// <param name="domain">The domain that it is about.</param>
    public Exception ToException(string domain) =>
        IsStopped ? new OperationCanceledException(Message)
        : Problem is { } problem ? new OperationException(ErrorId, problem, Message, Remedy, domain)
        : Enum.GetNames<MigrationErrorId>().Contains(ErrorId) ? new MigrationException(Enum.Parse<MigrationErrorId>(ErrorId), Message, Remedy, domain)
        : new InvalidOperationException(Message);
}
