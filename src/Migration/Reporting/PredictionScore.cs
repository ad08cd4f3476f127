namespace PreRecordMigration.Reporting;

/// <summary>
/// How good recording and predicting were, by the pages that the guest used at the destination until the move had ended. A page is used when a vCPU has
/// accessed it there, whether it had arrived or had to be asked for. Where the destination's host cannot tell which pages were used, what rests on that is null.
/// </summary>
/// <param name="Recorded">Pages that were sent, once, because they were recorded.</param>
/// <param name="RecordedUsed">Those of them that were used.</param>
/// <param name="Predicted">Pages that were sent because they were predicted.</param>
/// <param name="PredictedUsed">Those of them that were used.</param>
/// <param name="Used">All pages outside the core state that were used, whenever they came: what a perfect prediction would have sent first.</param>
public sealed record PredictionScore(long Recorded, long? RecordedUsed, long Predicted, long? PredictedUsed, long? Used)
{
    /// <summary>Nothing was recorded.</summary>
    public static PredictionScore None { get; } = new(0, null, 0, null, null);

    /// <summary>Which share of what was sent because it was recorded or predicted was used, from 0 to 1; null where it cannot be told, or nothing was.</summary>
    public double? Precision => Recorded + Predicted > 0 && RecordedUsed + PredictedUsed is { } used ? (double)used / (Recorded + Predicted) : null;

    /// <summary>Which share of what was used was sent because it was recorded or predicted, from 0 to 1; null where it cannot be told, or nothing was.</summary>
    public double? Recall => Used > 0 && RecordedUsed + PredictedUsed is { } used ? (double)used / Used : null;
}
