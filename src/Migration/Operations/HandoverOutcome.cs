using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Operations;

/// <summary>One part of a downtime, in seconds; a TimeSpan to PowerShell.</summary>
public sealed record DowntimePartOutcome
{
    /// <summary>Reads what another process says.</summary>
    [JsonConstructor]
    internal DowntimePartOutcome()
    {
    }

    [SetsRequiredMembers]
    internal DowntimePartOutcome(DowntimePart part, TimeSpan time) => (Part, Duration) = (part, time.TotalSeconds);

    /// <summary>Which.</summary>
    public required DowntimePart Part { get; init; }

    /// <summary>How long it took.</summary>
    public required double Duration { get; init; }

    /// <summary>The part and how long it took, the same in every culture.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Part} {Duration:0.######} s");
}

/// <summary>How many pages were sent for one reason.</summary>
public sealed record SentPagesOutcome
{
    /// <summary>Reads what another process says.</summary>
    [JsonConstructor]
    internal SentPagesOutcome()
    {
    }

    [SetsRequiredMembers]
    internal SentPagesOutcome(SentPageKind kind, long count) => (Kind, Count) = (kind, count);

    /// <summary>When and why.</summary>
    public required SentPageKind Kind { get; init; }

    /// <summary>How many.</summary>
    public required long Count { get; init; }

    /// <summary>All kinds, in their order.</summary>
    internal static Listed<SentPagesOutcome> Of(SentPages pages) => [.. pages.All.Select(one => new SentPagesOutcome(one.Kind, one.Count))];

    /// <summary>The reason and how many, the same in every culture.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kind} {Count}");
}
