using System.Globalization;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Measuring;

/// <summary>
/// One move of a measurement. Durations are seconds here: every property is flat to whatever serialises it. To PowerShell they are TimeSpans. What was not
/// measured, and what a method does not have, is null.
/// </summary>
public sealed record MeasuredRun
{
    /// <summary>Its number in the measurement, from 1.</summary>
    public required int Run { get; init; }

    /// <summary>The domain.</summary>
    public required string Name { get; init; }

    /// <summary>The host it left.</summary>
    public required string Source { get; init; }

    /// <summary>Where it went.</summary>
    public required string Destination { get; init; }

    /// <summary>The host (or address) that it is on after it, as far as that is known; null where it is not.</summary>
    public string? HostName { get; init; }

    /// <summary>The method.</summary>
    public required MeasuredMethod Method { get; init; }

    /// <summary>The order of pages; null for what suits the method.</summary>
    public PageOrderStrategy? Order { get; init; }

    /// <summary>The block of runs that it belongs to, from 1: each block has every method once. 0 for warming up.</summary>
    public required int Block { get; init; }

    /// <summary>Whether it only warmed up, and counts for nothing.</summary>
    public bool IsWarmUp => Block == 0;

    /// <summary>When it began.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>How long the domain stood still for the handover, in seconds, as the one who moved it says.</summary>
    public double? Downtime { get; init; }

    /// <summary>The longest time without an answer, seen from outside, in seconds.</summary>
    public double? ProbeGap { get; init; }

    /// <summary>The longest time in which the guest counted nothing, in seconds; null where nobody asked, and where the guest went to another machine.</summary>
    public double? BeatGap { get; init; }

    /// <summary>From the first step to the source's end, in seconds.</summary>
    public double? TotalTime { get; init; }

    /// <summary>How long the domain's clients waited in all, in seconds.</summary>
    public double? ClientsWait { get; init; }

    /// <summary>How long it needed both hosts, in seconds.</summary>
    public double? Exposure { get; init; }

    /// <summary>How long vCPUs stood still for remote faults, in seconds, all together.</summary>
    public double? Stalled { get; init; }

    /// <summary>Remote faults.</summary>
    public long? RemoteFaults { get; init; }

    /// <summary>All bytes that the source sent.</summary>
    public long? BytesSent { get; init; }

    /// <summary>From its beginning until the source's memory was free, in seconds.</summary>
    public double? SourceMemoryFreed { get; init; }

    /// <summary>By which share the guest was slower at the destination, at its slowest, than before; from 0 to 1.</summary>
    public double? DipDepth { get; init; }

    /// <summary>Why it failed; null where it did not.</summary>
    public string? Error { get; init; }

    /// <summary>What the move did, in one line here, because a result in a run is deeper than ConvertTo-Json goes by default; the result itself to PowerShell. Null where
    /// it failed, and of <c>xl migrate</c>.</summary>
    public string? Outcome => Moved?.ToString();

    /// <summary>All that the move did.</summary>
    internal MigrationOutcome? Moved { get; init; }

    /// <summary>What PowerShell shows as Outcome.</summary>
    public MigrationOutcome? GetOutcome() => Moved;

    /// <summary>The run in one line, the same in every culture.</summary>
    public override string ToString() => Error is null
        ? string.Create(CultureInfo.InvariantCulture, $"{new MeasuredVariant(Method, Order)} {TotalTime:0.######} s, downtime {Downtime:0.######} s")
        : $"{new MeasuredVariant(Method, Order)} failed";

    /// <summary>The run with what the module says of a move.</summary>
    internal MeasuredRun With(MigrationOutcome outcome)
    {
        MigrationDetails? details = outcome.Known;
        return this with
        {
            Moved = outcome,
            Downtime = outcome.Downtime,
            TotalTime = outcome.TotalTime,
            ClientsWait = outcome.ClientsWait,
            Exposure = outcome.Exposure,
            Stalled = outcome.FaultLatency.Total,
            RemoteFaults = outcome.RemoteFaults,
            BytesSent = outcome.BytesSent,
            SourceMemoryFreed = details?.SourceMemoryFreed is { Ticks: > 0 } freed ? freed.TotalSeconds : null,
            DipDepth = details?.GuestSpeed.DipDepth,
        };
    }
}
