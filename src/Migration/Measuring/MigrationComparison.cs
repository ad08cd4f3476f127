using System.Globalization;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;

namespace PreRecordMigration.Measuring;

/// <summary>A figure of a run that is compared.</summary>
public enum MeasuredFigure : long
{
    /// <summary><see cref="MeasuredRun.Downtime"/>, in seconds.</summary>
    Downtime,

    /// <summary><see cref="MeasuredRun.ProbeGap"/>, in seconds.</summary>
    ProbeGap,

    /// <summary><see cref="MeasuredRun.BeatGap"/>, in seconds.</summary>
    BeatGap,

    /// <summary><see cref="MeasuredRun.ClientsWait"/>, in seconds.</summary>
    ClientsWait,

    /// <summary><see cref="MeasuredRun.TotalTime"/>, in seconds.</summary>
    TotalTime,

    /// <summary><see cref="MeasuredRun.Exposure"/>, in seconds.</summary>
    Exposure,

    /// <summary><see cref="MeasuredRun.Stalled"/>, in seconds.</summary>
    Stalled,

    /// <summary><see cref="MeasuredRun.RemoteFaults"/>.</summary>
    RemoteFaults,

    /// <summary><see cref="MeasuredRun.BytesSent"/>.</summary>
    BytesSent,

    /// <summary><see cref="MeasuredRun.SourceMemoryFreed"/>, in seconds.</summary>
    SourceMemoryFreed,

    /// <summary><see cref="MeasuredRun.DipDepth"/>.</summary>
    DipDepth,
}

/// <summary>What one figure came to by one method.</summary>
/// <param name="Figure">The figure; durations are seconds.</param>
/// <param name="Method">The method.</param>
/// <param name="Order">The order of pages; null for what suits the method.</param>
/// <param name="Runs">How many runs have it; those that failed and those that warmed up have not.</param>
/// <param name="Median">Half were no more.</param>
/// <param name="Least">The least.</param>
/// <param name="Most">The most.</param>
public sealed record MeasuredSummary(
    MeasuredFigure Figure, MeasuredMethod Method, PageOrderStrategy? Order, int Runs, double Median, double Least, double Most)
{
    /// <summary>All of it in one line, the same in every culture.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Figure} {new MeasuredVariant(Method, Order)} {Median:0.######} ({Least:0.######} to {Most:0.######}) of {Runs}");
}

/// <summary>How a method differs from the first one in one figure.</summary>
/// <param name="Figure">The figure.</param>
/// <param name="Method">The method.</param>
/// <param name="Order">Its order of pages; null for what suits it.</param>
/// <param name="Difference">Its median without that of the first one; durations are seconds.</param>
/// <param name="Ratio">Its median over that of the first one; null where that is zero.</param>
/// <param name="Probability">The probability that methods which do not differ are at least as far apart (<see cref="RankTest"/>), adjusted for how many methods are compared (S. Holm,
/// 1979).</param>
/// <param name="IsMoreThanNoise">Whether that is at most one in twenty; null where there are too few runs for it ever to be.</param>
public sealed record MeasuredDifference(
    MeasuredFigure Figure, MeasuredMethod Method, PageOrderStrategy? Order, double Difference, double? Ratio, double Probability, bool? IsMoreThanNoise)
{
    /// <summary>All of it in one line, the same in every culture.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Figure} {new MeasuredVariant(Method, Order)} {Difference:+0.######;-0.######;0} (p = {Probability:0.####}{IsMoreThanNoise switch { true => ", more than noise", false => ", noise", _ => ", too few runs" }})");
}

/// <summary>What a measurement came to. Every property is flat to whatever serialises it; the figures of durations are seconds.</summary>
public sealed record MigrationComparison
{
    /// <summary>The most probable chance that is not called one.</summary>
    private const double Level = 0.05;

    /// <summary>The domain.</summary>
    public required string Name { get; init; }

    /// <summary>The host (or address) that it is on now, as far as that is known; null where it is not.</summary>
    public string? HostName { get; init; }

    /// <summary>The host that it was on.</summary>
    public required string Source { get; init; }

    /// <summary>Where it went.</summary>
    public required string Destination { get; init; }

    /// <summary>What the others are compared with.</summary>
    public required string Against { get; init; }

    /// <summary>How often each was to be measured.</summary>
    public required int Repeat { get; init; }

    /// <summary>What decided the order of the runs: the same number makes the same order.</summary>
    public required ulong Seed { get; init; }

