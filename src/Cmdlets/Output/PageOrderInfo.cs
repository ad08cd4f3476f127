using PreRecordMigration.Operations;
using PreRecordMigration.Options;

namespace PreRecordMigration.Cmdlets;

/// <summary>The order in which a recorded domain's pages would be pushed.</summary>
/// <param name="Name">The domain.</param>
/// <param name="Strategy">How the order was made, the first strategy's pages first.</param>
/// <param name="RecordedCount">How many of the first pages were recorded.</param>
/// <param name="PredictedCount">How many of those after them were predicted.</param>
/// <param name="Reason">What Auto chose, and the coverage figure that decided; null where it was not asked.</param>
/// <param name="Pfn">The page frame numbers, first to be sent first.</param>
/// <param name="PreRecord">The recording, with this order decided: pipe it on to move the domain so.</param>
public sealed record PageOrderInfo(
    string Name,
    Listed<PageOrderStrategy> Strategy,
    int RecordedCount,
    int PredictedCount,
    string? Reason,
    Listed<int> Pfn,
    PreRecord PreRecord)
{
    /// <summary>How many pages.</summary>
    public int Count => Pfn.Count;
}
