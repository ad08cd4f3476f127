using System.Management.Automation;

namespace PreRecordMigration.Cmdlets;

/// <summary>Start-Migration: begins to move domains, and returns at once with a handle for each.</summary>
[Cmdlet(VerbsLifecycle.Start, "Migration", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationInfo), typeof(MigrationReport))]
public sealed class StartMigrationCommand : MoveCommand
{
    /// <inheritdoc/>
    private protected override void Begin(PlannedMove move) => WriteObject(MigrationJob.Start(move, null, null).Describe());

    /// <inheritdoc/>
    private protected override void Preview(MigrationReport report) => WriteObject(report);
}
