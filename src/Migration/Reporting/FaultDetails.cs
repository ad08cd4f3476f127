using System.Globalization;

namespace PreRecordMigration.Reporting;

/// <summary>Why a page that the guest asked for was not there yet, as its source knows it when the request comes.</summary>
public enum FaultCause : long
{
    /// <summary>It was recorded, and waited for its turn.</summary>
    RecordedLate,

    /// <summary>It was predicted, and waited for its turn.</summary>
    PredictedLate,

    /// <summary>Straight lines predicted, and it lies outside of every prediction window.</summary>
    OutsideWindows,

    /// <summary>Dense clusters predicted, and it lies outside of every hotspot's neighbourhood.</summary>
    OutsideHotspots,

    /// <summary>Nothing that was recorded speaks of it: there was no recording, its order predicts nothing, or nothing was recorded within reach.</summary>
    NotPredictable,
}

/// <summary>Pages that were asked for because of one cause.</summary>
/// <param name="Cause">The cause.</param>
/// <param name="Count">How many.</param>
public readonly record struct FaultCauseCount(FaultCause Cause, long Count)
{
    /// <summary>Both, the same in every culture.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Cause} {Count}");
}

/// <summary>Remote faults that waited about as long: a bucket of a distribution in powers of two of microseconds, as QEMU shows the latency of post-copy.</summary>
/// <param name="From">The shortest wait of the bucket.</param>
/// <param name="To">What no wait of it reaches; twice <paramref name="From"/>, and one microsecond where that is zero.</param>
/// <param name="Count">How many waited so long.</param>
public readonly record struct LatencyBucket(TimeSpan From, TimeSpan To, long Count)
{
    /// <summary>All of it, the same in every culture.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{From.TotalSeconds:0.######}-{To.TotalSeconds:0.######} s {Count}");
}

/// <summary>How long one vCPU stood still for remote faults.</summary>
/// <param name="Vcpu">Its number; −1 for faults of which the hypervisor does not say whose they were (of a backend, or by an older extension), and of vCPUs beyond those that are counted.</param>
/// <param name="Faults">Its faults whose wait is over.</param>
/// <param name="Stalled">How long it waited for them.</param>
public readonly record struct VcpuStall(int Vcpu, long Faults, TimeSpan Stalled)
{
    /// <summary>All of it, the same in every culture.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"vCPU {Vcpu} {Faults} {Stalled.TotalSeconds:0.######} s");
}

/// <summary>Remote faults of a stretch of time.</summary>
/// <param name="Start">From the start of the migration.</param>
/// <param name="Length">How long the stretch is.</param>
/// <param name="Faults">Faults that began in it and whose wait is over.</param>
/// <param name="Stalled">How long those waited, all vCPUs together: it may be longer than the stretch.</param>
public readonly record struct FaultInterval(TimeSpan Start, TimeSpan Length, long Faults, TimeSpan Stalled);

/// <summary>The remote faults of a move: why, how long, whose and when. Empty where there were none, and where the destination does not say.</summary>
/// <param name="Causes">By cause, in the order of <see cref="FaultCause"/>; those that there were. They are pages that were asked for, each once: several
/// faults may wait for one page, and where one was placed while its fault was told of nothing was asked for.</param>
/// <param name="Latencies">The distribution of waits, ascending, from the first bucket that has any to the last.</param>
/// <param name="Vcpus">By vCPU, ascending.</param>
/// <param name="OverTime">Over time, ascending, of one length each and at most <see cref="MaximumIntervals"/>; stretches without a fault are left out.</param>
public sealed record FaultDetails(
    IReadOnlyList<FaultCauseCount> Causes,
    IReadOnlyList<LatencyBucket> Latencies,
    IReadOnlyList<VcpuStall> Vcpus,
    IReadOnlyList<FaultInterval> OverTime)
{
    /// <summary>The most stretches of time: their length doubles when they run out.</summary>
    public const int MaximumIntervals = 256;

    /// <summary>No faults.</summary>
    public static FaultDetails None { get; } = new([], [], [], []);
}
