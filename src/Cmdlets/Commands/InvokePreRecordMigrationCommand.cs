using System.Management.Automation;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Invoke-PreRecordMigration: moves running domains to another host, and returns when they run there for good.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "PreRecordMigration", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationOutcome), typeof(MigrationReport))]
public sealed class InvokePreRecordMigrationCommand : MoveCommand
{
    private MovePump? _pump;

    /// <summary>How many domains may move at once.</summary>
    [Parameter]
    [ValidateRange(1, 64)]
    public int ThrottleLimit { get; set; } = 1;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _pump = new MovePump(this, IsDebugWanted, job => MoveOutcome.Write(this, job));
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        _pump!.PumpOrStop(0, StopToken);
        _pump.CompleteProgress();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _pump is not null)
        {
            // Whatever ended the pipeline, the migrations that it began do not go on behind it.
            _pump.StopAll();
            _pump.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    private protected override void Begin(PlannedMove move)
    {
        _pump!.PumpOrStop(ThrottleLimit - 1, StopToken);
        _pump.Start(move);
    }

    /// <inheritdoc/>
    private protected override void Preview(MigrationReport report) => WriteObject(report);
}
