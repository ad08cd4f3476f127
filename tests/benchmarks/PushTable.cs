using System.Diagnostics;
using System.Globalization;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// How fast pages are pushed from memory to memory over loopback, against a plain copy of as many bytes in blocks of 1 MiB through the same
/// kind of connection; and how long a fault waits for its page while pages are pushed, against a request of 4 KiB on an idle connection.
/// Everything in turn, round by round, so that each ratio is of neighbours in time. What compression is worth follows (<see cref="CompressionTable"/>).
/// </summary>
internal static class PushTable
{
    private const int PageCount = 65_536;
    private const int Block = 1 << 20;
    private const int PingPongs = 5_000;
    private const int DefaultRounds = 9;
    private const double PushGoal = 0.9;
    private static readonly byte[] s_source = new byte[(long)PageCount * Page.Size];
    private static readonly byte[] s_target = new byte[(long)PageCount * Page.Size];
    private static readonly int[] s_order = [.. Enumerable.Range(0, PageCount)];
    private static readonly PageBitmap s_populated = Populated();

    /// <summary>Prints the tables.</summary>
    /// <param name="arguments">How many rounds.</param>
    public static void Print(string[] arguments)
    {
        int rounds = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : DefaultRounds;
        new Random(1).NextBytes(s_source);
        List<double>[] plain = [[], []];
        List<double>[] pushed = [[], []];
        List<TimeSpan> idle = [];
        List<FaultLatency> faults = [];

        // The first round compiles the code.
        for (int round = 0; round <= rounds; round++)
        {
            for (int tls = 0; tls < 2; tls++)
            {
                double copy = Copy(tls == 1);
                double push = Push(tls == 1);
                if (round > 0)
                {
                    plain[tls].Add(copy);
                    pushed[tls].Add(push);
                }
            }

            TimeSpan[] pings = PingPong();
            FaultLatency latency = Fault();
            if (round > 0)
            {
                idle.AddRange(pings);
                faults.Add(latency);
            }
        }

        Console.WriteLine("| 256 MiB, no page of zeros | plain copy | push, memory to memory | push ÷ copy, median (range) | goal |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach ((string name, int tls) in ((string, int)[])[("a socket", 0), ("TLS 1.3", 1)])
        {
            double[] ratios = [.. pushed[tls].Zip(plain[tls], (push, copy) => push / copy).Order()];
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {Median(plain[tls]):0} MB/s | {Median(pushed[tls]):0} MB/s | {Median(ratios):0.00} ({ratios[0]:0.00}–{ratios[^1]:0.00}) | ≥ {PushGoal} |"));
        }

        idle.Sort();
        Console.WriteLine();
        Console.WriteLine("| request to answer, µs | idle ping-pong of 4 KiB | demand fault under full push, to its placing | ratio | goal |");
        Console.WriteLine("|---|---|---|---|---|");
        PrintLatency("median", idle[idle.Count / 2], faults.Select(one => one.Median), 2);
        PrintLatency("99th percentile", idle[(int)(idle.Count * 0.99)], faults.Select(one => one.P99), 4);
        CompressionTable.Print(rounds);
    }

    private static void PrintLatency(string name, TimeSpan idle, IEnumerable<TimeSpan> ofRounds, double goal)
    {
        double fault = Median(ofRounds.Select(time => time.TotalMicroseconds));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"| {name} | {idle.TotalMicroseconds:0} | {fault:0} | {fault / idle.TotalMicroseconds:0.0} | ≤ {goal} |"));
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    /// <summary>Copies all memory through a connection as it is; bytes in millions a second.</summary>
    private static double Copy(bool overTls)
    {
        using LoopbackPair pair = new(overTls);
        return Rate(
            () =>
            {
                for (int offset = 0; offset < s_source.Length; offset += Block)
                {
                    pair.Sender.Stream.Write(s_source, offset, Block);
                }
            },
            () =>
            {
                for (int offset = 0; offset < s_target.Length; offset += Block)
                {
                    pair.Receiver.Stream.ReadExactly(s_target, offset, Block);
                }
            });
    }

    /// <summary>Pushes all pages as a migration does, and places them; bytes in millions a second.</summary>
    private static double Push(bool overTls)
    {
        using LoopbackPair pair = new(overTls);
        using Connection from = new(pair.Sender);
        using Connection to = new(pair.Receiver);
        using DemandGate gate = new();
        using ArrivingMemory target = new(s_target, s_populated);
        PagePlacer placer = new(target, new SentPageTable(s_populated), new FaultLog(TimeProvider.System));
        return Rate(() => PushAll(from, new SentPageTable(s_populated), gate), () => PlaceAll(to, placer, s_populated));
    }

