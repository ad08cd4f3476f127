using System.Diagnostics;
using System.Globalization;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// What it costs a move to note how its pages came and how its faults waited: pushes of the same memory in turn with and without the notes, and the notes by
/// themselves, over the push and over the fault that they are of. The pairs say whether anything is to be seen at all; the shares are what it is.
/// </summary>
internal static class DetailsTable
{
    private const int PageCount = 32_768;
    private const int Faults = 20_000;
    private const int DefaultRounds = 15;
    private const double Goal = 0.01;
    private static readonly byte[] s_source = new byte[(long)PageCount * Page.Size];
    private static readonly byte[] s_target = new byte[(long)PageCount * Page.Size];
    private static readonly int[] s_order = [.. Enumerable.Range(0, PageCount)];
    private static readonly PageBitmap s_populated = Populated();

    /// <summary>Prints the table.</summary>
    /// <param name="arguments">How many rounds.</param>
    public static void Print(string[] arguments)
    {
        int rounds = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : DefaultRounds;
        new Random(1).NextBytes(s_source);
        List<double> pairs = [];
        List<double> shares = [];
        List<double> ofFaults = [];

        // The first round compiles the code.
        for (int round = 0; round <= rounds; round++)
        {
            // Which of the two goes first changes from round to round.
            TimeSpan noted = TimeSpan.Zero;
            TimeSpan bare = TimeSpan.Zero;
            for (int turn = 0; turn < 2; turn++)
            {
                if ((turn + round) % 2 == 0)
                {
                    noted = Push(new SentPageLog(PageCount, TimeProvider.System));
                }
                else
                {
                    bare = Push(null);
                }
            }

            TimeSpan notes = Note();
            if (round > 0)
            {
                pairs.Add(noted / bare);
                shares.Add(notes / bare);
                ofFaults.Add(Tally().TotalNanoseconds / Faults);
            }
        }

        Console.WriteLine("| what | median | range | goal |");
        Console.WriteLine("|---|---|---|---|");
        Row("push with notes ÷ push without", pairs, "0.000", "");
        Row("notes of all pages by themselves ÷ push", shares, "0.0000", $"≤ {Goal.ToString(CultureInfo.InvariantCulture)}");
        Row("counting one fault, ns", ofFaults, "0", "≤ 1 % of the fastest fault, 100 µs");
    }

    private static void Row(string name, List<double> values, string format, string goal)
    {
        values.Sort();
        Console.WriteLine(
            $"| {name} | {Text(values[values.Count / 2])} | {Text(values[0])}–{Text(values[^1])} | {goal} |");

        string Text(double value) => value.ToString(format, CultureInfo.InvariantCulture);
    }

    private static TimeSpan Push(SentPageLog? log)
    {
        using LoopbackPair pair = new(overTls: false);
        using Connection from = new(pair.Sender);
        using Connection to = new(pair.Receiver);
        using DemandGate gate = new();
        using ArrivingMemory target = new(s_target, s_populated);
        PagePlacer placer = new(target, new SentPageTable(s_populated), new FaultLog(TimeProvider.System));
        MigrationLimits limits = MigrationLimits.Unlimited;
        PageSender sender = new(from, limits, PageCompression.Off, Protocol.Capabilities);
        using PagePusher pusher = new(
            sender, new SourceMemory(s_source), new SentPageTable(s_populated), new BandwidthLimiter(limits, TimeProvider.System), gate, log);
        pusher.Feed(s_order);
        pusher.CompleteFeed();
        Thread receiver = new(() => PushTable.PlaceAll(to, placer, s_populated));
        long start = Stopwatch.GetTimestamp();
        receiver.Start();
        pusher.Run(CancellationToken.None);
        receiver.Join();
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Notes all pages, in records as they are pushed.</summary>
    private static TimeSpan Note()
    {
        SentPageLog log = new(PageCount, TimeProvider.System);
        long start = Stopwatch.GetTimestamp();
        for (int first = 0; first < PageCount; first += PagePusher.BatchPages)
        {
            log.Sent(SentPageKind.Rest, s_order.AsSpan(first, PagePusher.BatchPages));
        }

        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Counts faults of four vCPUs.</summary>
    private static TimeSpan Tally()
    {
        FaultLog log = new(TimeProvider.System);
        log.DomainRuns();
        long start = Stopwatch.GetTimestamp();
        for (int fault = 0; fault < Faults; fault++)
        {
            log.Began(new PageFault(fault, fault % 4, TimeProvider.System.GetTimestamp()));
            log.Ended([fault]);
        }

        return Stopwatch.GetElapsedTime(start);
    }

    private static PageBitmap Populated()
    {
        PageBitmap populated = new(PageCount);
        populated.SetRange(0, PageCount);
        return populated;
    }
}
