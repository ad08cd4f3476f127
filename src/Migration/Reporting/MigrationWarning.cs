using PreRecordMigration.Texts;

namespace PreRecordMigration.Reporting;

/// <summary>What whoever moves a domain should know while it moves: a bound that is not kept.</summary>
/// <param name="message">In a sentence or more.</param>
public sealed class MigrationWarning(string message)
{
    /// <summary>The warning, which may be shown.</summary>
    public string Message { get; } = ForeignText.Show(message);
}
