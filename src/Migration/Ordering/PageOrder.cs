using System.Globalization;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Ordering;

/// <summary>A permutation of the pages still to be sent: every page once, none twice, none invented.</summary>
/// <remarks>
/// Composed of recorded pages (by first touch where the destination executes again what the recording saw, else by priority), the pages
/// of prediction windows, those of hotspot neighbourhoods, and the rest by ascending page frame number, where the guest's address spaces are
/// known after what processes have reached. This project's definition (docs/ordering.md).
/// </remarks>
public sealed class PageOrder
{
    private readonly int[] _known;
    private readonly PageBitmap _rest;
    private int[]? _pfns;

    private PageOrder(PageOrderComposition composition, IReadOnlyList<PageOrderStrategy> strategies, AddressSpaces? spaces)
    {
        Spaces = spaces is { Axis.IsPhysical: false } ? spaces : null;
        Axis = spaces?.Axis ?? PageAxis.Physical(composition.Rest.PageCount);
        _known = composition.Known;
        _rest = composition.Rest;
        Count = _known.Length + _rest.Count;
        Strategies = strategies;
    }

    /// <summary>How the order was made, as it was asked for.</summary>
    public IReadOnlyList<PageOrderStrategy> Strategies { get; }

    /// <summary>The pages, first to be sent first. The first call makes the list, which takes as long as the guest is large: who follows an order
    /// page by page does without.</summary>
    public ReadOnlySpan<int> Pfns => _pfns ??= [.. _known, .. RestInOrder()];

    /// <summary>How many pages.</summary>
    public int Count { get; }

    /// <summary>Those of them that were recorded or predicted: the first ones.</summary>
    internal ReadOnlySpan<int> Known => _known;

    /// <summary>The others.</summary>
    internal PageBitmap Rest => _rest;

    /// <summary>The guest's address spaces; null where nothing is known of them.</summary>
    internal AddressSpaces? Spaces { get; }

    /// <summary>The line on which predictions were made, and on which the order is followed.</summary>
    public PageAxis Axis { get; }

    /// <summary>What followed which page while it was recorded, as places on the axis; null where no recording is known.</summary>
    internal RecordedCourse? Course { get; private init; }

    /// <summary>Whether straight lines through the recording were followed, whatever they led to.</summary>
    internal bool FollowsLines { get; private init; }

    /// <summary>Whether dense clusters of the recording were looked for.</summary>
    internal bool FollowsClusters { get; private init; }

    /// <summary>How many of the first pages were recorded.</summary>
    public int RecordedCount { get; private init; }

    /// <summary>How many pages after the recorded ones were predicted.</summary>
    public int PredictedCount { get; private init; }

    /// <summary>What <see cref="PageOrderStrategy.Auto"/> chose, with the coverage that decided; null for other strategies.</summary>
    public string? Reason { get; private init; }

    /// <summary>The prediction windows, as places on the axis, for whoever follows the order while faults come in.</summary>
    public IReadOnlyList<PredictionWindow> Windows { get; private init; } = [];

    /// <summary>Ascending page frame numbers.</summary>
    /// <param name="remaining">The pages still to be sent.</param>
    public static PageOrder Sequential(PageBitmap remaining) => OfRest(remaining, null);

    /// <summary>Nothing is recorded: the order of the rest alone.</summary>
    /// <param name="remaining">The pages still to be sent.</param>
    /// <param name="spaces">The guest's address spaces; null for ascending page frame numbers.</param>
    public static PageOrder OfRest(PageBitmap remaining, AddressSpaces? spaces) =>
        new(new PageOrderComposition(remaining, AxisOf(remaining, spaces)), [PageOrderStrategy.Sequential], spaces);

