using System.Management.Automation;
using PreRecordMigration.Backup;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-PageBackup: the original contents that a held recording keeps.</summary>
[Cmdlet(VerbsCommon.Get, "PageBackup")]
[OutputType(typeof(PageBackupInfo))]
public sealed class GetPageBackupCommand : MigrationCmdlet
{
    /// <summary>The recording that Start-PreRecord returned.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNull]
    public PreRecord PreRecord { get; set; } = null!;

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(PreRecord.DomainName, () =>
    {
        PageBackup? backups = RecordingRegistry.Require(PreRecord).Backups;
        WriteObject(new PageBackupInfo(
            PreRecord.DomainName,
            PreRecord.SourceHost,
            backups?.Count ?? 0,
            backups?.AllocatedBytes ?? 0,
            (backups?.LimitPages ?? 0) * (long)Page.Size,
            (backups?.Pfns() ?? []).ToArray(),
            PreRecord));
    });
}

/// <summary>Restore-PageBackup: rolls a recorded domain back to its checkpoint, where it runs on.</summary>
[Cmdlet(VerbsData.Restore, "PageBackup", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(DomainInfo))]
public sealed class RestorePageBackupCommand : MigrationCmdlet
{
    /// <summary>The recording that Start-PreRecord returned.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNull]
    public PreRecord PreRecord { get; set; } = null!;

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(PreRecord.DomainName, () =>
    {
        LiveRecording recording = RecordingRegistry.Require(PreRecord);
        recording.RequireRollBack();
        if (ShouldProcess(Text.Format(SR.TargetDomain, PreRecord.DomainName, PreRecord.SourceHost), Text.Format(SR.ActionRollBack, PreRecord.BackedUpPages)))
        {
            using PreRecordSession session = RecordingRegistry.Take(PreRecord);
            session.RollBack();
            WriteObject(recording.Location.Host.GetDomains().First(domain => domain.Name == PreRecord.DomainName));
        }
    });
}