    private static void PushAll(Connection bulk, SentPageTable sent, DemandGate gate)
    {
        MigrationLimits limits = MigrationLimits.Unlimited;
        PageSender sender = new(bulk, limits, PageCompression.Auto, Protocol.Capabilities);
        using PagePusher pusher = new(sender, new SourceMemory(s_source), sent, new BandwidthLimiter(limits, TimeProvider.System), gate);
        pusher.Feed(s_order);
        pusher.CompleteFeed();
        pusher.Run(CancellationToken.None);
    }

    /// <summary>Places what comes until nothing is missing.</summary>
    internal static void PlaceAll(Connection bulk, PagePlacer placer, PageBitmap populated)
    {
        BulkThread.Enter();
        PageBatch batch = new();
        while (placer.Unplaced > 0)
        {
            RecordType type = bulk.Receive(out ReadOnlySpan<byte> body);
            batch.Decode(type, body, populated, out ReadOnlySpan<int> pfns, out ReadOnlySpan<byte> pages);
            placer.Place(pfns, pages);
        }
    }

    private static double Rate(Action send, Action receive)
    {
        Thread receiver = new(() => receive());
        long start = Stopwatch.GetTimestamp();
        receiver.Start();
        send();
        receiver.Join();
        return s_source.Length / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Asks for 4 KiB and gets them, with nothing beside.</summary>
    private static TimeSpan[] PingPong()
    {
        using LoopbackPair pair = new(overTls: false);
        Thread server = new(() =>
        {
            byte[] request = new byte[sizeof(ulong)];
            for (int i = 0; i < PingPongs; i++)
            {
                pair.Sender.Stream.ReadExactly(request);
                pair.Sender.Stream.Write(s_source, 0, Page.Size);
            }
        });
        server.Start();
        byte[] ask = new byte[sizeof(ulong)];
        TimeSpan[] times = new TimeSpan[PingPongs];
        for (int i = 0; i < PingPongs; i++)
        {
            long start = Stopwatch.GetTimestamp();
            pair.Receiver.Stream.Write(ask);
            pair.Receiver.Stream.ReadExactly(s_target, 0, Page.Size);
            times[i] = Stopwatch.GetElapsedTime(start);
        }

        server.Join();
        return times;
    }

    /// <summary>One vCPU that touches missing pages, one after the other, from the end of memory, while all are pushed from its beginning.</summary>
    private static FaultLatency Fault()
    {
        using LoopbackPair bulk = new(overTls: false);
        using LoopbackPair demand = new(overTls: false);
        using Connection bulkFrom = new(bulk.Sender);
        using Connection bulkTo = new(bulk.Receiver);
        using Connection demandFrom = new(demand.Sender);
        using Connection demandTo = new(demand.Receiver);
        using DemandGate gate = new();
        using CancellationTokenSource over = new();
        SentPageTable sent = new(s_populated);
        using FaultServer server = new(demandFrom, new SourceMemory(s_source), sent, gate, _ => { });
        using ArrivingMemory target = new(s_target, s_populated);
        FaultLog log = new(TimeProvider.System);
        PagePlacer placer = new(target, new SentPageTable(s_populated), log);
        FaultRequester requester = new(target, demandTo, s_populated, placer, log);
        Thread[] threads =
        [
            Begin(() => PlaceAll(bulkTo, placer, s_populated)),
            Begin(() => requester.RequestPages(over.Token)),
            Begin(() => server.Answer(over.Token)),
            Begin(() => Serve(demandFrom, (type, body) => server.Take(type, body, over.Token))),
            Begin(() => Serve(demandTo, requester.Take)),
        ];
        Thread guest = Begin(target.TouchFromTheEnd);
        PushAll(bulkFrom, sent, gate);
        threads[0].Join();
        guest.Join();
        over.Cancel();
        demandFrom.Dispose();
        demandTo.Dispose();
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        return log.Summarise();
    }

    private delegate void Taking(RecordType type, ReadOnlySpan<byte> body);

    /// <summary>Takes records until the connection is closed.</summary>
    private static void Serve(Connection connection, Taking take)
    {
        while (true)
        {
            RecordType type = connection.Receive(out ReadOnlySpan<byte> body);
            take(type, body);
        }
    }

    /// <summary>Begins a thread that ends where what it serves is over.</summary>
    private static Thread Begin(Action work)
    {
        Thread thread = new(() =>
        {
            try
            {
                work();
            }
            catch (Exception error) when (error is OperationCanceledException or Errors.MigrationException { ErrorId: Errors.MigrationErrorId.ConnectionLost })
            {
                // The round is over.
            }
        });
        thread.Start();
        return thread;
    }

    private static PageBitmap Populated()
    {
        PageBitmap all = new(PageCount);
        all.SetAll();
        return all;
    }
}
