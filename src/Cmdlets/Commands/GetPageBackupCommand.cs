using System.Management.Automation;
using PreRecordMigration.Backup;
using PreRecordMigration.Operations;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-PageBackup: the original contents that a held recording keeps.</summary>
[Cmdlet(VerbsCommon.Get, "PageBackup")]
[OutputType(typeof(PageBackupInfo))]
public sealed class GetPageBackupCommand : RecordingInputCommand
{
    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(PreRecord.Name, () =>
    {
        PageBackup? backups = Workspace.OfProcess.Recordings.Require(PreRecord).Backups;
        WriteObject(new PageBackupInfo(
            PreRecord.Name,
            PreRecord.HostName,
            backups?.Count ?? 0,
            backups?.AllocatedBytes ?? 0,
            (backups?.LimitPages ?? 0) * (long)Page.Size,
            [.. backups?.Pfns() ?? []],
            PreRecord));
    });
}
