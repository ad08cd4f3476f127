using System.Management.Automation;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Start-Migration: begins to move domains, and returns at once with a handle for each.</summary>
[Cmdlet(VerbsLifecycle.Start, "Migration", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationInfo), typeof(MigrationReport))]
public sealed class StartMigrationCommand : MoveCommand
{
    /// <inheritdoc/>
    private protected override void Begin(PlannedMove move)
    {
        WriteObject(Workspace.OfProcess.Migrations.Start(move).Describe());
        WarnOfBoard();
    }

    /// <inheritdoc/>
    private protected override void Preview(MigrationReport report) => WriteObject(report);
}
