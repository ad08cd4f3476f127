using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Globalization;
using System.Net;
using System.Runtime;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Rehearsals;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// What the downtime of the first and of the second move in a fresh process goes into, by each method, on simulated hosts over loopback, and how many
/// methods the runtime compiled meanwhile. Every move of a fresh pwsh is a first one.
/// </summary>
internal static class StopTable
{
    private const int DefaultProcesses = 5;
    private const string Compiled = "methods compiled";
    private const string Rehearsed = "rehearsed";

    /// <summary>Rows with less than that, in milliseconds, say nothing.</summary>
    private const double Least = 0.5;

    private static readonly (string Name, MigrationMethod Method, RecordingMode Mode)[] s_moves =
    [
        ("pre-copy", MigrationMethod.PreCopy, RecordingMode.Observe),
        ("post-copy", MigrationMethod.PostCopy, RecordingMode.Observe),
        ("hybrid", MigrationMethod.Hybrid, RecordingMode.Observe),
        ("Observe", MigrationMethod.PreRecord, RecordingMode.Observe),
        ("Rollback", MigrationMethod.PreRecord, RecordingMode.Rollback),
    ];

    /// <summary>Prints the table.</summary>
    /// <param name="arguments">How many fresh processes for each method.</param>
    public static void Print(string[] arguments)
    {
        int processes = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : DefaultProcesses;
        Console.WriteLine("| method | part, ms | second move | first, not rehearsed | ÷ second | first, rehearsed | ÷ second |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach ((string name, _, _) in s_moves)
        {
            // In turn, so that what else the machine does hits both alike.
            List<Dictionary<string, double>[]> unrehearsed = [];
            List<Dictionary<string, double>[]> rehearsed = [];
            for (int process = 0; process < processes; process++)
            {
                unrehearsed.Add(MeasureInFreshProcess(name));
                rehearsed.Add(MeasureInFreshProcess(name, Rehearsed));
            }

            foreach (string part in unrehearsed[0][0].Keys)
            {
                double second = Median(unrehearsed.Select(moves => moves[1][part]));
                double first = Median(unrehearsed.Select(moves => moves[0][part]));
                double after = Median(rehearsed.Select(moves => moves[0][part]));
                if (Math.Max(Math.Max(first, after), second) >= Least)
                {
                    Console.WriteLine(string.Create(
                        CultureInfo.InvariantCulture, $"| {name} | {part} | {second:0.00} | {first:0.00} | {Ratio(first, second)} | {after:0.00} | {Ratio(after, second)} |"));
                }
            }
        }
    }

    /// <summary>The child: two moves, a line for each part of each.</summary>
    /// <param name="arguments">The method; <c>rehearsed</c> where it is rehearsed before; <c>names</c> for the names of the methods that were compiled, to
    /// the standard error stream.</param>
    public static void Measure(string[] arguments)
    {
        (_, MigrationMethod method, RecordingMode mode) = s_moves.Single(move => move.Name == arguments[0]);
        using CompiledMethods? names = arguments.Contains("names") ? new CompiledMethods() : null;
        if (arguments.Contains(Rehearsed))
        {
            long begun = Stopwatch.GetTimestamp();
            if (Rehearsal.Begin(method, mode).Result is { } error)
            {
                throw new InvalidOperationException("The rehearsal failed.", error);
            }

            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{arguments[0]} was rehearsed in {Stopwatch.GetElapsedTime(begun).TotalMilliseconds:0} ms"));
        }

        for (int move = 0; move < 2; move++)
        {
            Stops stops = new(names);
            MigrationResult result = Move(method, mode, stops);
            foreach ((DowntimePart part, TimeSpan time) in result.DowntimeParts.All)
            {
                Say(move, part.ToString(), time.TotalMilliseconds);
            }

            Say(move, "**downtime**", result.Downtime.TotalMilliseconds);
            Say(move, "checkpoint's pause", result.CheckpointPause.TotalMilliseconds);
            Say(move, Compiled, stops.Compiled);
            Say(move, "compiling, on all threads", stops.CompilationTime.TotalMilliseconds);
            Say(move, "whole move", result.TotalTime.TotalMilliseconds);
        }
    }

    private static void Say(int move, string part, double value) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{move}\t{part}\t{value:R}"));

    private static string Ratio(double value, double second) => second > 0 ? (value / second).ToString("0.0", CultureInfo.InvariantCulture) : "–";

    private static Dictionary<string, double>[] MeasureInFreshProcess(string name, params string[] more)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(typeof(StopTable).Assembly.Location);
        }

