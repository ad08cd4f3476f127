using System.Globalization;
using PreRecordMigration.Estimates;
using PreRecordMigration.Options;

namespace PreRecordMigration.Operations;

/// <summary>
/// What a migration is expected to cost: a model, not a promise. Durations are seconds here: every property is flat to
/// whatever serialises it. To PowerShell they are TimeSpans.
/// </summary>
public sealed record MigrationEstimateInfo
{
    /// <summary>Describes what was reckoned.</summary>
    /// <param name="estimate">What was reckoned.</param>
    internal MigrationEstimateInfo(MigrationEstimate estimate)
    {
        Method = estimate.Method;
        Mode = estimate.Mode;
        TotalTime = estimate.TotalTime.TotalSeconds;
        Downtime = estimate.Downtime.TotalSeconds;
        CheckpointPause = estimate.CheckpointPause.TotalSeconds;
        DiscardedExecution = estimate.DiscardedExecution.TotalSeconds;
        ClientsWait = estimate.ClientsWait.TotalSeconds;
        Exposure = estimate.Exposure.TotalSeconds;
        BytesSent = estimate.BytesSent;
        RemoteFaults = estimate.RemoteFaults;
        Stalled = estimate.Stalled?.TotalSeconds;
        Converges = estimate.Converges;
    }

    /// <summary>How memory would travel.</summary>
    public MigrationMethod Method { get; }

    /// <summary>The recording's mode; null where nothing is recorded.</summary>
    public RecordingMode? Mode { get; }

    /// <summary>From the first step to the source's end, in seconds.</summary>
    public double TotalTime { get; }

    /// <summary>The handover, in seconds: stopped at the source, not yet running at the destination.</summary>
    public double Downtime { get; }

    /// <summary>How long the checkpoint holds the domain before the window, as far as the proof of the rollback does, in seconds;
    /// zero without a checkpoint, and where nothing was sampled.</summary>
    public double CheckpointPause { get; }

    /// <summary>The window, where it is rolled back, in seconds; zero where nothing is.</summary>
    public double DiscardedExecution { get; }

    /// <summary>How long the domain's clients wait in all, in seconds: while it stands still, and while it runs for nothing.</summary>
    public double ClientsWait { get; }

    /// <summary>The time in which the domain needs both hosts, in seconds: the commit's round trip alone with pre-copy and with
    /// RemotePF off.</summary>
    public double Exposure { get; }

    /// <summary>Bytes of memory that travel, pages sent again included.</summary>
    public long BytesSent { get; }

    /// <summary>Remote page faults; null where nothing was sampled.</summary>
    public long? RemoteFaults { get; }

    /// <summary>How long vCPUs stand still for them, in seconds; null where nothing was sampled.</summary>
    public double? Stalled { get; }

    /// <summary>Whether rounds of pre-copy get the better of the domain's writes; true for every other method.</summary>
    public bool Converges { get; }

    /// <summary>The method and what tells most of it, the same in every culture.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Method}{(Mode is null ? "" : " ")}{Mode} {TotalTime:0.######} s, downtime {Downtime:0.######} s");
}
