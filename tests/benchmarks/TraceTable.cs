using System.Globalization;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Replay;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// The tables of docs/ordering.md of orders that know the guest's address spaces, on traces of unmodified programs. Always the same figures:
/// <c>dotnet run -c Release --project tests/benchmarks -- --traces tests/data/traces [rows]</c>.
/// </summary>
internal static class TraceTable
{
    private const string Reference = "physical, first touch";

    /// <summary>Guests on which constants were chosen, and guests that were left out of that.</summary>
    private static readonly (string Name, bool IsHeldOut, string[] Programs)[] s_guests =
    [
        ("sqlite", false, ["sqlite"]),
        ("cc1", false, ["cc1"]),
        ("perl, sort", false, ["perl", "sort"]),
        ("sqlite, git, xz, cc1", false, ["sqlite", "git", "xz", "cc1"]),
        ("python", true, ["python"]),
        ("objdump", true, ["objdump"]),
        ("awk, bzip2", true, ["awk", "bzip2"]),
        ("python, awk, zstd, objdump", true, ["python", "awk", "zstd", "objdump"]),
    ];

    private static readonly double[] s_runs = [1.5, 8, 32];

    private static readonly (string Name, long Bandwidth)[] s_links = [("fast", 125_000_000), ("slow", 10_000_000)];

    /// <summary>Prints the tables.</summary>
    /// <param name="folder">Where the traces are.</param>
    /// <param name="hasRows">Whether each guest has a row as well.</param>
    public static void Print(string folder, bool hasRows)
    {
        foreach (RecordingMode mode in (RecordingMode[])[RecordingMode.Observe, RecordingMode.Rollback])
        {
            List<(bool IsHeldOut, string Link, Dictionary<string, ReplayCounts> Counts)> rows = [];
            string[] names = [];
            foreach ((string name, bool isHeldOut, string[] programs) in s_guests)
            {
                foreach (double runs in s_runs)
                {
                    TracedGuest guest = TracedGuest.Make([.. programs.Select(program => Path.Combine(folder, $"{program}.pages.gz"))], runs, 7);
                    foreach ((string link, long bandwidth) in s_links)
                    {
                        Dictionary<string, ReplayCounts> counts = Replay(
                            guest, new ReplayOptions { SplitEpoch = TracedGuest.Recorded, Mode = mode, Bandwidth = bandwidth, Spaces = guest.Spaces });
                        if (names.Length == 0)
                        {
                            names = [.. counts.Keys];
                            Head(hasRows ? $"{mode}, faults (stall, ms)" : null, ["Guest", "push", "runs of", .. names]);
                        }

                        rows.Add((isHeldOut, link, counts));
                        Row(hasRows, [$"{name}{(isHeldOut ? " (held out)" : "")}", link, Format($"{runs}"), .. counts.Values.Select(one => Format($"{one.RemoteFaults} ({one.Stalled / 1e6:0})"))]);
                    }
                }
            }

            Summary($"{mode}: stall of all over that of \"{Reference}\" (the most of any with 20 ms of stall or more)", Compare);
            Summary(
                $"{mode}: speed in the first second, on average (the least of any)",
                (name, counts) => OfAll(counts.Select(one => one[name].Timeline.SpeedBetween(0, 1) ?? 1), speeds => Format($"{speeds.Average():0.00} ({speeds.Min():0.00})")));
            Summary(
                $"{mode}: at nine tenths of its speed for good after so many ms, on average (the most of any)",
                (name, counts) => OfAll(counts.Select(one => one[name].Timeline.BackAt90Percent() / 1e6), times => Format($"{times.Average():0} ({times.Max():0})")));

            void Summary(string title, Func<string, Dictionary<string, ReplayCounts>[], string> cell)
            {
                Head(title, ["Guests", "push", .. names]);
                foreach (var group in rows.GroupBy(row => (row.IsHeldOut, row.Link)))
                {
                    Row(true, [group.Key.IsHeldOut ? "held out" : "chosen on", group.Key.Link, .. names.Select(name => cell(name, [.. group.Select(row => row.Counts)]))]);
                }
            }
        }
    }

    private static string OfAll(IEnumerable<double> values, Func<double[], string> text) => text([.. values]);

    private static string Compare(string name, Dictionary<string, ReplayCounts>[] rows)
    {
        double sum = rows.Sum(row => (double)row[name].Stalled) / Math.Max(1, rows.Sum(row => (double)row[Reference].Stalled));
        double[] each = [.. rows.Where(row => Math.Max(row[name].Stalled, row[Reference].Stalled) >= 20_000_000).Select(row => (double)row[name].Stalled / Math.Max(1, row[Reference].Stalled))];
        return Format($"{sum:0.00} ({each.DefaultIfEmpty().Max():0.00})");
    }

