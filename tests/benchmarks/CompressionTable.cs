using System.Diagnostics;
using System.Globalization;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// What compression is worth: the push of a memory as that of a guest with a key-value store, compressed against plain, over a link of 1 Gbit/s, one of
/// 10 Gbit/s and loopback as it is, in turn; the bytes that went against the memory; what the codec does beside a copy; and how fast pages of zeros are found.
/// </summary>
internal static class CompressionTable
{
    private const int PageCount = 131_072;
    private const long MemoryBytes = (long)PageCount * Page.Size;
    private static readonly byte[] s_target = new byte[MemoryBytes];
    private static readonly int[] s_order = [.. Enumerable.Range(0, PageCount)];
    private static readonly PageBitmap s_populated = Populated();
    private static readonly (string Name, double Rate, string Goal)[] s_links =
        [("1 Gbit/s", 117e6, "> 1.5"), ("10 Gbit/s", 1_170e6, "≥ 0.95"), ("loopback", double.PositiveInfinity, "≥ 0.95")];

    /// <summary>Prints the tables.</summary>
    /// <param name="rounds">How many rounds, beside one that compiles the code.</param>
    public static void Print(int rounds)
    {
        byte[] redis = new byte[MemoryBytes];
        RedisLikeMemory.Fill(redis);
        Console.WriteLine();
        byte[] random = new byte[MemoryBytes];
        new Random(1).NextBytes(random);
        Console.WriteLine("| 512 MiB | push, plain | push, -Compression Auto | Auto ÷ plain, median (range) | goal |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach ((string name, double rate, string goal) in s_links)
        {
            PrintRatios($"a key-value store, {name}", redis, rate, rounds, goal);
        }

        PrintRatios("random bytes, loopback", random, double.PositiveInfinity, rounds, "≥ 0.95");

        Console.WriteLine();
        Console.WriteLine("| bytes on the link ÷ memory | plain | compressed | goal |");
        Console.WriteLine("|---|---|---|---|");
        PrintBytes("a key-value store", redis, "≤ 0.6");
        PrintBytes("random bytes", random, "≤ 1.02");
        PrintCodec(redis, rounds);
    }

    private static void PrintRatios(string name, byte[] memory, double rate, int rounds, string goal)
    {
        List<double> plain = [];
        List<double> auto = [];
        for (int round = 0; round <= rounds; round++)
        {
            (double off, _) = Push(memory, rate, PageCompression.Off);
            (double on, _) = Push(memory, rate, PageCompression.Auto);
            if (round > 0)
            {
                plain.Add(off);
                auto.Add(on);
            }
        }

        double[] ratios = [.. auto.Zip(plain, (on, off) => on / off).Order()];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {Median(plain):0} MB/s | {Median(auto):0} MB/s | {Median(ratios):0.00} ({ratios[0]:0.00}–{ratios[^1]:0.00}) | {goal} |"));
    }

    private static void PrintBytes(string name, byte[] memory, string goal)
    {
        long plain = Push(memory, double.PositiveInfinity, PageCompression.Off).Bytes;
        long compressed = Push(memory, double.PositiveInfinity, PageCompression.Always).Bytes;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {(double)plain / MemoryBytes:0.00} | {(double)compressed / MemoryBytes:0.00} | {goal} |"));
    }

    /// <summary>What a batch takes, against the copy of as many bytes: the codec at both ends, and the search for pages of zeros.</summary>
    private static void PrintCodec(byte[] redis, int rounds)
    {
        List<double> copying = [];
        List<double> shrinking = [];
        List<double> expanding = [];
        List<double> searching = [];
        byte[] zeros = new byte[MemoryBytes];

        // Memory that was never written is one page of zeros of the kernel's, which stays in the processor's cache.
        zeros.AsSpan().Fill(1);
        zeros.AsSpan().Clear();
        for (int round = 0; round <= rounds; round++)
        {
            double copy = Batches(redis, null);
            double search = Batches(zeros, null, isSearched: true);
            List<byte[]> records = [];
            double shrink = Batches(redis, records);
            double expand = Expand(records);
            if (round > 0)
            {
                copying.Add(copy);
                searching.Add(search);
                shrinking.Add(shrink);
                expanding.Add(expand);
            }
        }

        Console.WriteLine();
        Console.WriteLine("| in batches of 64 pages | MB/s of pages | ÷ copy | goal |");
        Console.WriteLine("|---|---|---|---|");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| copied | {Median(copying):0} | 1.00 | – |"));
        PrintCodec("read, and pages of zeros searched, all of them zeros", searching, copying, "≥ 0.5");
        PrintCodec("read, searched and compressed", shrinking, copying, "–");
        PrintCodec("decompressed", expanding, copying, "–");
    }

    private static void PrintCodec(string name, List<double> rates, List<double> copying, string goal) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"| {name} | {Median(rates):0} | {Median(rates.Zip(copying, (rate, copy) => rate / copy)):0.00} | {goal} |"));

    /// <summary>Copies, searches or compresses all memory; bytes in millions a second.</summary>
    private static double Batches(byte[] memory, List<byte[]>? records, bool isSearched = false)
    {
        PageBatch batch = new(PagePusher.BatchPages);
        SourceMemory source = new(memory);
        byte[] buffer = new byte[PagePusher.BatchPages * Page.Size];
        TimeSpan took = TimeSpan.Zero;
        for (int first = 0; first < PageCount; first += PagePusher.BatchPages)
        {
            ReadOnlySpan<int> pfns = s_order.AsSpan(first, PagePusher.BatchPages);
            long start = Stopwatch.GetTimestamp();
            ReadOnlyMemory<byte> record = default;
            if (records is null && !isSearched)
            {
                source.Read(pfns, buffer);
            }
            else
            {
                record = batch.Read(RecordType.Pages, pfns, source);
                if (records is not null && batch.TryShrink(out ReadOnlyMemory<byte> shrunk))
                {
                    record = shrunk;
                }
            }

            took += Stopwatch.GetElapsedTime(start);
            records?.Add(record.ToArray());
        }

        return MemoryBytes / 1e6 / took.TotalSeconds;
    }

    private static double Expand(List<byte[]> records)
    {
        PageBatch batch = new();
        long start = Stopwatch.GetTimestamp();
        foreach (byte[] record in records)
        {
            batch.Decode((RecordType)BitConverter.ToUInt16(record), record.AsSpan(Protocol.HeaderSize), s_populated, out _, out _);
        }

        return MemoryBytes / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Pushes all pages and places them; bytes of memory in millions a second, and the bytes that went.</summary>
    private static (double Rate, long Bytes) Push(byte[] memory, double rate, PageCompression compression)
    {
        using LoopbackPair pair = new(overTls: false);
        using LimitedLink link = new(pair.Sender, rate);
        using Connection from = new(link);
        using Connection to = new(pair.Receiver);
        using DemandGate gate = new();
        using ArrivingMemory target = new(s_target, s_populated);
        PagePlacer placer = new(target, new SentPageTable(s_populated), new FaultLog(TimeProvider.System));
        MigrationLimits limits = MigrationLimits.Unlimited;
        using PagePusher pusher = new(
            new PageSender(from, limits, compression, Protocol.Capabilities),
            new SourceMemory(memory),
            new SentPageTable(s_populated),
            new BandwidthLimiter(limits, TimeProvider.System),
            gate);
        pusher.Feed(s_order);
        pusher.CompleteFeed();
        Thread receiver = new(() => PushTable.PlaceAll(to, placer, s_populated));
        Thread sender = new(() =>
        {
            pusher.Run(CancellationToken.None);
            link.Drain();
        });
        long start = Stopwatch.GetTimestamp();
        receiver.Start();
        sender.Start();
        sender.Join();
        receiver.Join();
        return (MemoryBytes / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds, from.BytesSent);
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static PageBitmap Populated()
    {
        PageBitmap all = new(PageCount);
        all.SetAll();
        return all;
    }
}
