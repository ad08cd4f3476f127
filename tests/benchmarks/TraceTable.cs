using System.Globalization;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
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

            Head($"{mode}: stall of all over that of \"{Reference}\" (the most of any with 20 ms of stall or more)", ["Guests", "push", .. names]);
            foreach (var group in rows.GroupBy(row => (row.IsHeldOut, row.Link)))
            {
                Row(true, [group.Key.IsHeldOut ? "held out" : "chosen on", group.Key.Link, .. names.Select(name => Compare(name, [.. group.Select(row => row.Counts)]))]);
            }

            Console.WriteLine();
        }
    }

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
            ["BestStatic"] = Baseline(ReplayOrder.BestStatic),
        };

        ReplayCounts Baseline(ReplayOrder order) =>
            Run(unsent => PageOrderReplay.Make(order, unsent, split, options).Push, order == ReplayOrder.RecordedAwaited);

        ReplayCounts Own(PageOrderStrategy strategy, RecordingMode mode, AddressSpaces? spaces) => Run(
            unsent => new LivePageOrder(PageOrder.Build(unsent, split.Recording, [strategy], constants, mode, spaces), unsent, constants), false);

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
