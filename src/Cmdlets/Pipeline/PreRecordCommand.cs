using System.Management.Automation;

namespace PreRecordMigration.Cmdlets;

/// <summary>What the cmdlets share that do something to one recording.</summary>
public abstract class PreRecordCommand : MigrationCmdlet
{
    /// <summary>The recording that Start-PreRecord returned.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNull]
    public PreRecord PreRecord { get; set; } = null!;

    /// <summary>The recorded domain and its host, as ShouldProcess names them.</summary>
    private protected string TargetText => Text.Format(SR.TargetDomain, PreRecord.DomainName, PreRecord.SourceHost);
}
