using System.Diagnostics;
using System.Globalization;
using System.Net;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// How long a simulated domain stands still, and what in it grows with memory: the same busy guest in 256 MiB and in 64 GiB, moved over
/// loopback by each method that lets memory arrive afterwards, until it runs there. The least of several moves, in milliseconds.
/// </summary>
internal static class DowntimeTable
{
    private const string Resumed = "runs on after";
    private const string RunsThere = "Running";
    private const double Goal = 1.2;
    private const int DefaultRounds = 5;
    private static readonly long[] s_sizes = [256L << 20, 4L << 30, 64L << 30];

    /// <summary>A row: what is measured, in milliseconds, and whether it has a goal.</summary>
    private sealed record Row(string Name, bool HasGoal);

    /// <summary>Prints the table.</summary>
    /// <param name="arguments">How many moves of each kind and size.</param>
    public static void Print(string[] arguments)
    {
        int rounds = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : DefaultRounds;
        Dictionary<(string Row, long Size), double> least = [];
        List<Row> rows = [];

        // The first moves compile the code.
        Measure(s_sizes[0], true, (_, _) => { });
        for (int round = 0; round < rounds; round++)
        {
            foreach (long size in s_sizes)
            {
                // All memory is hashed once only: what that takes is no question of a millisecond.
                Measure(size, round == 0, (row, milliseconds) =>
                {
                    Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{round + 1}: {Text(size)}, {row.Name}: {milliseconds:0.000} ms"));
                    least[(row.Name, size)] = Math.Min(milliseconds, least.GetValueOrDefault((row.Name, size), double.MaxValue));
                    if (!rows.Contains(row))
                    {
                        rows.Add(row);
                    }
                });
            }
        }

        Console.WriteLine($"| in ms, the least of {rounds} | {string.Join(" | ", s_sizes.Select(Text))} | {Text(s_sizes[^1])} ÷ {Text(s_sizes[0])} | goal |");
        Console.WriteLine($"|---|{string.Concat(Enumerable.Repeat("---|", s_sizes.Length + 2))}");
        foreach (Row row in rows)
        {
            double[] times = [.. s_sizes.Select(size => least[(row.Name, size)])];
            string cells = string.Join(" | ", times.Select(time => time.ToString("0.00", CultureInfo.InvariantCulture)));
            string ratio = (times[^1] / times[0]).ToString("0.00", CultureInfo.InvariantCulture);
            Console.WriteLine($"| {row.Name} | {cells} | {ratio} | {(row.HasGoal ? string.Create(CultureInfo.InvariantCulture, $"≤ {Goal}") : "–")} |");
        }
    }

    private static void Measure(long size, bool withFullProof, Action<Row, double> note)
    {
        Steps steps = Move(size, MigrationMethod.PreRecord, RecordingMode.Rollback, RollbackProofKind.Witness);
        note(new Row("Rollback, proved by a second witness: checkpoint and handover", true), steps.Checkpoint + steps.Handover);
        note(new Row("– its checkpoint", true), steps.Checkpoint);
        note(new Row("– – all pages trapped", false), steps.Between("outputs are held", "accesses are recorded"));
        note(new Row("– – core state captured", false), steps.Between("accesses are recorded", "core state captured"));
        note(new Row("– – proof begun, resumed", false), steps.Between("core state captured", Resumed));
        note(new Row("– its handover", true), steps.Handover);
        note(new Row("– – proved", false), steps.Between("paused at the window's end", "the rollback is"));
        if (withFullProof)
        {
            steps = Move(size, MigrationMethod.PreRecord, RecordingMode.Rollback, RollbackProofKind.Full);
            note(new Row("Rollback, proved by all memory: checkpoint and handover", false), steps.Checkpoint + steps.Handover);
        }

        steps = Move(size, MigrationMethod.PreRecord, RecordingMode.Observe, RollbackProofKind.None);
        note(new Row("Observe: handover", true), steps.Handover);
        steps = Move(size, MigrationMethod.PostCopy, RecordingMode.Observe, RollbackProofKind.None);
        note(new Row("post-copy: handover", true), steps.Handover);
        TimeOrders(size, (strategy, milliseconds) =>
            note(new Row($"order made and begun, {strategy} (the domain runs there already)", true), milliseconds));
    }

