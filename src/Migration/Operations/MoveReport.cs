using PreRecordMigration.Errors;
using PreRecordMigration.Estimates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>Makes the preflight's report of a move.</summary>
public static class MoveReport
{
    /// <summary>The methods that are compared, with their modes.</summary>
    private static readonly (MigrationMethod Method, RecordingMode Mode)[] Variants =
    [
        (MigrationMethod.PreCopy, RecordingMode.Observe),
        (MigrationMethod.PostCopy, RecordingMode.Observe),
        (MigrationMethod.Hybrid, RecordingMode.Observe),
        (MigrationMethod.PreRecord, RecordingMode.Observe),
        (MigrationMethod.PreRecord, RecordingMode.Rollback),
    ];

    /// <summary>The report of one planned move that was checked already: its cost as far as its size tells. Nothing is touched.</summary>
    public static MigrationReport OfPlan(PlannedMove move, LinkSpeed link)
    {
        ArgumentNullException.ThrowIfNull(move);
        MigrationEstimate[] estimates = BySize(move.Location, [move.Options], link);
        return Make(move.Location, move.Destination, link) with
        {
            Expected = estimates,
            Recommended = estimates[0],
            Reasons = move.ModeReason is null
                ? [Text.Format(SR.ReasonPlanned, move.MethodText)]
                : [Text.Format(SR.ReasonPlanned, move.Options.Method), move.ModeReason],
        };
    }

    /// <summary>The report of every method that is possible, as far as its size tells: none is advised. Nothing is touched.</summary>
    public static MigrationReport OfSize(DomainLocation location, Destination destination, MigrationOptions options, LinkSpeed link)
    {
        ArgumentNullException.ThrowIfNull(location);
        (List<MigrationOptions> possible, Listed<MigrationIncompatibility> problems) = Check(location, destination, options);
        return Make(location, destination, link) with
        {
            Expected = BySize(location, possible, link),
            IsAdvisedLater = possible.Count > 0,
            Reasons = possible.Count == 0 ? [SR.ReasonNone] : [SR.ReasonUnsampled],
            Incompatibilities = problems,
        };
    }

    /// <summary>The report of every method, from a short sample of the running domain.</summary>
    public static MigrationReport OfSample(
        DomainLocation location,
        Destination destination,
        MigrationOptions options,
        LinkSpeed link,
        TimeSpan? maximumExposure,
        IProgress<MigrationProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(location);
        ArgumentNullException.ThrowIfNull(options);
        (List<MigrationOptions> possible, Listed<MigrationIncompatibility> problems) = Check(location, destination, options);
        MigrationReport report = Make(location, destination, link) with { Incompatibilities = problems };
        CapabilityReport source = location.Host.GetCapabilities(location.Info.Kind);
        if (possible.Count == 0 || Preflight.WhyNotRecorded(location, options with { Method = MigrationMethod.PreRecord, Mode = RecordingMode.Observe }) is not null)
        {
            return Advise(report, BySize(location, possible, link), options.MaximumDowntime, maximumExposure);
        }

        MigrationSample sample = MigrationSample.Take(
            location.Host.OpenSource(location.Info.Name),
            options.Window,
            options.Epoch,
            source[MigrationCapability.DirtyTracking].IsAvailable,
            progress,
            cancellationToken);
        return Advise(
            report with
            {
                SampleWindow = sample.Window.TotalSeconds,
                TouchedPages = sample.TouchedPages,
                DirtyPages = sample.DirtyPages,
            },
            [.. possible.Select(variant => MigrationEstimator.Of(sample, variant, link))],
            options.MaximumDowntime,
            maximumExposure);
    }

    private static MigrationReport Make(DomainLocation location, Destination destination, LinkSpeed link) => new()
    {
        Name = location.Info.Name,
        HostName = location.Host.Name,
        Destination = destination.Name,
        MemoryBytes = location.Info.MemoryBytes,
        Bandwidth = link.BytesPerSecond,
        RoundTrip = link.RoundTrip.TotalSeconds,
        Reasons = [],
        Expected = [],
        Incompatibilities = [],
    };

    private static MigrationEstimate[] BySize(DomainLocation location, IEnumerable<MigrationOptions> variants, LinkSpeed link) =>
        [.. variants.Select(variant => MigrationEstimator.OfSize(location.Info.MemoryBytes / Page.Size, variant, link))];

    private static MigrationReport Advise(
        MigrationReport report, IReadOnlyList<MigrationEstimate> estimates, TimeSpan maximumDowntime, TimeSpan? maximumExposure)
    {
        MigrationAdvice advice = MigrationAdvice.Choose(estimates, maximumDowntime, maximumExposure);
        return report with
        {
            Expected = estimates,
            Recommended = advice.Choice,
            Reasons = advice.Choice is null ? [.. advice.Reasons, SR.ReasonNone] : [.. advice.Reasons],
        };
    }

    /// <summary>Which methods are possible, and what stands against the others, each problem once.</summary>
    private static (List<MigrationOptions> Possible, Listed<MigrationIncompatibility> Problems) Check(
        DomainLocation location, Destination destination, MigrationOptions options)
    {
        List<MigrationOptions> possible = [];
        List<MigrationIncompatibility> problems = [];
        foreach ((MigrationMethod method, RecordingMode mode) in Variants)
        {
            MigrationOptions variant = options with { Method = method, Mode = mode };
            string name = method == MigrationMethod.PreRecord ? $"{method} {mode}" : $"{method}";
            MigrationIncompatibility[] found =
                [.. Preflight.OfMove(location, destination, variant).Select(requirement => Problem(requirement, name)).OfType<MigrationIncompatibility>()];
            if (found.Length == 0)
            {
                possible.Add(variant);
            }

            problems.AddRange(found);
        }

        return (possible,
        [
            .. problems.GroupBy(problem => (problem.ErrorId, problem.Message))
                .Select(same => same.First() with { Against = [.. same.SelectMany(problem => problem.Against)] }),
        ]);
    }

    private static MigrationIncompatibility? Problem(Requirement requirement, string method)
    {
        try
        {
            requirement.Require();
            return null;
        }
        catch (MigrationException error)
        {
            return Incompatibility(error.ErrorId.ToString(), error.Message, error.Remedy);
        }
        catch (OperationException error)
        {
            return Incompatibility(error.ErrorId, error.Message, error.Remedy);
        }

        MigrationIncompatibility Incompatibility(string id, string message, string remedy) =>
            new(id, message, remedy, ValueText.Of(requirement.Target)) { TargetObject = requirement.Target, Against = [method] };
    }
}
