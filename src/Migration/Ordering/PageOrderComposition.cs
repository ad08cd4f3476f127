using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Ordering;

/// <summary>Puts a page order together, part after part; whatever parts say, each remaining page stands in it once. Parts name places on the axis.</summary>
internal sealed class PageOrderComposition
{
    private readonly PageBitmap _rest;
    private readonly PageAxis _axis;
    private readonly List<int> _known = [];

    public PageOrderComposition(PageBitmap remaining, PageAxis axis)
    {
        // A copy first: pages may be sent by others meanwhile, and the order is of one moment.
        _rest = remaining.Clone();
        _axis = axis;
    }

    /// <summary>How many pages the order has so far.</summary>
    public int Count => _known.Count;

    /// <summary>The pages that were added, in order.</summary>
    public int[] Known => [.. _known];

    /// <summary>The pages that were not.</summary>
    public PageBitmap Rest => _rest;

    /// <summary>Adds pages, by their numbers, as they stand.</summary>
    public void AddPages(ReadOnlySpan<int> pfns)
    {
        foreach (int pfn in pfns)
        {
            AddPage(pfn);
        }
    }

    /// <summary>Adds the recorded pages by descending priority, of equal ones those first that were touched first: a counting sort.</summary>
    public void AddByPriority(
        AccessTrajectory trajectory, IrregularSequenceSeries series, ReadOnlySpan<PageSummary> summaries, PageOrderOptions options)
    {
        PagePriority priority = new(summaries, trajectory.EpochCount, options);
        int[] priorities = new int[summaries.Length];
        int[] next = new int[PagePriority.Full + 2];
        for (int i = 0; i < priorities.Length; i++)
        {
            priorities[i] = priority.Of(summaries[i]);
            next[PagePriority.Full - priorities[i] + 1]++;
        }

        for (int i = 1; i < next.Length; i++)
        {
            next[i] += next[i - 1];
        }

        int[] sorted = new int[priorities.Length];
        foreach (ref readonly AccessRecord record in trajectory.Records)
        {
            int index = series.IndexOf(record.Pfn);
            if (summaries[index].FirstSequence == record.Sequence)
            {
                sorted[next[PagePriority.Full - priorities[index]]++] = record.Pfn;
            }
        }

        foreach (int position in sorted)
        {
            Add(position);
        }
    }

    /// <summary>Adds the recorded pages by first touch.</summary>
    public void AddRecorded(
        AccessTrajectory trajectory, IrregularSequenceSeries series, ReadOnlySpan<PageSummary> summaries)
    {
        foreach (ref readonly AccessRecord record in trajectory.Records)
        {
            if (summaries[series.IndexOf(record.Pfn)].FirstSequence == record.Sequence)
            {
                Add(record.Pfn);
            }
        }
    }

    /// <summary>Adds the pages of prediction windows, each window from where its path enters it.</summary>
    public void AddWindows(IReadOnlyList<PredictionWindow> windows)
    {
        foreach (PredictionWindow window in windows)
        {
            int position = window.Direction > 0 ? window.First : window.Last;
            for (int i = 0; i < window.Count; i++, position += window.Direction)
            {
                Add(position);
            }
        }
    }

    /// <summary>Adds the pages of neighbourhoods, each from its centre outwards.</summary>
    public void AddNeighbourhoods(IReadOnlyList<Neighbourhood> neighbourhoods)
    {
        // One delegate for all: there are nearly as many neighbourhoods as recorded pages.
        Action<int> add = Add;
        foreach (Neighbourhood neighbourhood in neighbourhoods)
        {
            neighbourhood.ForEachByDistance(add);
        }
    }

    private void Add(int position)
    {
        // A prediction may lead onto a vacant place.
        if (_axis.PfnAt(position) is int pfn and >= 0)
        {
            AddPage(pfn);
        }
    }

    private void AddPage(int pfn)
    {
        if (_rest.TryClear(pfn))
        {
            _known.Add(pfn);
        }
    }
}