    /// <summary>Moves a fresh guest until it runs at the destination, and gives it up there: what follows is no part of a stop.</summary>
    private static Steps Move(long size, MigrationMethod method, RecordingMode mode, RollbackProofKind proof)
    {
        using SimulatedHost source = new("source", new SimulatedHostOptions { MemoryBytes = size });
        using SimulatedHost destination = new("destination", new SimulatedHostOptions { MemoryBytes = size });
        MigrationReceiver receiver = MigrationReceiver.Start(destination, new IPEndPoint(IPAddress.Loopback, 0));
        try
        {
            SimulatedDomain domain = source.CreateDomain(Guest(size));
            domain.WaitForOperations(10_000, CancellationToken.None);
            Steps steps = new() { Running = () => receiver.Incoming[0].Disconnect() };
            GC.Collect();
            Task<MigrationResult> moving = MigrationSource.MigrateAsync(
                source.OpenSource(domain.Name), Route.Loopback(receiver.Endpoint), Options(method, mode, proof) with { Trace = steps }, null, CancellationToken.None);
            ((IAsyncResult)moving).AsyncWaitHandle.WaitOne();
            (moving.Exception?.InnerException as MigrationInterruptedException ?? throw new InvalidOperationException("It was not cut.", moving.Exception))
                .Migration.GiveUp();
            receiver.Incoming[0].Ended.Wait();
            receiver.Incoming[0].GiveUp();
            return steps;
        }
        finally
        {
            receiver.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static void TimeOrders(long size, Action<PageOrderStrategy, double> note)
    {
        const int Times = 20;
        using SimulatedHost host = new("host", new SimulatedHostOptions { MemoryBytes = size });
        SimulatedDomain domain = host.CreateDomain(Guest(size));
        using PreRecordSession session = PreRecordSession.Record(
            host.OpenSource(domain.Name), Options(MigrationMethod.PreRecord, RecordingMode.Observe, RollbackProofKind.None), null, CancellationToken.None);
        AccessTrajectory trajectory = session.Trajectory;
        PageBitmap remaining = domain.PopulatedPages;
        foreach (PageOrderStrategy strategy in (PageOrderStrategy[])[PageOrderStrategy.RecordedFirst, PageOrderStrategy.Auto])
        {
            double least = double.MaxValue;
            for (int i = 0; i < Times; i++)
            {
                long start = Stopwatch.GetTimestamp();
                new LivePageOrder(PageOrder.Build(remaining, trajectory, [strategy]), remaining).Next();
                least = Math.Min(least, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            note(strategy, least);
        }
    }

    private static SimulatedDomainOptions Guest(long size) => new()
    {
        Name = "guest",
        MemoryBytes = size,
        UsedBytes = 64L << 20,
        WorkingSetBytes = 16L << 20,
        OperationsPerSecond = 100_000,
        FreeRunning = true,
    };

    private static MigrationOptions Options(MigrationMethod method, RecordingMode mode, RollbackProofKind proof) => new()
    {
        Method = method,
        Mode = mode,
        RollbackProof = proof,
        Window = TimeSpan.FromMilliseconds(200),
        Epoch = TimeSpan.FromMilliseconds(50),
    };

    private static string Text(long size) => size >= 1L << 30 ? $"{size >> 30} GiB" : $"{size >> 20} MiB";

    /// <summary>When each step was taken.</summary>
    private sealed class Steps : IProgress<MigrationTrace>
    {
        private readonly List<(string Name, long At)> _steps = [];
        private bool _isRunning;

        /// <summary>Called once, when the source knows that the domain runs there.</summary>
        public required Action Running { get; init; }

        public double Checkpoint => Between("outputs can be held", Resumed);

        public double Handover => Between("the domain is about to be stopped", RunsThere);

        public void Report(MigrationTrace value)
        {
            lock (_steps)
            {
                if (value.IsAtDestination)
                {
                    return;
                }

                bool isRunning = value.Kind == MigrationTraceKind.State && value.Name.EndsWith($"-> {RunsThere}", StringComparison.Ordinal);
                _steps.Add((isRunning ? RunsThere : value.Name, Stopwatch.GetTimestamp()));
                if (!isRunning || _isRunning)
                {
                    return;
                }

                _isRunning = true;
            }

            ThreadPool.QueueUserWorkItem(_ => Running());
        }

        public double Between(string first, string second)
        {
            lock (_steps)
            {
                return Stopwatch.GetElapsedTime(At(first), At(second)).TotalMilliseconds;
            }
        }

        private long At(string step) => _steps.First(taken => taken.Name.StartsWith(step, StringComparison.Ordinal)).At;
    }
}