    /// <summary>When it began.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>When it ended.</summary>
    public required DateTimeOffset Ended { get; init; }

    /// <summary>Runs that failed.</summary>
    public required int Failures { get; init; }

    /// <summary>Why it ended before all runs were made, and where the domain is; null where it did not.</summary>
    public string? Stopped { get; init; }

    /// <summary>The figures, by method.</summary>
    public required Listed<MeasuredSummary> Summaries { get; init; }

    /// <summary>How the other methods differ from the first one.</summary>
    public required Listed<MeasuredDifference> Differences { get; init; }

    /// <summary>The runs, in their order, in one line here; the runs themselves to PowerShell.</summary>
    public string Runs => Made.ToString();

    /// <summary>The runs, in their order.</summary>
    internal Listed<MeasuredRun> Made { get; init; } = [];

    /// <summary>What PowerShell shows as Runs.</summary>
    public Listed<MeasuredRun> GetRuns() => Made;

    /// <summary>What was compared in one line, the same in every culture.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}: {Made.Count} runs, {Failures} failed");

    /// <summary>Compares runs.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="variants">What was measured, in its order.</param>
    internal static (Listed<MeasuredSummary> Summaries, Listed<MeasuredDifference> Differences) Compare(
        IReadOnlyList<MeasuredRun> runs, IReadOnlyList<MeasuredVariant> variants)
    {
        List<MeasuredSummary> summaries = [];
        List<MeasuredDifference> differences = [];
        foreach (MeasuredFigure figure in Enum.GetValues<MeasuredFigure>())
        {
            double[][] figures = [.. variants.Select(variant => runs
                .Where(run => run.Method == variant.Method && run.Order == variant.Order && !run.IsWarmUp && run.Error is null)
                .Select(run => Of(run, figure))
                .OfType<double>()
                .Order()
                .ToArray())];
            for (int i = 0; i < variants.Count; i++)
            {
                if (figures[i].Length > 0)
                {
                    summaries.Add(new MeasuredSummary(
                        figure, variants[i].Method, variants[i].Order, figures[i].Length, Median(figures[i]), figures[i][0], figures[i][^1]));
                }
            }

            differences.AddRange(DifferencesOf(figure, variants, figures));
        }

        return ([.. summaries], [.. differences]);
    }

    /// <summary>A figure of a run; null where the run has none.</summary>
    internal static double? Of(MeasuredRun run, MeasuredFigure figure) => figure switch
    {
        MeasuredFigure.Downtime => run.Downtime,
        MeasuredFigure.ProbeGap => run.ProbeGap,
        MeasuredFigure.BeatGap => run.BeatGap,
        MeasuredFigure.ClientsWait => run.ClientsWait,
        MeasuredFigure.TotalTime => run.TotalTime,
        MeasuredFigure.Exposure => run.Exposure,
        MeasuredFigure.Stalled => run.Stalled,
        MeasuredFigure.RemoteFaults => run.RemoteFaults,
        MeasuredFigure.BytesSent => run.BytesSent,
        MeasuredFigure.SourceMemoryFreed => run.SourceMemoryFreed,
        _ => run.DipDepth,
    };

    private static double Median(double[] sorted) => (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;

    /// <summary>Each method against the first one, with Holm's adjustment: the smallest probability counts as often as there are comparisons, and so on, and none is
    /// smaller than the one before it.</summary>
    private static IEnumerable<MeasuredDifference> DifferencesOf(MeasuredFigure figure, IReadOnlyList<MeasuredVariant> variants, double[][] figures)
    {
        int[] compared = [.. Enumerable.Range(1, Math.Max(0, variants.Count - 1)).Where(i => figures[i].Length > 0 && figures[0].Length > 0)];
        Dictionary<int, double> adjusted = [];
        double least = 0;
        int left = compared.Length;
        foreach ((int i, double probability) in compared.Select(i => (i, RankTest.Probability(figures[0], figures[i]))).OrderBy(one => one.Item2))
        {
            least = Math.Max(least, Math.Min(1, probability * left--));
            adjusted[i] = least;
        }

        foreach (int i in compared)
        {
            double before = Median(figures[0]);
            double now = Median(figures[i]);
            bool canTell = RankTest.Least(figures[0].Length, figures[i].Length) * compared.Length <= Level;
            yield return new MeasuredDifference(
                figure, variants[i].Method, variants[i].Order, now - before, before > 0 ? now / before : null, adjusted[i],
                adjusted[i] <= Level ? true : canTell ? false : null);
        }
    }
}
