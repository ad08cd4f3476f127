namespace PreRecordMigration.Cmdlets;

/// <summary>How a report is written.</summary>
public enum MigrationReportFormat : long
{
    /// <summary>A page to look at: one file that loads nothing.</summary>
    Html,

    /// <summary>JSON, by the schema of docs/report-format.md.</summary>
    Json,

    /// <summary>A table for spreadsheets, of one kind of things.</summary>
    Csv,
}
