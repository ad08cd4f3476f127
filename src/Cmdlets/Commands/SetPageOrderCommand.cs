using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Set-PageOrder: decides in which order a recorded domain's pages are pushed.</summary>
[Cmdlet(VerbsCommon.Set, "PageOrder", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(PreRecord))]
public sealed class SetPageOrderCommand : RecordingInputCommand
{
    /// <summary>How the order is made; several compose, recorded pages always first.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [Given]
    public PageOrderStrategy[] Strategy { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(PreRecord.Name, () => ForRecording(PreRecord, isMove: false, Decide));

    private void Decide()
    {
        // The order is made here although the move makes it again: what cannot be made is an error now, and Auto says what it chose.
        PageOrder order = PreRecord.OrderBy(Strategy);
        if (order.Reason is { } reason)
        {
            WriteStep(Text.Format(SR.VerboseOrder, PreRecord.Name, reason));
        }

        bool isMeant = ShouldProcess(
            TargetText,
            Text.Format(SR.ActionOrder, string.Join(", ", Strategy)));

        WriteDecided(isMeant, PreRecord with { Order = [.. Strategy] });
    }
}
