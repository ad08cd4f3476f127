using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Transfer;

/// <summary>
/// Notes of the pages of a guest how and when they left, by stretches of its memory, and which of them were asked for: a constant amount of work for each page,
/// and of memory for a stretch. Each kind of sending belongs to one thread at a time; what is read meanwhile may be behind by a few pages.
/// </summary>
public sealed class SentPageLog
{
    private static readonly int s_kinds = Enum.GetValues<SentPageKind>().Length;
    private readonly TimeProvider _clock;
    private readonly long _start;
    private readonly int _pageCount;
    private readonly int _shift;
    private readonly int _cells;
    private readonly long[] _totals = new long[s_kinds];
    private readonly int[][] _counts;
    private readonly long[][] _last;
    private readonly PageBitmap _asked;
    private readonly PageBitmap _recorded;
    private readonly PageBitmap _predicted;
    private readonly PageBitmap _core;

    /// <summary>Begins with nothing sent; times count from here on.</summary>
    /// <param name="pageCount">One past the guest's highest page frame number.</param>
    /// <param name="clock">Measures the time.</param>
    public SentPageLog(int pageCount, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(clock);
        (_pageCount, _clock, _start) = (pageCount, clock, clock.GetTimestamp());
        while ((pageCount - 1L) >> _shift >= MigrationDetails.MaximumCells)
        {
            _shift++;
        }

        _cells = pageCount == 0 ? 0 : ((pageCount - 1) >> _shift) + 1;
        _counts = [.. Enumerable.Range(0, s_kinds).Select(_ => new int[_cells])];
        _last = [.. Enumerable.Range(0, s_kinds).Select(_ => new long[_cells])];
        (_asked, _recorded, _predicted, _core) =
            (new PageBitmap(pageCount), new PageBitmap(pageCount), new PageBitmap(pageCount), new PageBitmap(pageCount));
    }

    /// <summary>The pages that were asked for so far.</summary>
    public PageBitmap Asked => _asked;

    /// <summary>The pages that went because they were recorded.</summary>
    public PageBitmap Recorded => _recorded;

    /// <summary>The pages that went because they were predicted.</summary>
    public PageBitmap Predicted => _predicted;

    /// <summary>The pages that went with the core state.</summary>
    public PageBitmap Core => _core;

    /// <summary>Pages that went, for one reason, in one record.</summary>
    /// <param name="kind">When and why; not <see cref="SentPageKind.Zero"/>.</param>
    /// <param name="pfns">The pages.</param>
    public void Sent(SentPageKind kind, ReadOnlySpan<int> pfns)
    {
        (int[] counts, long[] last, long now) = (_counts[(int)kind], _last[(int)kind], _clock.GetTimestamp());
        Volatile.Write(ref _totals[(int)kind], _totals[(int)kind] + pfns.Length);
        foreach (int pfn in pfns)
        {
            int cell = pfn >> _shift;
            counts[cell]++;
            last[cell] = now;
        }

        PageBitmap? pages = kind switch
        {
            SentPageKind.Recorded => _recorded,
            SentPageKind.Predicted => _predicted,
            SentPageKind.Core => _core,
            _ => null,
        };
        if (pages is not null)
        {
            foreach (int pfn in pfns)
            {
                pages.TrySet(pfn);
            }
        }
    }

    /// <summary>A page was asked for.</summary>
    public void Ask(int pfn) => _asked.TrySet(pfn);

    /// <summary>Pages that went so far, by when and why; pages of zeros are not told from others.</summary>
    public SentPages Total => Of(kind => Volatile.Read(ref _totals[(int)kind]));

    /// <summary>The stretches of the guest's memory.</summary>
    public IReadOnlyList<MemoryCell> Cells()
    {
        // Most stretches are alike, and one object does for all that are.
        Dictionary<SentPages, SentPages> alike = [];
        MemoryCell[] cells = new MemoryCell[_cells];
        for (int i = 0; i < cells.Length; i++)
        {
            int cell = i;
            SentPages sent = Of(kind => _counts[(int)kind][cell]);
            if (!alike.TryAdd(sent, sent))
            {
                sent = alike[sent];
            }

            long last = _last.Max(times => times[cell]);
            int first = cell << _shift;
            cells[cell] = new MemoryCell(
                first,
                Math.Min(1 << _shift, _pageCount - first),
                sent,
                last == 0 ? TimeSpan.Zero : _clock.GetElapsedTime(_start, last));
        }

        return cells;
    }

    private static SentPages Of(Func<SentPageKind, long> count) => new(
        count(SentPageKind.Core), count(SentPageKind.Early), count(SentPageKind.Again), count(SentPageKind.Recorded), count(SentPageKind.Predicted),
        count(SentPageKind.Rest), count(SentPageKind.Demanded), 0);
}
