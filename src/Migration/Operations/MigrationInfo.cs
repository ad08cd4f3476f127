using System.Text.Json.Serialization;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Operations;

/// <summary>
/// A migration as it was when it was asked for: the handle by which the other cmdlets find it. Durations are seconds here: every property is flat to
/// whatever serialises it. To PowerShell they are TimeSpans.
/// </summary>
public sealed record MigrationInfo
{
    /// <summary>Names the migration in its process.</summary>
    public required int Id { get; init; }

    /// <summary>The process that has it.</summary>
    public int ProcessId { get; init; } = Environment.ProcessId;

    /// <summary>Tells the migration from every other one, in any process: the handle means this one and no other.</summary>
    public required Guid InstanceId { get; init; }

    /// <summary>The domain.</summary>
    public required string Name { get; init; }

    /// <summary>The host (or address) that it is on: the source, until the migration is completed.</summary>
    public string HostName => State == MigrationState.Completed ? Destination : Source;

    /// <summary>The host that it leaves.</summary>
    public required string Source { get; init; }

    /// <summary>Where it goes.</summary>
    public required string Destination { get; init; }

    /// <summary>How memory travels.</summary>
    public required MigrationMethod Method { get; init; }

    /// <summary>What the recording does to the domain; null where nothing is recorded.</summary>
    public RecordingMode? Mode { get; init; }

    /// <summary>Where it stands.</summary>
    public required MigrationState State { get; init; }

    /// <summary>The phase it is in, or was in last; null before the first.</summary>
    public MigrationPhase? Phase { get; init; }

    /// <summary>Who has the domain.</summary>
    public DomainHolder Holder { get; init; }

    /// <summary>Pages at the destination.</summary>
    public long PagesDone { get; init; }

    /// <summary>Pages to get there.</summary>
    public long PagesTotal { get; init; }

    /// <summary>Bytes sent so far.</summary>
    public long BytesSent { get; init; }

    /// <summary>The rate in bytes a second: of late while it is under way, on average once it has ended.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>The pages that were sent so far, by when and why; of a completed one what its result has. Null where another version of the module, whose
    /// migration it is, does not say.</summary>
    public Listed<SentPagesOutcome>? Pages { get; init; }

    /// <summary>Pages that the guest asked for of late, a second.</summary>
    public double FaultsPerSecond { get; init; }

    /// <summary>For which share of the time of late its vCPUs waited for them, from 0 to 1, as the source sees it; null while it does not run with pages
    /// missing.</summary>
    public double? StalledShare { get; init; }

    /// <summary>The time left at that rate, in seconds; null where it is not known.</summary>
    public double? Remaining { get; init; }

    /// <summary>When it began.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>When it ended, or was interrupted; null while it is under way.</summary>
    public DateTimeOffset? Ended { get; init; }

    /// <summary>How long it has taken so far, or took until it ended, in seconds; of a completed one, what its result has as TotalTime.</summary>
    public required double Elapsed { get; init; }

    /// <summary>Most bytes a second of pushed pages, as it is now; null for no limit.</summary>
    public long? BandwidthLimit { get; init; }

    /// <summary>The longest that the domain may be predicted to stand still for what rounds have left, in seconds, as it is now; null where nothing
    /// of that kind travels.</summary>
    public double? MaximumDowntime { get; init; }

    /// <summary>The longest that the domain may need both hosts, in seconds, as it is now; null for no limit.</summary>
    public double? MaximumExposure { get; init; }

    /// <summary>The bounds that were not kept, each in its own words; empty where all were.</summary>
    public Listed<string> Warnings { get; init; } = [];

    /// <summary>
    /// What it did, once it is completed: in one line here, because a result in a handle is deeper than ConvertTo-Json goes by
    /// default; the result itself to PowerShell.
    /// </summary>
    public string? Result => Outcome?.ToString();

    /// <summary>Why it ended, where it did not end well, and where the domain is now.</summary>
    public string? Error { get; init; }

    /// <summary>What it did, once it is completed.</summary>
    [JsonInclude]
    internal MigrationOutcome? Outcome { get; init; }

    /// <summary>Of a migration of another process why it ended, where it did not end well.</summary>
    [JsonInclude]
    internal MigrationFailure? Failure { get; init; }

    /// <summary>Whether it is under way.</summary>
    public bool IsUnderWay() => State is MigrationState.Running or MigrationState.Stopping;

    /// <summary>The pages that were sent so far, by when and why; none where that is not said.</summary>
    public SentPages SentPages()
    {
        return new SentPages(
            Of(SentPageKind.Core), Of(SentPageKind.Early), Of(SentPageKind.Again), Of(SentPageKind.Recorded), Of(SentPageKind.Predicted),
            Of(SentPageKind.Rest), Of(SentPageKind.Demanded), Of(SentPageKind.Zero));

        long Of(SentPageKind kind) => Pages?.FirstOrDefault(pages => pages.Kind == kind)?.Count ?? 0;
    }

    /// <summary>What PowerShell shows as Result.</summary>
    public MigrationOutcome? GetResult() => Outcome;

    /// <summary>Of a migration of another process what whoever waits for it there is told; null where it ended well, or has not ended.</summary>
    public Exception? GetFailure() => Failure?.ToException(Name);
}
