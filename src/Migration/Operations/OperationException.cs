using PreRecordMigration.Errors;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>
/// An error about what this process knows and does, such as a host that is known already or a recording that is not held any more. Its
/// texts may be shown, as those of a <see cref="MigrationException"/>.
/// </summary>
public sealed class OperationException : Exception
{
    /// <summary>Describes an error.</summary>
    /// <param name="errorId">Its stable id: the name of its message in the resources.</param>
    /// <param name="problem">What kind of error it is.</param>
    /// <param name="message">What is wrong.</param>
    /// <param name="remedy">What to do about it.</param>
    /// <param name="target">The offending object; null where there is none.</param>
    internal OperationException(string errorId, OperationProblem problem, string message, string remedy, object? target)
        : base(ForeignText.Show(message))
    {
        ErrorId = errorId;
        Problem = problem;
        Remedy = ForeignText.Show(remedy);
        Target = target;
    }

    /// <summary>The same error, with another remedy.</summary>
    /// <param name="remedy">What to do about it.</param>
    public OperationException WithRemedy(string remedy) => new(ErrorId, Problem, Message, remedy, Target);

    /// <summary>The stable id.</summary>
    public string ErrorId { get; }

    /// <summary>The kind of error.</summary>
    public OperationProblem Problem { get; }

    /// <summary>What to do about it.</summary>
    public string Remedy { get; }

    /// <summary>The offending object; null where there is none.</summary>
    public object? Target { get; }
}

/// <summary>Kinds of errors of operations: what whoever asked can tell his own caller by.</summary>
public enum OperationProblem
{
    /// <summary>There is nothing of that name or number.</summary>
    NotFound,

    /// <summary>There is one already.</summary>
    Exists,

    /// <summary>Something else works with it.</summary>
    Busy,

    /// <summary>What was asked for makes no sense.</summary>
    Argument,

    /// <summary>It cannot be done with what it was asked of, as that is now.</summary>
    State,

    /// <summary>It would not be safe.</summary>
    Security,

    /// <summary>It is beyond a limit that was given.</summary>
    Limit,

    /// <summary>Nothing is begun any more.</summary>
    Stopped,

    /// <summary>It was done, and did not end well.</summary>
    Result,

    /// <summary>A secret is missing or wrong.</summary>
    Authentication,

    /// <summary>What stands in a file is not what it should be.</summary>
    Data,

    /// <summary>More rights are needed.</summary>
    Access,

    /// <summary>A file cannot be read or written.</summary>
    Reading,
}
