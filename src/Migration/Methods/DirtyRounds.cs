using System.Globalization;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Methods;

/// <summary>
/// Rounds of pages while the domain runs: the first sends all of them, each other one those that were written since they were sent. Where
/// pages may follow after the domain has moved, a round is also a recording: it is looked at several times what the domain writes, so that
/// the pages that are left have an order.
/// </summary>
/// <param name="run">The migration that they belong to; they are run by its own thread.</param>
internal sealed class DirtyRounds(SourceMigration run)
{
    /// <summary>How many epochs a round has where it is a recording. They are counted in pages, which take the link the same time each.</summary>
    private const int RecordedEpochs = 8;

    private readonly PageBitmap _dirty = run.Populated.Clone();
    private readonly PageBitmap _latest = new(run.Populated.PageCount);
    private readonly WrittenPages? _written = run.Options.IsSplit ? new WrittenPages(run.Populated.PageCount) : null;
    private IDirtyTracker? _tracker;

    /// <summary>How many rounds there were.</summary>
    public int Count { get; private set; }

    /// <summary>The pages whose content at the destination is not known to be what it is here. Exact once the domain stands still and
    /// <see cref="Look"/> has been called after that.</summary>
    public PageBitmap Left => _dirty;

    /// <summary>Begins to track what the domain writes.</summary>
    public void Begin() => _tracker = run.Custody.StartDirtyTracking();

    /// <summary>Runs rounds until few pages are left, or no more rounds are allowed or worth the while: a bounded number, however much the
    /// domain writes.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DowntimeTooLong"/>: they leave too much, and the domain is to stay then.</exception>
    public void Run()
    {
        int sent;
        do
        {
            sent = _dirty.Count;
            RunOne(sent);
            Count++;
            run.Options.Trace?.Report(MigrationTrace.Step(string.Create(
                CultureInfo.InvariantCulture, $"round {Count} ended, {sent} pages to send and {_dirty.Count} left")));
        }
        while (run.Options.HasAnotherRound(Count, sent, _dirty.Count, IsTooMuch(run.Limits.Now)));

        if (run.Options.HasLastRound)
        {
            RequireShortDowntime(run.Limits.Now);
        }
    }

    /// <summary>Looks at what the domain has written since the last time.</summary>
    public void Look()
    {
        _tracker!.Collect(_latest);
        _dirty.Or(_latest);
        _written?.Add(_latest);
    }

    /// <summary>The order of what is left: what the last round has seen written of late and often goes first.</summary>
    public PageOrder Order(PageBitmap remaining, PageOrderOptions options, AddressSpaces? spaces) =>
        _written is null ? PageOrder.Sequential(remaining) : PageOrder.Of(remaining, _written, options, spaces);

    /// <summary>How long the domain is going to stand still for what is left.</summary>
    private TimeSpan Downtime(MigrationBounds bounds) => run.Pace.TimeOf((long)_dirty.Count * Page.Size, bounds.BandwidthLimit);

    private bool IsTooMuch(MigrationBounds bounds) => Downtime(bounds) > bounds.MaximumDowntime;

    /// <summary>Warns of a long downtime, or ends the migration before the domain is stopped for it, as was chosen.</summary>
    private void RequireShortDowntime(MigrationBounds bounds)
    {
        if (_dirty.Count <= run.Options.DirtyPageThreshold || !IsTooMuch(bounds))
        {
            return;
        }

        string name = run.Domain.Info.Name;
        string predicted = string.Create(
            CultureInfo.InvariantCulture,
            $"'{name}' writes too fast for the way to the destination: after {Count} rounds {_dirty.Count:N0} pages are left, for which it would stand still for about {Text.Duration(Downtime(bounds))}, longer than the limit of {Text.Duration(bounds.MaximumDowntime)}.");
        if (run.Options.DowntimeAction == LongDowntimeAction.Stop)
        {
            throw new MigrationException(
                MigrationErrorId.DowntimeTooLong,
                $"{predicted} It was not stopped, and runs on.",
                "Use -Method Hybrid, with which what is left follows after the domain has moved; or allow more with -MaximumDowntime, raise or lift -BandwidthLimit, or move it when it writes less.",
                name);
        }

        run.Warn(new MigrationWarning($"{predicted} It is moved all the same."));
    }

    private void RunOne(int count)
    {
        _written?.Clear();
        run.Pace.Begin((long)count * Page.Size);
        int[] pfns = [.. _dirty.Pfns()];
        int part = _written is null ? count : Math.Max(SourceMigration.RoundBatch, (count + RecordedEpochs - 1) / RecordedEpochs);
        for (int start = 0; start < pfns.Length; start += part)
        {
            ReadOnlySpan<int> next = pfns.AsSpan(start, Math.Min(part, pfns.Length - start));

            // Before they are read: what is written from here on is seen the next time, and what was written before is sent with them.
            foreach (int pfn in next)
            {
                _dirty.TryClear(pfn);
            }

            run.SendBeforeRun(next);
            Look();
        }
    }
}
