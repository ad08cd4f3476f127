using System.Management.Automation;
using PreRecordMigration.History;
using PreRecordMigration.Measuring;
using PreRecordMigration.Operations;
using PreRecordMigration.Replay;
using PreRecordMigration.Reports;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>What came through the pipeline to be reported, by its kind and in its order.</summary>
internal sealed class ReportInput
{
    private readonly List<MigrationOutcome> _moves = [];
    private readonly List<MigrationInfo> _unfinished = [];
    private readonly List<MigrationReport> _estimates = [];
    private readonly List<ReplayResult> _orders = [];
    private readonly List<HistoryEntry> _history = [];
    private readonly List<MigrationComparison> _comparisons = [];
    private readonly List<MeasuredRun> _runs = [];

    /// <summary>Takes one thing in.</summary>
    /// <exception cref="CommandException">It is nothing that a report is made of, or a migration that goes on.</exception>
    public void Add(PSObject given)
    {
        switch (given.BaseObject)
        {
            case MigrationOutcome move:
                _moves.Add(move);
                break;
            case MigrationInfo migration when migration.GetResult() is { } move:
                _moves.Add(move);
                break;
            case MigrationInfo migration when migration.IsUnderWay():
                throw new CommandException(
                    nameof(SR.ReportUnderWay), ErrorCategory.ResourceBusy, Text.Format(SR.ReportUnderWay, migration.Id, migration.Name), SR.ReportUnderWayRemedy, migration.Name);
            case MigrationInfo migration:
                _unfinished.Add(migration);
                break;
            case MigrationReport report:
                _estimates.Add(report);
                break;
            case PageOrderMeasure order:
                _orders.Add(order.Result);
                break;
            case HistoryEntry entry:
                _history.Add(entry);
                break;
            case MigrationComparison comparison:
                _comparisons.Add(comparison);
                break;
            case MeasuredRun run:
                _runs.Add(run);
                break;
            default:
                throw new CommandException(
                    nameof(SR.ReportOfOther), ErrorCategory.InvalidArgument, Text.Format(SR.ReportOfOther, given.TypeNames.FirstOrDefault()), SR.ReportOfOtherRemedy, given);
        }
    }

    /// <summary>All that was taken in.</summary>
    /// <param name="made">When the report is made.</param>
    public ReportContent Content(DateTimeOffset made) => new()
    {
        Made = made,
        Moves = _moves,
        Unfinished = _unfinished,
        Estimates = _estimates,
        Orders = _orders,
        History = _history,
        Comparisons = _comparisons,

        // Measure-Migration returns each run, and then the comparison, which has them.
        Runs = [.. _runs.Where(run => !_comparisons.Any(comparison => comparison.GetRuns().Contains(run)))],
    };
}
