using PreRecordMigration.Estimates;
using PreRecordMigration.Options;

namespace PreRecordMigration.Operations;

/// <summary>Something that says which domain is to be moved, and what was found out or decided about it.</summary>
public abstract record MigrationPlan
{
    /// <summary>The domain.</summary>
    public required string Name { get; init; }

    /// <summary>The host it is on.</summary>
    public required string HostName { get; init; }

    /// <summary>Where the domain is to go; null where that is not decided yet.</summary>
    public string? Destination { get; init; }
}

/// <summary>The preflight of one move: what stands against it, what it would cost, and which method is advised.</summary>
public sealed record MigrationReport : MigrationPlan
{
    /// <summary>Whether at least one method is possible.</summary>
    public bool IsPossible => Recommendation is not null || IsAdvisedLater;

    /// <summary>The method that is advised; null where none is possible.</summary>
    public MigrationMethod? Recommendation => Recommended?.Method;

    /// <summary>The mode that is advised for it; null where nothing would be recorded.</summary>
    public RecordingMode? Mode => Recommended?.Mode;

    /// <summary>Whether a sample that has not been taken yet is to advise one of the possible methods.</summary>
    internal bool IsAdvisedLater { get; init; }

    /// <summary>Why, in sentences.</summary>
    public required Listed<string> Reasons { get; init; }

    /// <summary>What each possible method would cost.</summary>
    public Listed<MigrationEstimateInfo> Estimates => [.. Expected.Select(estimate => new MigrationEstimateInfo(estimate))];

    /// <summary>What stands against methods, each with the object that is the matter.</summary>
    public required Listed<MigrationIncompatibility> Incompatibilities { get; init; }

    /// <summary>The memory that the domain holds, in bytes.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>How long the domain was watched, in seconds (a TimeSpan to PowerShell); zero where nothing was sampled.</summary>
    public double SampleWindow { get; init; }

    /// <summary>Distinct pages that it touched in that time.</summary>
    public int TouchedPages { get; init; }

    /// <summary>Distinct pages that it wrote in as much time.</summary>
    public int DirtyPages { get; init; }

    /// <summary>The rate that the estimates reckon with, in bytes a second.</summary>
    public required long Bandwidth { get; init; }

    /// <summary>The time to the destination and back that they reckon with, in seconds; a TimeSpan to PowerShell.</summary>
    public required double RoundTrip { get; init; }

    /// <summary>A report again, of what a copy of one says: what stood against methods has not come along.</summary>
    /// <param name="name">The domain.</param>
    /// <param name="hostName">The host it is on.</param>
    /// <param name="destination">Where it is to go; null where that is not decided yet.</param>
    /// <param name="expected">What methods would cost, as far as that has come along.</param>
    /// <param name="recommended">The estimate of the method that is advised; null where none is possible.</param>
    /// <param name="memoryBytes">The memory that the domain holds.</param>
    /// <param name="link">What the estimates reckon with.</param>
    public static MigrationReport OfCopy(
        string name,
        string hostName,
        string? destination,
        IReadOnlyList<MigrationEstimate> expected,
        MigrationEstimate? recommended,
        long memoryBytes,
        LinkSpeed link)
    {
        ArgumentNullException.ThrowIfNull(link);
        return new MigrationReport
        {
            Name = name,
            HostName = hostName,
            Destination = destination,
            Reasons = [],
            Expected = expected,
            Incompatibilities = [],
            MemoryBytes = memoryBytes,
            Bandwidth = link.BytesPerSecond,
            RoundTrip = link.RoundTrip.TotalSeconds,
            Recommended = recommended,
        };
    }

    /// <summary>What each possible method would cost, as it was reckoned.</summary>
    internal IReadOnlyList<MigrationEstimate> Expected { get; init; } = [];

    /// <summary>The estimate of the method that is advised.</summary>
    internal MigrationEstimate? Recommended { get; init; }
}

/// <summary>Something that stands against moving a domain.</summary>
/// <param name="ErrorId">The id of the error that the move would end with.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Remedy">What to do about it.</param>
/// <param name="Target">The object that is the matter: the domain, the host, or one of its capabilities. Its name here, itself to PowerShell.</param>
public sealed record MigrationIncompatibility(
    string ErrorId, string Message, string Remedy, string Target)
{
    /// <summary>The methods (with their modes) that it stands against: in one line here, a list to PowerShell.</summary>
    public string Methods => string.Join(", ", Against);

    /// <summary>The methods (with their modes) that it stands against.</summary>
    internal Listed<string> Against { get; init; } = [];

    /// <summary>What PowerShell shows as Methods.</summary>
    public IReadOnlyList<string> GetMethods() => Against;

    /// <summary>The object that is the matter.</summary>
    internal object? TargetObject { get; init; }

    /// <summary>What PowerShell shows as Target.</summary>
    public object GetTarget() => TargetObject ?? Target;

    /// <inheritdoc/>
    public override string ToString() => $"{Methods}: {Message}";
}
