using PreRecordMigration.Replay;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// How one order of pages did on one recording. Durations are seconds here, and TimeSpans to PowerShell (see <see cref="Flat"/>).
/// </summary>
public sealed record PageOrderMeasure
{
    /// <summary>Describes how an order did.</summary>
    /// <param name="result">How it did.</param>
    internal PageOrderMeasure(ReplayResult result)
    {
        Result = result;
        Name = result.Name;
        Order = result.Order;
        RemoteFaults = result.RemoteFaults;
        LateArrivals = result.LateArrivals;
        PushedBeforeUse = result.PushedBeforeUse;
        StallTime = result.StallTime.TotalSeconds;
        MedianStall = result.MedianStall.TotalSeconds;
        Percentile99Stall = result.Percentile99Stall.TotalSeconds;
        LongestStall = result.LongestStall.TotalSeconds;
        BackAt90Percent = result.BackAt90Percent.TotalSeconds;
        SpeedInFirstSecond = result.SpeedInFirstSecond;
        SpeedTo10Seconds = result.SpeedTo10Seconds;
        SpeedTo60Seconds = result.SpeedTo60Seconds;
        StallToOracle = result.StallToOracle;
        StallToBestStatic = result.StallToBestStatic;
        StallToSequential = result.StallToSequential;
        FaultsToOracle = result.FaultsToOracle;
        FaultsToSequential = result.FaultsToSequential;
        PredictedPages = result.PredictedPages;
        Precision = result.Precision;
        Recall = result.Recall;
        Reason = result.Reason;
    }

    /// <summary>How it did.</summary>
    internal ReplayResult Result { get; }

    /// <summary>The recording's name.</summary>
    public string Name { get; }

    /// <summary>The order.</summary>
    public ReplayOrder Order { get; }

    /// <summary>First uses of pages that had not left the source.</summary>
    public int RemoteFaults { get; }

    /// <summary>First uses of pages that were on their way.</summary>
    public int LateArrivals { get; }

    /// <summary>First uses of pages that were there already.</summary>
    public int PushedBeforeUse { get; }

    /// <summary>How long the guest stood still, in seconds.</summary>
    public double StallTime { get; }

    /// <summary>The median of the times that the guest stood still, in seconds.</summary>
    public double MedianStall { get; }

    /// <summary>The time that 99 of 100 stalls did not exceed, in seconds.</summary>
    public double Percentile99Stall { get; }

    /// <summary>The longest stall, in seconds.</summary>
    public double LongestStall { get; }

    /// <summary>From when on the guest had nine tenths of its speed for good, in seconds since the handover; zero where it always had.</summary>
    public double BackAt90Percent { get; }

    /// <summary>The guest's speed in the first second, 1 where it never stood still.</summary>
    public double? SpeedInFirstSecond { get; }

    /// <summary>Its speed from then to the tenth second; null where the recording ends before.</summary>
    public double? SpeedTo10Seconds { get; }

    /// <summary>Its speed from then to the sixtieth second; null where the recording ends before.</summary>
    public double? SpeedTo60Seconds { get; }

    /// <summary>Stall time over that of the oracle; null where the oracle has none and this order has.</summary>
    public double? StallToOracle { get; }

    /// <summary>Stall time over that of the best fixed order of what could be known at the split; null where that has none and this order has.</summary>
    public double? StallToBestStatic { get; }

    /// <summary>Stall time over that of the sequential order; null where that has none and this order has.</summary>
    public double? StallToSequential { get; }

    /// <summary>Remote faults over those of the oracle; null where the oracle has none and this order has.</summary>
    public double? FaultsToOracle { get; }

    /// <summary>Remote faults over those of the sequential order; null where that has none and this order has.</summary>
    public double? FaultsToSequential { get; }

    /// <summary>Pages that were predicted.</summary>
    public int PredictedPages { get; }

    /// <summary>The share of predicted pages that were used; null where nothing was predicted.</summary>
    public double? Precision { get; }

    /// <summary>The share of used but unrecorded pages that were predicted; null where there are none.</summary>
    public double? Recall { get; }

    /// <summary>What Auto chose and why; null for other orders.</summary>
    public string? Reason { get; }
}