    /// <summary>The pages that were written of late and often first (<see cref="PagePriority"/>), then the others ascending.</summary>
    /// <param name="remaining">The pages still to be sent.</param>
    /// <param name="written">What dirty tracking has told.</param>
    /// <param name="options">Every constant; the defaults where not given.</param>
    /// <param name="spaces">The guest's address spaces, where they are known.</param>
    public static PageOrder Of(PageBitmap remaining, WrittenPages written, PageOrderOptions? options = null, AddressSpaces? spaces = null)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(written.PageCount, remaining.PageCount, nameof(written));
        PageOrderComposition composition = new(remaining, AxisOf(remaining, spaces));
        composition.AddPages(written.ByPriority(remaining, options ?? PageOrderOptions.Default));
        int recorded = composition.Count;
        return new PageOrder(composition, [PageOrderStrategy.RecordedFirst], spaces) { RecordedCount = recorded };
    }

    /// <summary>Composes an order.</summary>
    /// <param name="remaining">The pages still to be sent.</param>
    /// <param name="trajectory">What was recorded; pages that are not remaining are left out.</param>
    /// <param name="strategies">How; <see cref="PageOrderStrategies.Validate"/> says which go together.</param>
    /// <param name="options">Every constant; the defaults where not given.</param>
    /// <param name="mode">Whether the destination executes again what was recorded (Rollback) or goes on after it (Observe).</param>
    /// <param name="spaces">The guest's address spaces, where they are known: predictions are made of virtual neighbours then.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The recording is of a guest with another page count.</exception>
    public static PageOrder Build(
        PageBitmap remaining,
        AccessTrajectory trajectory,
        IReadOnlyList<PageOrderStrategy> strategies,
        PageOrderOptions? options = null,
        RecordingMode mode = RecordingMode.Rollback,
        AddressSpaces? spaces = null)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(trajectory.PageCount, remaining.PageCount, nameof(trajectory));
        PageOrderStrategies.Validate(strategies);
        options ??= PageOrderOptions.Default;
        options.Validate();
        if (strategies.Contains(PageOrderStrategy.Sequential))
        {
            return Sequential(remaining);
        }

        PageAxis axis = AxisOf(remaining, spaces);
        trajectory = trajectory.On(axis);
        IrregularSequenceSeries series = IrregularSequenceSeries.Of(trajectory);
        PageSummary[] summaries = PageSummary.Summarise(trajectory, series);
        PageOrderComposition composition = new(remaining, axis);
        if (mode == RecordingMode.Rollback)
        {
            composition.AddRecorded(trajectory, series, summaries);
        }
        else
        {
            composition.AddByPriority(trajectory, series, summaries, options);
        }

        int recorded = composition.Count;

        bool isAuto = strategies.Contains(PageOrderStrategy.Auto);
        string? reason = null;
        IReadOnlyList<PredictionWindow> windows = [];
        bool follows = false;
        bool clusters = strategies.Contains(PageOrderStrategy.IssDbscan);
        if (isAuto && mode == RecordingMode.Observe && !axis.IsPhysical)
        {
            reason = $"{PageOrderStrategy.RecordedFirst}: where page tables are known, what processes have reached goes next, and predictions only delay it.";
        }
        else if (isAuto || strategies.Contains(PageOrderStrategy.LinearRegression))
        {
            LinearRegressionPrediction lines =
                LinearRegressionPrediction.Make(trajectory, series, summaries, recorded, options);
            double coverage = series.Count == 0 ? 0 : (double)lines.CoveredCount / series.Count;
            clusters |= isAuto && coverage < options.AutoCoverage;
            reason = isAuto ? Explain(coverage, options.AutoCoverage) : null;
            if (!isAuto || !clusters)
            {
                follows = true;
                windows = lines.Windows;
                composition.AddWindows(windows);
            }
        }

        if (clusters)
        {
            composition.AddNeighbourhoods(IssDbscanPrediction.Make(
                series, summaries, trajectory.PageCount, trajectory.EpochCount, options).Neighbourhoods);
        }

        int predicted = composition.Count - recorded;
        return new PageOrder(composition, [.. strategies.Distinct()], spaces)
        {
            RecordedCount = recorded,
            PredictedCount = predicted,
            Reason = reason,
            Windows = windows,
            FollowsLines = follows,
            FollowsClusters = clusters,
            Course = RecordedCourse.Of(trajectory, series, mode),
        };
    }

    private static PageAxis AxisOf(PageBitmap remaining, AddressSpaces? spaces)
    {
        PageAxis axis = spaces?.Axis ?? PageAxis.Physical(remaining.PageCount);
        ArgumentOutOfRangeException.ThrowIfNotEqual(axis.PageCount, remaining.PageCount, nameof(spaces));
        return axis;
    }

    /// <summary>The pages that are not known: what processes have reached in the order of the axis, then the others ascending.</summary>
    private IEnumerable<int> RestInOrder()
    {
        PageBitmap left = _rest.Clone();
        foreach (int position in Spaces?.Accessed.Pfns() ?? [])
        {
            int pfn = Axis.PfnAt(position);
            if (left.TryClear(pfn))
            {
                yield return pfn;
            }
        }

        foreach (int pfn in left.Pfns())
        {
            yield return pfn;
        }
    }

    private static string Explain(double coverage, double limit) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(coverage < limit ? PageOrderStrategy.IssDbscan : PageOrderStrategy.LinearRegression)}: sequence sets cover {coverage:P1} of the recorded pages, and {nameof(PageOrderStrategy.LinearRegression)} is chosen from {limit:P1} on.");
}
