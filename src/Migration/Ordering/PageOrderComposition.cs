using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Ordering;

/// <summary>Puts a page order together, part after part; whatever parts say, each remaining page stands in it once.</summary>
internal sealed class PageOrderComposition
{
    private readonly PageBitmap _rest;
    private readonly List<int> _known = [];

    public PageOrderComposition(PageBitmap remaining)
    {
        // A copy first: pages may be sent by others meanwhile, and the order is of one moment.
        _rest = remaining.Clone();
    }

    /// <summary>How many pages the order has so far.</summary>
    public int Count => _known.Count;

    /// <summary>The pages that were added, in order.</summary>
    public int[] Known => [.. _known];

    /// <summary>The pages that were not, which go by ascending page frame number.</summary>
    public PageBitmap Rest => _rest;

    /// <summary>Adds pages as they stand.</summary>
    public void Add(ReadOnlySpan<int> pfns)
    {
        foreach (int pfn in pfns)
        {
            Add(pfn);
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
            int pfn = window.Direction > 0 ? window.First : window.Last;
            for (int i = 0; i < window.Count; i++, pfn += window.Direction)
            {
                Add(pfn);
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

    private void Add(int pfn)
    {
        if (_rest.TryClear(pfn))
        {
            _known.Add(pfn);
        }
    }
}
