using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-PageOrder: the order in which a recorded domain's pages would be pushed.</summary>
[Cmdlet(VerbsCommon.Get, "PageOrder")]
[OutputType(typeof(PageOrderInfo))]
public sealed class GetPageOrderCommand : RecordingInputCommand
{
    /// <summary>How the order is made; several compose, recorded pages always first. What was decided where it is not given.</summary>
    [Parameter]
    [Given]
    public PageOrderStrategy[]? Strategy { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(PreRecord.Name, () =>
    {
        RecordingRegistry.RequireRecorded(PreRecord);
        IReadOnlyList<PageOrderStrategy> strategies = Strategy ?? (IReadOnlyList<PageOrderStrategy>?)PreRecord.Order ?? [PageOrderStrategy.RecordedFirst];
        PageOrder order = PreRecord.OrderBy(strategies);
        WriteObject(new PageOrderInfo(
            PreRecord.Name,
            [.. order.Strategies],
            order.RecordedCount,
            order.PredictedCount,
            order.Reason,
            [.. order.Pfns],
            PreRecord with { Order = [.. strategies] }));
    });
}
