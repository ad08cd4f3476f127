using System.Reflection;
using PreRecordMigration.History;
using PreRecordMigration.Measuring;
using PreRecordMigration.Operations;
using PreRecordMigration.Replay;

namespace PreRecordMigration.Reports;

/// <summary>What a report is made of, each kind in the order in which it was given.</summary>
public sealed record ReportContent
{
    /// <summary>The version of the schema of reports that programs read (docs/report-format.md).</summary>
    public const int SchemaVersion = 1;

    /// <summary>When the report was made.</summary>
    public required DateTimeOffset Made { get; init; }

    /// <summary>The version of the module that made it.</summary>
    public string Module { get; init; } = typeof(ReportContent).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>Migrations that are completed.</summary>
    public IReadOnlyList<MigrationOutcome> Moves { get; init; } = [];

    /// <summary>Migrations that ended otherwise, or are interrupted.</summary>
    public IReadOnlyList<MigrationInfo> Unfinished { get; init; } = [];

    /// <summary>What moves would cost.</summary>
    public IReadOnlyList<MigrationReport> Estimates { get; init; } = [];

    /// <summary>How page orders did on recordings.</summary>
    public IReadOnlyList<ReplayResult> Orders { get; init; } = [];

    /// <summary>Entries of the history.</summary>
    public IReadOnlyList<HistoryEntry> History { get; init; } = [];

    /// <summary>Methods that were measured against each other.</summary>
    public IReadOnlyList<MigrationComparison> Comparisons { get; init; } = [];

    /// <summary>Runs of measurements, but for those that a comparison has.</summary>
    public IReadOnlyList<MeasuredRun> Runs { get; init; } = [];

    /// <summary>How many things it is made of.</summary>
    public int Count => Moves.Count + Unfinished.Count + Estimates.Count + Orders.Count + History.Count + Comparisons.Count + Runs.Count;
}
