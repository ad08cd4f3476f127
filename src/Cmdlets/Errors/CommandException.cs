using System.Management.Automation;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// An error of an argument or of a pipeline, which the engine knows nothing of. Its texts may be shown, as those of the engine's errors.
/// </summary>
internal sealed class CommandException : Exception
{
    /// <summary>Describes an error.</summary>
    /// <param name="errorId">Its stable id: the name of its message in the resources.</param>
    /// <param name="category">An honest category.</param>
    /// <param name="message">What is wrong.</param>
    /// <param name="remedy">What to do about it.</param>
    /// <param name="target">The offending object.</param>
    public CommandException(string errorId, ErrorCategory category, string message, string remedy, object? target)
        : base(ForeignText.Show(message))
    {
        ErrorId = errorId;
        Category = category;
        Remedy = ForeignText.Show(remedy);
        Target = target;
    }

    /// <summary>The stable id.</summary>
    public string ErrorId { get; }

    /// <summary>The category.</summary>
    public ErrorCategory Category { get; }

    /// <summary>What to do about it.</summary>
    public string Remedy { get; }

    /// <summary>The offending object.</summary>
    public object? Target { get; }
}
