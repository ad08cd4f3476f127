using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;
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
    /// <summary>Reads what another process says.</summary>
    [JsonConstructor]
    internal MigrationOutcome()
    {
    }

    /// <summary>Describes what an ended migration did.</summary>
    /// <param name="id">Names the migration in this process.</param>
    /// <param name="started">When it began.</param>
    /// <param name="ended">When nothing of it ran any more.</param>
    /// <param name="result">What it did.</param>
    [SetsRequiredMembers]
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
        DowntimeParts = [.. result.DowntimeParts.All.Select(part => new DowntimePartOutcome(part.Part, part.Time))];
        CheckpointPause = result.CheckpointPause.TotalSeconds;
        DiscardedExecution = result.DiscardedExecution.TotalSeconds;
        OutputsHeldBack = result.OutputsHeldBack.TotalSeconds;
        WindowCutShort = result.WindowCutShort;
        ClientsWait = result.ClientsWait.TotalSeconds;
        Exposure = result.Exposure.TotalSeconds;
        BytesSent = result.BytesSent;
        BytesPerSecond = Rates.Average(result.BytesSent, result.TotalTime);
        PageBytes = result.PageBytes;
        PageBytesSent = result.PageBytesSent;
        Pages = SentPagesOutcome.Of(result.Pages);
        Details = result.Details.ToString();
        Known = result.Details;
        PagesPushed = result.PagesPushed;
        Rounds = result.Rounds;
        PagesBeforeCommit = result.PagesBeforeCommit;
        PagesLeftAtCommit = result.PagesLeftAtCommit;
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
    public required int Id { get; init; }

    /// <summary>The domain.</summary>
    public required string Name { get; init; }

    /// <summary>The host (or address) that it is on now: the destination.</summary>
    public string HostName => Destination;

    /// <summary>The host it left.</summary>
    public required string Source { get; init; }

    /// <summary>The host (or address) it went to.</summary>
    public required string Destination { get; init; }

    /// <summary>How memory travelled.</summary>
    public required MigrationMethod Method { get; init; }

    /// <summary>The recording's mode; null where nothing was recorded.</summary>
    public RecordingMode? Mode { get; init; }

    /// <summary>Why that was chosen; null where it was given, or nothing was recorded.</summary>
    public string? ModeReason { get; init; }

    /// <summary>When it began.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>When nothing of it ran any more.</summary>
    public required DateTimeOffset Ended { get; init; }

    /// <summary>From the first step to the source's end, in seconds.</summary>
    public required double TotalTime { get; init; }

    /// <summary>From the moment the source's vCPUs stopped for good until they ran at the destination, in seconds.</summary>
    public required double Downtime { get; init; }

    /// <summary>What <see cref="Downtime"/> went into, at both sides, one after the other; null where another version of the module, whose migration it
    /// is, does not say.</summary>
    public Listed<DowntimePartOutcome>? DowntimeParts { get; init; }

    /// <summary>How long the checkpoint held the domain before the window, in seconds; zero without one.</summary>
    public required double CheckpointPause { get; init; }

    /// <summary>Execution that was thrown away and done again, in seconds: the window, in Rollback.</summary>
    public required double DiscardedExecution { get; init; }

    /// <summary>
    /// How long what the domain had to say was held back, in seconds: in Rollback from the checkpoint until it ran at the
    /// destination, a wait for the move included. Zero without a checkpoint.
    /// </summary>
    public required double OutputsHeldBack { get; init; }

    /// <summary>Whether the window ended before its time, because nearly as much was held back of what the domain sent and wrote as can be
    /// (OverlayLimit, PacketLimit).</summary>
    public bool WindowCutShort { get; }

    /// <summary>
    /// How long the domain's clients waited in all, in seconds: for the handover and for remote faults, and in Rollback for all
    /// that was held back.
    /// </summary>
    public required double ClientsWait { get; init; }

    /// <summary>The time in which the domain needed both hosts, in seconds: the commit's round trip alone with pre-copy and with
    /// RemotePF off.</summary>
    public required double Exposure { get; init; }

    /// <summary>All bytes the source sent, protocol included.</summary>
    public required long BytesSent { get; init; }

    /// <summary>The average rate, in bytes a second.</summary>
    public required long BytesPerSecond { get; init; }

    /// <summary>Bytes of the pushed pages before compression, with what names them; a page of zeros has no more than its name.</summary>
    public long PageBytes { get; init; }

    /// <summary>Those bytes as they went: the same where nothing was compressed.</summary>
    public long PageBytesSent { get; init; }

    /// <summary>The pages that were sent, by when and why; null as <see cref="DowntimeParts"/> is.</summary>
    public Listed<SentPagesOutcome>? Pages { get; init; }

    /// <summary>Pages pushed on the bulk connection, pages sent again included.</summary>
    public required long PagesPushed { get; init; }

    /// <summary>Rounds that sent pages while the domain ran; zero with methods without.</summary>
    public int Rounds { get; init; }

    /// <summary>Pages of <see cref="PagesPushed"/> that went before the commit because they had to: in rounds, and with RemotePF off.</summary>
    public long PagesBeforeCommit { get; init; }

    /// <summary>Pages that were still to be sent when the domain left; zero where all had to be there before, and where another process took
    /// the migration over.</summary>
    public long PagesLeftAtCommit { get; init; }

    /// <summary>Pages sent because of a demand fault.</summary>
    public required long PagesDemanded { get; init; }

    /// <summary>Pages that travelled with the core state.</summary>
    public required int CorePages { get; init; }

    /// <summary>Page-table pages among them.</summary>
    public required int PageTablePages { get; init; }

    /// <summary>Distinct pages recorded in the window.</summary>
    public required int RecordedPages { get; init; }

    /// <summary>Pages in the backup store at the window's end.</summary>
    public required int BackedUpPages { get; init; }

    /// <summary>Remote page faults at the destination: faults that had to wait for the source.</summary>
    public required long RemoteFaults { get; init; }

    /// <summary>How long those faults waited.</summary>
    public required FaultWait FaultLatency { get; init; }

    /// <summary>
    /// What it tells beyond these sums, in one line here: why pages were asked for, what came of recording, when the source's memory was free. To PowerShell all of it
    /// (<see cref="GetDetails"/>). Null as <see cref="DowntimeParts"/> is.
    /// </summary>
    public string? Details { get; init; }

    /// <summary>What it tells beyond these sums; other processes are not told.</summary>
    internal MigrationDetails? Known { get; init; }

    /// <summary>The proof of the rollback; null where none was asked for or nothing was rolled back.</summary>
    public RollbackProof? RollbackProof { get; init; }

    /// <summary>What went wrong after the domain had moved, and what to do about it; empty where nothing did.</summary>
    public required string Problems { get; init; }

    /// <summary>The phases in order, with when each began (from the start of the migration) and how long it took.</summary>
    public required Listed<PhaseOutcome> Phases { get; init; }

    /// <summary>What PowerShell shows as Details; of a migration of another process the line.</summary>
    public object? GetDetails() => Known ?? (object?)Details;

    /// <summary>What was done in one line, the same in every culture.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Method} to {Destination} in {TotalTime:0.######} s, downtime {Downtime:0.######} s");
}

