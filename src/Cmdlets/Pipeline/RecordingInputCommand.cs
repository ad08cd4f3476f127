using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>What the cmdlets share that do something to one recording.</summary>
public abstract class RecordingInputCommand : MigrationCmdlet
{
    /// <summary>The recording that Start-PreRecord returned.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Recorded]
    [ValidateNotNull]
    public PreRecord PreRecord { get; set; } = null!;

    /// <summary>The recorded domain and its host, as ShouldProcess names them.</summary>
    private protected string TargetText => Text.Format(SR.TargetDomain, PreRecord.Name, PreRecord.HostName);

    /// <summary>Hands the recording on with what was decided about it. With -WhatIf a recording goes on unchanged, so that what
    /// follows in the pipeline can say what it would do. A preview takes the decision in any case: nothing was recorded, so nothing changes.</summary>
    private protected void WriteDecided(bool isMeant, PreRecord decided) =>
        WriteObject(isMeant || PreRecord.IsPreview ? decided : PreRecord);
}
