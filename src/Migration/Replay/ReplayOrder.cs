namespace PreRecordMigration.Replay;

/// <summary>The orders that a replay compares: those of the product, and those it is measured against.</summary>
public enum ReplayOrder : long
{
    /// <summary>Ascending page frame numbers; faults are answered and change nothing else.</summary>
    Sequential,

    /// <summary>Ascending, and around each fault in both directions (Hines and Gopalan).</summary>
    Bubbling,

    /// <summary>Ascending, and after each fault along the majority trend of the latest ones (Leap).</summary>
    MajorityTrend,

    /// <summary>Recorded pages, then around faults.</summary>
    RecordedFirst,

    /// <summary>Recorded pages, prediction windows, then around faults.</summary>
    LinearRegression,

    /// <summary>Recorded pages, neighbourhoods, then around faults.</summary>
    IssDbscan,

    /// <summary>Recorded pages, prediction windows, neighbourhoods, then around faults.</summary>
    LinearRegressionAndIssDbscan,

    /// <summary>The one of regression and clustering that the recording itself suggests.</summary>
    Auto,

    /// <summary>The pages in the order of their true next use: no order can do better.</summary>
    Oracle,
}
