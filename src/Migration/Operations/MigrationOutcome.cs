using System.Globalization;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Operations;

/// <summary>
/// What a migration did, in numbers, as cmdlets return it. Durations are seconds here: every property is flat to
/// whatever serialises it. To PowerShell they are TimeSpans.
/// </summary>
public sealed record MigrationOutcome
{
    /// <summary>Describes what an ended migration did.</summary>
    /// <param name="id">Names the migration in this process.</param>
    /// <param name="started">When it began.</param>
    /// <param name="ended">When nothing of it ran any more.</param>
    /// <param name="result">What it did.</param>
    internal MigrationOutcome(int id, DateTimeOffset started, DateTimeOffset ended, MigrationResult result)
    {
        Id = id;
        Name = result.Name;
        Source = result.Source;
        Destination = result.Destination;
        Method = result.Method;
        Mode = result.Mode;
        ModeReason = result.ModeReason;
        Started = started;
        Ended = ended;
        TotalTime = result.TotalTime.TotalSeconds;
        Downtime = result.Downtime.TotalSeconds;
        CheckpointPause = result.CheckpointPause.TotalSeconds;
        DiscardedExecution = result.DiscardedExecution.TotalSeconds;
        OutputsHeldBack = result.OutputsHeldBack.TotalSeconds;
        ClientsWait = result.ClientsWait.TotalSeconds;
        Exposure = result.Exposure.TotalSeconds;
        BytesSent = result.BytesSent;
        BytesPerSecond = Rates.Average(result.BytesSent, result.TotalTime);
        PagesPushed = result.PagesPushed;
        PagesDemanded = result.PagesDemanded;
        CorePages = result.CorePages;
        PageTablePages = result.PageTablePages;
        RecordedPages = result.RecordedPages;
        BackedUpPages = result.BackedUpPages;
        RemoteFaults = result.RemoteFaults;
        FaultLatency = new FaultWait(result.FaultLatency);
        RollbackProof = result.RollbackProof;
        Problems = string.Join(' ', result.Problems.Select(problem => $"{problem.Message} {problem.Remedy}"));
        Phases = [.. result.Phases.Select(phase => new PhaseOutcome(phase))];
    }

    /// <summary>Names the migration in this process.</summary>
    public int Id { get; }

    /// <summary>The domain.</summary>
    public string Name { get; }

    /// <summary>The host (or address) that it is on now: the destination.</summary>
    public string HostName => Destination;

    /// <summary>The host it left.</summary>
    public string Source { get; }

    /// <summary>The host (or address) it went to.</summary>
    public string Destination { get; }

    /// <summary>How memory travelled.</summary>
    public MigrationMethod Method { get; }

    /// <summary>The recording's mode; null where nothing was recorded.</summary>
    public RecordingMode? Mode { get; }

    /// <summary>Why that was chosen; null where it was given, or nothing was recorded.</summary>
    public string? ModeReason { get; }

    /// <summary>When it began.</summary>
    public DateTimeOffset Started { get; }

    /// <summary>When nothing of it ran any more.</summary>
    public DateTimeOffset Ended { get; }

    /// <summary>From the first step to the source's end, in seconds.</summary>
    public double TotalTime { get; }

    /// <summary>From the moment the source's vCPUs stopped for good until they ran at the destination, in seconds.</summary>
    public double Downtime { get; }

    /// <summary>How long the checkpoint held the domain before the window, in seconds; zero without one.</summary>
    public double CheckpointPause { get; }

    /// <summary>Execution that was thrown away and done again, in seconds: the window, in Rollback.</summary>
    public double DiscardedExecution { get; }

    /// <summary>
    /// How long what the domain had to say was held back, in seconds: in Rollback from the checkpoint until it ran at the
    /// destination, a wait for the move included. Zero without a checkpoint.
    /// </summary>
    public double OutputsHeldBack { get; }

    /// <summary>
    /// How long the domain's clients waited in all, in seconds: for the handover and for remote faults, and in Rollback for all
    /// that was held back.
    /// </summary>
    public double ClientsWait { get; }

