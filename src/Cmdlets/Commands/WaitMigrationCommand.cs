using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Wait-Migration: waits for migrations and returns what each did, as they land.</summary>
[Cmdlet(VerbsLifecycle.Wait, "Migration", DefaultParameterSetName = NameSet)]
[OutputType(typeof(MigrationOutcome), typeof(MigrationReport), typeof(MigrationInfo))]
public sealed class WaitMigrationCommand : MigrationJobCommand
{
    private MovePump? _pump;

    /// <summary>How long to wait at most; the migrations go on. Not at all with 0s, which returns handles of those that are under
    /// way. For ever where it is not given.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? Timeout { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        _pump = new MovePump(this, IsDebugWanted, job => MoveOutcome.Write(this, job));
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == InputSet)
        {
            // What Start-Migration returned with -WhatIf: nothing is under way, and it is handed on.
            WriteObject(InputRow.Each(InputObject).Where(input => !IsOfMigration(input)), enumerateCollection: true);
        }

        ForEachMigration(job => job.IsActive, _pump!.Add);
    }

    /// <inheritdoc/>
    private protected override bool TakesEnded => true;

    /// <inheritdoc/>
    private protected override string? NothingMeant => SR.NothingToWaitFor;

    /// <summary>Those of others where this process has none, ended ones included: whoever waits for what he began does not wait for somebody else's.</summary>
    private protected override IEnumerable<MigrationElsewhere> MeantElsewhere => Workspace.OfProcess.Migrations.All.Count > 0
        ? []
        : MigrationSelection.AllOf(Elsewhere).Where(found => found.Migration.IsUnderWay());

    /// <inheritdoc/>
    private protected override void ForElsewhere(MigrationElsewhere found) => _pump!.Add(found);

    /// <inheritdoc/>
    private protected override bool IsOfMigration(PSObject input) => input.BaseObject is not MigrationReport;

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        try
        {
            _pump!.PumpUntil(0, StopToken, Deadline.After(Timeout));
        }
        catch (OperationCanceledException)
        {
            // Ctrl+C ends the wait, and nothing else.
            throw new PipelineStoppedException();
        }

        foreach (MigrationInfo left in _pump.Active)
        {
            if (Timeout == TimeSpan.Zero)
            {
                // Whoever does not wait wants to know where the migrations stand.
                WriteObject(left);
                continue;
            }

            WriteError(ErrorRecords.From(
                new CommandException(
                    nameof(SR.WaitTimeout),
                    ErrorCategory.OperationTimeout,
                    Text.Format(SR.WaitTimeout, left.Id, left.Name, Text.Duration(Timeout ?? TimeSpan.Zero)),
                    SR.WaitTimeoutRemedy,
                    left.Name),
                null));
        }

        _pump.CompleteProgress();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _pump?.Dispose();
        }

        base.Dispose(disposing);
    }
}
