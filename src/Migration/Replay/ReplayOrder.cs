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

    /// <summary>Ascending, and after each fault on from there (QEMU's post-copy).</summary>
    Restart,

    /// <summary>The guest waits until all recorded pages are there; then ascending (after REAP).</summary>
    RecordedAwaited,

    /// <summary>Regions of recorded pages with gaps of at most 32 pages, all of each; then ascending (after FaaSnap).</summary>
    RecordedRegions,

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

    /// <summary>The pages that were recorded or mapped in the order of their true next use, then the others ascending: the best fixed order of what
    /// can be known at the handover. What it has is missing information; what an order has more is an error of prediction.</summary>
    BestStatic,

    /// <summary>The pages in the order of their true next use: no order can do better.</summary>
    Oracle,
}