    /// <summary>The time in which the domain needed both hosts, in seconds: the commit's round trip alone with pre-copy and with
    /// RemotePF off.</summary>
    public double Exposure { get; }

    /// <summary>All bytes the source sent, protocol included.</summary>
    public long BytesSent { get; }

    /// <summary>The average rate, in bytes a second.</summary>
    public long BytesPerSecond { get; }

    /// <summary>Pages pushed on the bulk connection, pages sent again included.</summary>
    public long PagesPushed { get; }

    /// <summary>Pages sent because of a demand fault.</summary>
    public long PagesDemanded { get; }

    /// <summary>Pages that travelled with the core state.</summary>
    public int CorePages { get; }

    /// <summary>Page-table pages among them.</summary>
    public int PageTablePages { get; }

    /// <summary>Distinct pages recorded in the window.</summary>
    public int RecordedPages { get; }

    /// <summary>Pages in the backup store at the window's end.</summary>
    public int BackedUpPages { get; }

    /// <summary>Remote page faults at the destination: faults that had to wait for the source.</summary>
    public long RemoteFaults { get; }

    /// <summary>How long those faults waited.</summary>
    public FaultWait FaultLatency { get; }

    /// <summary>The proof of the rollback; null where none was asked for or nothing was rolled back.</summary>
    public RollbackProof? RollbackProof { get; }

    /// <summary>What went wrong after the domain had moved, and what to do about it; empty where nothing did.</summary>
    public string Problems { get; }

    /// <summary>The phases in order, with when each began (from the start of the migration) and how long it took.</summary>
    public Listed<PhaseOutcome> Phases { get; }

    /// <summary>What was done in one line, the same in every culture.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Method} to {Destination} in {TotalTime:0.######} s, downtime {Downtime:0.######} s");
}

/// <summary>The distribution of how long remote faults waited, in seconds; TimeSpans to PowerShell.</summary>
public sealed record FaultWait
{
    internal FaultWait(FaultLatency latency)
    {
        Mean = latency.Mean.TotalSeconds;
        Median = latency.Median.TotalSeconds;
        P99 = latency.P99.TotalSeconds;
        Maximum = latency.Maximum.TotalSeconds;
        Total = latency.Total.TotalSeconds;
    }

    /// <summary>The mean.</summary>
    public double Mean { get; }

    /// <summary>Half waited no longer.</summary>
    public double Median { get; }

    /// <summary>Ninety-nine in a hundred waited no longer.</summary>
    public double P99 { get; }

    /// <summary>The longest.</summary>
    public double Maximum { get; }

    /// <summary>The sum: how long vCPUs stood still for pages.</summary>
    public double Total { get; }

    /// <summary>All of it in one line, the same in every culture: a column of Export-Csv.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"mean {Mean:0.######} s, median {Median:0.######} s, p99 {P99:0.######} s, longest {Maximum:0.######} s, in all {Total:0.######} s");
}

/// <summary>One phase of a migration, in seconds; TimeSpans to PowerShell.</summary>
public sealed record PhaseOutcome
{
    internal PhaseOutcome(MigrationPhaseTime phase)
    {
        Phase = phase.Phase;
        Start = phase.Start.TotalSeconds;
        Duration = phase.Duration.TotalSeconds;
    }

    /// <summary>Which.</summary>
    public MigrationPhase Phase { get; }

    /// <summary>From the start of the migration.</summary>
    public double Start { get; }

    /// <summary>How long it took.</summary>
    public double Duration { get; }

    /// <summary>The phase and how long it took, the same in every culture.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Phase} {Duration:0.######} s");
}

/// <summary>Rates over a time.</summary>
internal static class Rates
{
    /// <summary>The average, in bytes a second; zero where no time has passed.</summary>
    public static long Average(long bytes, TimeSpan time) => time > TimeSpan.Zero ? (long)(bytes / time.TotalSeconds) : 0;
}
