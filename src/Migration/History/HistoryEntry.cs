using System.Globalization;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.History;

/// <summary>Which of a migration's sides says how it ended.</summary>
public enum HistorySide : long
{
    /// <summary>The source.</summary>
    Source,

    /// <summary>The destination.</summary>
    Destination,
}

/// <summary>What became of a domain, as a side of its migration knows it.</summary>
public enum HistoryFate : long
{
    /// <summary>It runs at the destination, wholly.</summary>
    Moved,

    /// <summary>It did not leave: it runs on at its source.</summary>
    RanOn,

    /// <summary>It never ran at the destination, and nothing of it is left there.</summary>
    NeverRan,

    /// <summary>The connection was lost after the commit: both sides keep what they have, until the migration is resumed or given up.</summary>
    Interrupted,

    /// <summary>The administrator gave it up: what this side had of it is destroyed.</summary>
    GivenUp,

    /// <summary>Something could not be done as it should be, and is left to the next command: the error says what.</summary>
    Unfinished,
}

/// <summary>
/// One end of a migration at one side, as the history keeps it. A migration that was interrupted and goes on has several. Durations are
/// seconds; whatever stands in texts may be shown.
/// </summary>
public sealed record HistoryEntry
{
    /// <summary>When it ended.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The domain.</summary>
    public required string Name { get; init; }

    /// <summary>The host (or address) that it is on, as far as this side knows: the destination once it has moved.</summary>
    public string HostName => Fate == HistoryFate.Moved ? Destination : Source;

    /// <summary>The side that says so.</summary>
    public required HistorySide Side { get; init; }

    /// <summary>What became of the domain.</summary>
    public required HistoryFate Fate { get; init; }

    /// <summary>The host (or address) that it left, or was to leave; empty where the destination knows none.</summary>
    public required string Source { get; init; }

    /// <summary>The host (or address) that it went to, or was to go to.</summary>
    public required string Destination { get; init; }

    /// <summary>How memory travelled; null at the destination, which is not told.</summary>
    public MigrationMethod? Method { get; init; }

    /// <summary>The recording's mode; null where nothing was recorded.</summary>
    public RecordingMode? Mode { get; init; }

    /// <summary>The hypervisor of the side that says so, such as Xen or Simulated.</summary>
    public required string Hypervisor { get; init; }

    /// <summary>How often it was begun: more than once where it was resumed.</summary>
    public int Attempts { get; init; } = 1;

    /// <summary>When it began.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>From its beginning until then, in seconds.</summary>
    public required double TotalTime { get; init; }

    /// <summary>How long the domain stood still for the handover, in seconds; null where it has not moved, and at the destination.</summary>
    public double? Downtime { get; init; }

    /// <summary>What <see cref="Downtime"/> went into, in one line; null as it is, and where the version that noted it did not say.</summary>
    public string? DowntimeParts => Parts?.ToString();

    /// <summary>How long its clients waited in all, in seconds; null as <see cref="Downtime"/> is.</summary>
    public double? ClientsWait { get; init; }

    /// <summary>How long it needed both hosts, in seconds; null as <see cref="Downtime"/> is.</summary>
    public double? Exposure { get; init; }

    /// <summary>All bytes that the source sent; null at the destination.</summary>
    public long? BytesSent { get; init; }

    /// <summary>Remote page faults; null at a source whose domain has not moved.</summary>
    public long? RemoteFaults { get; init; }

    /// <summary>Why pages were asked for, what came of recording, and when the source's memory was free, in one line; null as <see cref="Downtime"/> is, and where
    /// the version that noted it did not say.</summary>
    public string? Details { get; init; }

    /// <summary>What <see cref="Downtime"/> went into.</summary>
    internal DowntimeParts? Parts { get; init; }

    /// <summary>The id of the error that ended it; null where none did.</summary>
    public string? ErrorId { get; init; }

    /// <summary>What went wrong; null where nothing did.</summary>
    public string? Error { get; init; }

    /// <summary>What became of it in a sentence, the same in every culture.</summary>
    public override string ToString()
    {
        string from = Source.Length > 0 ? $" from {Source}" : "";
        string what = (Side, Fate) switch
        {
            (HistorySide.Source, HistoryFate.Moved) => string.Create(
                CultureInfo.InvariantCulture, $"moved{from} to {Destination} in {TotalTime:0.###} s, downtime {Downtime ?? 0:0.###} s"),
            (_, HistoryFate.Moved) => string.Create(CultureInfo.InvariantCulture, $"came in{from} to {Destination} in {TotalTime:0.###} s"),
            (_, HistoryFate.RanOn) => $"runs on at {Source}: it did not move to {Destination}",
            (_, HistoryFate.NeverRan) => $"did not come in{from} to {Destination}, where nothing of it is left",
            (_, HistoryFate.Interrupted) => $"is split: its migration{from} to {Destination} was interrupted after the commit",
            (_, HistoryFate.GivenUp) => $"was given up: its half of the migration{from} to {Destination} is destroyed at the {Side.ToString().ToLowerInvariant()}",
            _ => $"is left to the next command at the {Side.ToString().ToLowerInvariant()} of its migration{from} to {Destination}",
        };
        return Error is null ? $"{Name} {what}." : $"{Name} {what}. {Error}";
    }
}
