using System.Globalization;
using System.Xml.Linq;
using PreRecordMigration.Drawing;
using PreRecordMigration.Measuring;
using PreRecordMigration.Operations;
using static PreRecordMigration.Drawing.Markup;

namespace PreRecordMigration.Reports;

/// <summary>The section of methods that were measured against each other.</summary>
internal static class ComparisonSection
{
    /// <summary>The section.</summary>
    /// <param name="comparison">What was measured.</param>
    /// <param name="id">Where it is on the page.</param>
    /// <param name="figures">The page's pictures.</param>
    public static XElement Make(MigrationComparison comparison, string id, Figures figures)
    {
        IReadOnlyList<MeasuredRun> runs = comparison.GetRuns();
        return Html(
            "section",
            Class("move"),
            With("id", id),
            Html("h2", $"{comparison.Name}: methods measured against each other"),
            Html(
                "p",
                $"Between {comparison.Source} and {comparison.Destination}, each method {Quantity.Count(comparison.Repeat)} times in random order (seed {ValueText.Of(comparison.Seed)}), from "
                + $"{ValueText.Of(comparison.Started)} to {ValueText.Of(comparison.Ended)}. {Quantity.Count(comparison.Failures)} runs failed. The others are compared with {comparison.Against}; a difference "
                + "is called more than noise where methods that do not differ would be as far apart in at most one of twenty measurements (exact rank test, adjusted by Holm)."),
            comparison.Stopped is { } stopped ? Html("p", Class("alert"), Html("strong", "It ended before all runs were made: "), stopped) : null,
            Enum.GetValues<MeasuredFigure>().Select(figure => Figure(comparison, figure, runs, figures)),
            FaultsOverTime(runs, figures),
            Html("h3", "All runs"),
            Table(runs));
    }

    /// <summary>The section of runs that were given without their comparison.</summary>
    public static XElement Runs(IReadOnlyList<MeasuredRun> runs, string id) => Html("section", With("id", id), Html("h2", "Runs of measurements"), Table(runs));

    private static XElement Table(IReadOnlyList<MeasuredRun> runs) => Figures.Table(
        "Runs in their order",
        ["Run", "Method", "Domain", "From", "To", "#Downtime", "#Seen from outside", "#Seen by the guest", "#Clients waited", "#Total", "#Exposure", "#Faults", "#Sent", "Why it failed"],
        runs.Select(run => new[]
        {
            $"{Number(run.Run)}{(run.IsWarmUp ? ", to warm up" : "")}", Label(run.Method, run.Order), run.Name, run.Source, run.Destination, Quantity.Time(run.Downtime),
            Quantity.Time(run.ProbeGap), Quantity.Time(run.BeatGap), Quantity.Time(run.ClientsWait), Quantity.Time(run.TotalTime), Quantity.Time(run.Exposure),
            Quantity.Count(run.RemoteFaults), Quantity.Bytes(run.BytesSent), run.Error ?? "",
        }));

    private static XElement? Figure(MigrationComparison comparison, MeasuredFigure figure, IReadOnlyList<MeasuredRun> runs, Figures figures)
    {
        MeasuredSummary[] summaries = [.. comparison.Summaries.Where(summary => summary.Figure == figure)];
        if (summaries.Length == 0)
        {
            return null;
        }

        (string title, Func<double?, string> text) = Words(figure);
        return figures.Make(
            $"{title}.",
            $"Medians: {string.Join("; ", summaries.Select(summary => $"{Label(summary.Method, summary.Order)} {text(summary.Median)}"))}. "
            + "Each point is a run, the line is the median.",
            Ranges.Draw(
                [.. summaries.Select(summary => new Measured(
                    Label(summary.Method, summary.Order), Values(runs, summary), summary.Median, text(summary.Median), Colour(summary.Method)))],
                value => text(value)),
            null,
            Figures.Table(
                title,
                ["Method", "#Median", "#Least", "#Most", "#Runs", "#Against the first", "#Chance", "More than noise"],
                summaries.Select(summary =>
                {
                    MeasuredDifference? difference = comparison.Differences.FirstOrDefault(
                        other => other.Figure == figure && other.Method == summary.Method && other.Order == summary.Order);
                    return new[]
                    {
                        Label(summary.Method, summary.Order), text(summary.Median), text(summary.Least), text(summary.Most), Quantity.Count(summary.Runs),
                        difference?.Ratio is { } ratio ? $"× {ratio.ToString("0.##", CultureInfo.InvariantCulture)}" : "–",
                        difference is null ? "–" : difference.Probability.ToString("0.####", CultureInfo.InvariantCulture),
                        difference is null ? "–" : difference.IsMoreThanNoise switch { true => "yes", false => "no", _ => "too few runs" },
                    };
                })));
    }

    /// <summary>Of each method the first run that counts, as far as it tells.</summary>
    private static XElement? FaultsOverTime(IReadOnlyList<MeasuredRun> runs, Figures figures)
    {
        MeasuredRun[] told =
        [
            .. runs.Where(run => !run.IsWarmUp && run.GetOutcome()?.Known?.Faults.OverTime.Count > 0)
                .DistinctBy(run => (run.Method, run.Order))
                .Take(Sides.MostCurves),
        ];
        return told.Length == 0 ? null : DetailFigures.Faults(
            [.. told.Select((run, curve) => ($"{Label(run.Method, run.Order)}, run {Number(run.Run)}", curve + 1, run.GetOutcome()!))],
            [.. told.Select(run => run.GetOutcome()!.Known!)],
            figures);
    }

    private static IReadOnlyList<double> Values(IReadOnlyList<MeasuredRun> runs, MeasuredSummary summary) =>
    [
        .. runs.Where(run => run.Method == summary.Method && run.Order == summary.Order && !run.IsWarmUp && run.Error is null)
            .Select(run => MigrationComparison.Of(run, summary.Figure))
            .OfType<double>(),
    ];

    private static (string Title, Func<double?, string> Text) Words(MeasuredFigure figure) => figure switch
    {
        MeasuredFigure.Downtime => ("Downtime, as the one who moved it says", Quantity.Time),
        MeasuredFigure.ProbeGap => ("Longest time without an answer, seen from outside", Quantity.Time),
        MeasuredFigure.BeatGap => ("Longest time in which the guest counted nothing", Quantity.Time),
        MeasuredFigure.ClientsWait => ("Clients waited", Quantity.Time),
        MeasuredFigure.TotalTime => ("Total time", Quantity.Time),
        MeasuredFigure.Exposure => ("Exposure: both hosts were needed", Quantity.Time),
        MeasuredFigure.Stalled => ("Stalled for remote faults, all vCPUs together", Quantity.Time),
        MeasuredFigure.RemoteFaults => ("Remote faults", Quantity.Count),
        MeasuredFigure.BytesSent => ("Bytes sent", Quantity.Bytes),
        MeasuredFigure.SourceMemoryFreed => ("Until the source's memory was free", Quantity.Time),
        _ => ("Dip: how much slower the guest was at its slowest", Quantity.Share),
    };

    private static string Label(MeasuredMethod method, PreRecordMigration.Options.PageOrderStrategy? order) => new MeasuredVariant(method, order).ToString();

    private static int Colour(MeasuredMethod method) => method switch
    {
        MeasuredMethod.PreCopy => 2,
        MeasuredMethod.PostCopy => 4,
        MeasuredMethod.Hybrid => 3,
        MeasuredMethod.Observe => 1,
        MeasuredMethod.Rollback => 9,
        _ => 8,
    };
}
