namespace PreRecordMigration.Replay;

/// <summary>How one order did on one trajectory.</summary>
public sealed record ReplayResult
{
    /// <summary>The trajectory's name.</summary>
    public required string Name { get; init; }

    /// <summary>The order.</summary>
    public required ReplayOrder Order { get; init; }

    /// <summary>First uses of pages that had not left the source.</summary>
    public required int RemoteFaults { get; init; }

    /// <summary>First uses of pages that were on their way.</summary>
    public required int LateArrivals { get; init; }

    /// <summary>First uses of pages that were there already.</summary>
    public required int PushedBeforeUse { get; init; }

    /// <summary>How long the guest stood still.</summary>
    public required TimeSpan StallTime { get; init; }

    /// <summary>The median of the times that the guest stood still.</summary>
    public required TimeSpan MedianStall { get; init; }

    /// <summary>The time that 99 of 100 stalls did not exceed.</summary>
    public required TimeSpan Percentile99Stall { get; init; }

    /// <summary>The longest stall.</summary>
    public required TimeSpan LongestStall { get; init; }

    /// <summary>From when on the guest had nine tenths of its speed for good, since the handover: the end of the last tenth of a second in which it had
    /// less; zero where it always had.</summary>
    public required TimeSpan BackAt90Percent { get; init; }

    /// <summary>The guest's speed in the first second after the handover, 1 where it never stood still.</summary>
    public required double? SpeedInFirstSecond { get; init; }

    /// <summary>Its speed from then to the tenth second; null where the recording ends before.</summary>
    public required double? SpeedTo10Seconds { get; init; }

    /// <summary>Its speed from then to the sixtieth second; null where the recording ends before.</summary>
    public required double? SpeedTo60Seconds { get; init; }

    /// <summary>Stall time over that of the oracle; null where the oracle has none and this order has.</summary>
    public required double? StallToOracle { get; init; }

    /// <summary>Stall time over that of <see cref="ReplayOrder.BestStatic"/>; null where that has none and this order has.</summary>
    public required double? StallToBestStatic { get; init; }

    /// <summary>Stall time over that of the sequential order; null where that has none and this order has.</summary>
    public required double? StallToSequential { get; init; }

    /// <summary>Remote faults over those of the oracle; null where the oracle has none and this order has.</summary>
    public required double? FaultsToOracle { get; init; }

    /// <summary>Remote faults over those of the sequential order; null where that has none and this order has.</summary>
    public required double? FaultsToSequential { get; init; }

    /// <summary>Pages that were predicted.</summary>
    public required int PredictedPages { get; init; }

    /// <summary>The share of predicted pages that were used; null where nothing was predicted.</summary>
    public required double? Precision { get; init; }

    /// <summary>The share of used but unrecorded pages that were predicted; null where there are none.</summary>
    public required double? Recall { get; init; }

    /// <summary>What Auto chose and why; null for other orders.</summary>
    public string? Reason { get; init; }
}