        start.ArgumentList.Add("--stops-of");
        start.ArgumentList.Add(name);
        foreach (string argument in more)
        {
            start.ArgumentList.Add(argument);
        }

        using Process child = Process.Start(start)!;
        Dictionary<string, double>[] moves = [[], []];
        while (child.StandardOutput.ReadLine() is { } line)
        {
            string[] words = line.Split('\t');
            moves[int.Parse(words[0], CultureInfo.InvariantCulture)][words[1]] = double.Parse(words[2], CultureInfo.InvariantCulture);
        }

        child.WaitForExit();
        return child.ExitCode == 0 ? moves : throw new InvalidOperationException($"The process for {name} ended with {child.ExitCode}.");
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static MigrationResult Move(MigrationMethod method, RecordingMode mode, Stops stops)
    {
        using SimulatedHost source = new("source", new SimulatedHostOptions { MemoryBytes = 256L << 20 });
        using SimulatedHost destination = new("destination", new SimulatedHostOptions { MemoryBytes = 256L << 20 });
        MigrationReceiver receiver = MigrationReceiver.Start(destination, new IPEndPoint(IPAddress.Loopback, 0));
        try
        {
            SimulatedDomain domain = source.CreateDomain(new SimulatedDomainOptions
            {
                Name = "guest",
                MemoryBytes = 64L << 20,
                UsedBytes = 32L << 20,
                WorkingSetBytes = 8L << 20,
                OperationsPerSecond = 50_000,
                FreeRunning = true,
            });
            domain.WaitForOperations(10_000, CancellationToken.None);
            MigrationOptions options = new()
            {
                Method = method,
                Mode = mode,
                Window = TimeSpan.FromMilliseconds(200),
                Epoch = TimeSpan.FromMilliseconds(50),
                Trace = stops,
            };
            return MigrationSource.MigrateAsync(source.OpenSource(domain.Name), Route.Loopback(receiver.Endpoint), options, null, CancellationToken.None)
                .GetAwaiter().GetResult();
        }
        finally
        {
            receiver.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>Counts what is compiled while the domain stands still: in its handover, and at its checkpoint.</summary>
    private sealed class Stops(CompiledMethods? names) : IProgress<MigrationTrace>
    {
        private static readonly string[] s_begins = ["the domain is about to be stopped", "outputs can be held back"];
        private (long Count, TimeSpan Time)? _begun;

        public long Compiled { get; private set; }

        public TimeSpan CompilationTime { get; private set; }

        public void Report(MigrationTrace value)
        {
            if (value.IsAtDestination)
            {
                return;
            }

            (long Count, TimeSpan Time) now = (JitInfo.GetCompiledMethodCount(), JitInfo.GetCompilationTime());
            bool ends = value.Name == "runs on after the checkpoint" || (value.Kind == MigrationTraceKind.State && value.Name == "Committed -> Running");
            if (s_begins.Contains(value.Name))
            {
                _begun = now;
                names?.Begin();
            }
            else if (ends && _begun is { } begun)
            {
                names?.End();
                _begun = null;
                Compiled += now.Count - begun.Count;
                CompilationTime += now.Time - begun.Time;
            }
        }
    }

    /// <summary>Names what the runtime compiles.</summary>
    private sealed class CompiledMethods : EventListener
    {
        private const EventKeywords Jit = (EventKeywords)0x10;
        private volatile bool _isOn;

        public void Begin() => _isOn = true;

        public void End() => _isOn = false;

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "Microsoft-Windows-DotNETRuntime")
            {
                EnableEvents(eventSource, EventLevel.Verbose, Jit);
            }
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (_isOn && eventData.EventName?.StartsWith("MethodLoadVerbose", StringComparison.Ordinal) == true && eventData.Payload is { Count: > 7 } payload)
            {
                Console.Error.WriteLine($"compiled: {payload[6]}.{payload[7]}");
            }
        }
    }
}