/// <summary>The distribution of how long remote faults waited, in seconds; TimeSpans to PowerShell.</summary>
public sealed record FaultWait
{
    /// <summary>Reads what another process says.</summary>
    [JsonConstructor]
    internal FaultWait()
    {
    }

    [SetsRequiredMembers]
    internal FaultWait(FaultLatency latency)
    {
        Mean = latency.Mean.TotalSeconds;
        Median = latency.Median.TotalSeconds;
        P99 = latency.P99.TotalSeconds;
        Maximum = latency.Maximum.TotalSeconds;
        Total = latency.Total.TotalSeconds;
    }

    /// <summary>The mean.</summary>
    public required double Mean { get; init; }

    /// <summary>Half waited no longer.</summary>
    public required double Median { get; init; }

    /// <summary>Ninety-nine in a hundred waited no longer.</summary>
    public required double P99 { get; init; }

    /// <summary>The longest.</summary>
    public required double Maximum { get; init; }

    /// <summary>The sum: how long vCPUs stood still for pages.</summary>
    public required double Total { get; init; }

    /// <summary>All of it in one line, the same in every culture: a column of Export-Csv.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"mean {Mean:0.######} s, median {Median:0.######} s, p99 {P99:0.######} s, longest {Maximum:0.######} s, in all {Total:0.######} s");
}

/// <summary>One phase of a migration, in seconds; TimeSpans to PowerShell.</summary>
public sealed record PhaseOutcome
{
    /// <summary>Reads what another process says.</summary>
    [JsonConstructor]
    internal PhaseOutcome()
    {
    }

    [SetsRequiredMembers]
    internal PhaseOutcome(MigrationPhaseTime phase)
    {
        Phase = phase.Phase;
        Start = phase.Start.TotalSeconds;
        Duration = phase.Duration.TotalSeconds;
    }

    /// <summary>Which.</summary>
    public required MigrationPhase Phase { get; init; }

    /// <summary>From the start of the migration.</summary>
    public required double Start { get; init; }

    /// <summary>How long it took.</summary>
    public required double Duration { get; init; }

    /// <summary>The phase and how long it took, the same in every culture.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Phase} {Duration:0.######} s");
}

/// <summary>Rates over a time.</summary>
internal static class Rates
{
    /// <summary>The average, in bytes a second; zero where no time has passed.</summary>
    public static long Average(long bytes, TimeSpan time) => time > TimeSpan.Zero ? (long)(bytes / time.TotalSeconds) : 0;
}