    private static Dictionary<string, ReplayCounts> Replay(TracedGuest guest, ReplayOptions options)
    {
        PageOrderOptions constants = options.Constants with { Bandwidth = options.Bandwidth, RoundTrip = options.RoundTrip };
        ReplaySplit split = ReplaySplit.Cut(guest.Trajectory, options);
        PageOrder known = PageOrder.Build(guest.Populated, split.Recording, [PageOrderStrategy.RecordedFirst], constants, options.Mode, guest.Spaces);
        int[] recorded = known.Known[..known.RecordedCount].ToArray();
        Dictionary<int, int> uses = split.Future.Select((use, at) => (use.Pfn, at)).ToDictionary(use => use.Pfn, use => use.at);
        IEnumerable<int> reached = guest.Spaces.Accessed.Pfns().Select(guest.Spaces.Axis.PfnAt).Where(uses.ContainsKey);
        return new Dictionary<string, ReplayCounts>
        {
            ["Sequential"] = Baseline(ReplayOrder.Sequential),
            ["Restart"] = Baseline(ReplayOrder.Restart),
            ["Bubbling"] = Baseline(ReplayOrder.Bubbling),
            ["RecordedAwaited"] = Baseline(ReplayOrder.RecordedAwaited),
            ["RecordedRegions"] = Baseline(ReplayOrder.RecordedRegions),
            [Reference] = Own(PageOrderStrategy.RecordedFirst, RecordingMode.Rollback, null),
            ["physical, priority"] = Own(PageOrderStrategy.RecordedFirst, RecordingMode.Observe, null),
            ["physical, IssDbscan"] = Own(PageOrderStrategy.IssDbscan, options.Mode, null),
            ["virtual, first touch"] = Own(PageOrderStrategy.RecordedFirst, RecordingMode.Rollback, guest.Spaces),
            ["virtual, priority"] = Own(PageOrderStrategy.RecordedFirst, RecordingMode.Observe, guest.Spaces),
            ["virtual, LinearRegression"] = Own(PageOrderStrategy.LinearRegression, options.Mode, guest.Spaces),
            ["virtual, IssDbscan"] = Own(PageOrderStrategy.IssDbscan, options.Mode, guest.Spaces),
            ["virtual, Auto"] = Own(PageOrderStrategy.Auto, options.Mode, guest.Spaces),
            ["knows classes"] = Knowing(recorded.OrderBy(MeanUses())),
            ["knows which"] = Knowing(recorded.OrderBy(pfn => !uses.ContainsKey(pfn))),
            ["knows when"] = Knowing(recorded.OrderBy(NextUse)),
            ["knows all"] = Knowing(recorded.Where(uses.ContainsKey).Union(reached).OrderBy(NextUse)),
            ["BestStatic"] = Baseline(ReplayOrder.BestStatic),
        };

        ReplayCounts Baseline(ReplayOrder order) =>
            Run(unsent => PageOrderReplay.Make(order, unsent, split, options).Push, order == ReplayOrder.RecordedAwaited);

        ReplayCounts Own(PageOrderStrategy strategy, RecordingMode mode, AddressSpaces? spaces) => Run(
            unsent => new LivePageOrder(PageOrder.Build(unsent, split.Recording, [strategy], constants, mode, spaces), unsent, constants), false);

        // Of each class of pages that the order tells apart, when they are used on average; those that are not used are taken to be after all others.
        Func<int, double> MeanUses()
        {
            Dictionary<int, (int Last, int Count)> touches = [];
            foreach (AccessRecord record in split.Recording.Records)
            {
                (int last, int count) = touches.GetValueOrDefault(record.Pfn, (-1, 0));
                touches[record.Pfn] = (record.Epoch, last == record.Epoch ? count : count + 1);
            }

            PagePriority priority = new(touches.Values.Max(touch => touch.Count), split.Recording.EpochCount, constants);
            Dictionary<int, double> means = recorded.GroupBy(Class).ToDictionary(group => group.Key, group => group.Average(pfn => uses.GetValueOrDefault(pfn, 2 * uses.Count)));
            return pfn => means[Class(pfn)];

            int Class(int pfn) => priority.Of(touches[pfn].Last, touches[pfn].Count);
        }

        int NextUse(int pfn) => uses.GetValueOrDefault(pfn, int.MaxValue);

        // Some pages in an order that nobody could make, then the rest as the product has it, steered by faults.
        ReplayCounts Knowing(IEnumerable<int> first)
        {
            AccessTrajectory told = new(
                [.. first.Select((pfn, at) => new AccessRecord(at, 0, pfn, AccessKind.Read))], guest.Populated.PageCount, split.Recording.EpochLength, 1, isEpochOrdered: true);
            return Run(
                unsent => new LivePageOrder(
                    PageOrder.Build(unsent, told, [PageOrderStrategy.RecordedFirst], constants, RecordingMode.Rollback, guest.Spaces), unsent, constants),
                false);
        }

        ReplayCounts Run(Func<PageBitmap, IPushOrder> make, bool isRecordingAwaited)
        {
            PageBitmap unsent = guest.Populated.Clone();
            ReplaySimulation simulation = new(unsent, split, options);
            return simulation.Run(make(unsent), isRecordingAwaited);
        }
    }

    private static void Head(string? title, string[] names)
    {
        if (title is not null)
        {
            Console.WriteLine($"{Environment.NewLine}{title}{Environment.NewLine}");
            Row(true, names);
            Row(true, [.. names.Select((_, i) => i < 2 ? "---" : "---:")]);
        }
    }

    private static void Row(bool isPrinted, IEnumerable<string> cells)
    {
        if (isPrinted)
        {
            Console.WriteLine($"| {string.Join(" | ", cells)} |");
        }
    }

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
