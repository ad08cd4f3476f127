using System.Management.Automation;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-Migration: the migrations of this process, those under way and the last that ended.</summary>
[Cmdlet(VerbsCommon.Get, "Migration", DefaultParameterSetName = NameSet)]
[OutputType(typeof(MigrationInfo))]
public sealed class GetMigrationCommand : MigrationJobCommand
{
    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachMigration(_ => true, job => WriteObject(job.Describe()));

    /// <inheritdoc/>
    private protected override IReadOnlyList<MigrationJob> Named(string name) => MigrationSelection.Match(name);
}
