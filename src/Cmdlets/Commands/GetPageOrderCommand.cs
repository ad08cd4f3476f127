using System.Management.Automation;
using PreRecordMigration.Ordering;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-PageOrder: the order in which a recorded domain's pages would be pushed.</summary>
[Cmdlet(VerbsCommon.Get, "PageOrder")]
[OutputType(typeof(PageOrderInfo))]
public sealed class GetPageOrderCommand : MigrationCmdlet
{
    /// <summary>The recording that Start-PreRecord returned.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNull]
    public PreRecord PreRecord { get; set; } = null!;

    /// <summary>How the order is made.</summary>
    [Parameter]
    public PageOrderStrategy Strategy { get; set; } = PageOrderStrategy.RecordedFirst;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        PageOrder order = PageOrder.Build(PreRecord.Populated, PreRecord.Trajectory, [Strategy]);
        WriteObject(new PageOrderInfo(
            PreRecord.DomainName, Strategy, order.RecordedCount, order.Pfns.ToArray(), PreRecord with { Order = Strategy }));
    }
}
