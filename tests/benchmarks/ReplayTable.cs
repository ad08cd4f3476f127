using System.Globalization;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Recording;
using PreRecordMigration.Replay;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// The table of docs/ordering.md: every order on recordings of every simulated guest, and on files of real ones. Always the
/// same figures: <c>dotnet run -c Release --project tests/benchmarks -- --replay tests/data/trajectories/*.prerecord</c>.
/// </summary>
internal static class ReplayTable
{
    private static readonly GuestWorkloadKind[] s_workloads =
    [
        GuestWorkloadKind.Sequential, GuestWorkloadKind.Strided, GuestWorkloadKind.UniformRandom, GuestWorkloadKind.HotSet,
        GuestWorkloadKind.ZipfHotSet, GuestWorkloadKind.PhaseChanging, GuestWorkloadKind.ManyProcesses,
    ];

    public static void Print(IEnumerable<string> files)
    {
        IEnumerable<(string Name, TrajectoryDocument Document)> recordings =
        [
            .. s_workloads.Select(workload => (workload.ToString(), Record(workload))),
            .. files.Select(file => ($"{Path.GetFileNameWithoutExtension(file)} (real)", Read(file))),
        ];
        foreach (RecordingMode mode in (RecordingMode[])[RecordingMode.Rollback, RecordingMode.Observe])
        {
            Console.WriteLine($"### {mode}");
            Console.WriteLine();
            foreach ((string name, TrajectoryDocument document) in recordings)
            {
                Print(PageOrderReplay.Measure(
                    name, document.Trajectory, document.Populated, new ReplayOptions { Mode = mode }));
            }
        }

        Console.WriteLine("### Observe, real ones at 2 MB/s");
        Console.WriteLine();
        foreach (string file in files)
        {
            TrajectoryDocument document = Read(file);
            Print(PageOrderReplay.Measure(
                $"{Path.GetFileNameWithoutExtension(file)} (slow)", document.Trajectory, document.Populated, new ReplayOptions { Bandwidth = 2_000_000 }));
        }
    }

    private static void Print(IReadOnlyList<ReplayResult> results)
    {
        Console.WriteLine($"| {results[0].Name} | Faults | × sequential | Late | Stall, ms | × oracle | × sequential | Precision | Recall | Back at 90 %, ms | Speed to 1 s | to 10 s | to 60 s |");
        Console.WriteLine("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        foreach (ReplayResult result in results)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {result.Order} | {result.RemoteFaults} | {result.FaultsToSequential:F2} | {result.LateArrivals} | {result.StallTime.TotalMilliseconds:F1} | {result.StallToOracle:F0} | {result.StallToSequential:F2} | {result.Precision:F2} | {result.Recall:F2} | {result.BackAt90Percent.TotalMilliseconds:F0} | {result.SpeedInFirstSecond:F2} | {result.SpeedTo10Seconds:F2} | {result.SpeedTo60Seconds:F2} |"));
        }

        Console.WriteLine();
        Console.WriteLine($"Auto: {results.Single(result => result.Order == ReplayOrder.Auto).Reason}");
        Console.WriteLine();
    }

    /// <summary>Two seconds of a guest of 256 MiB in epochs of 50 ms. It runs only when told to: always the same.</summary>
    private static TrajectoryDocument Record(GuestWorkloadKind workload)
    {
        using SimulatedHost host = new("replay");
        host.CreateDomain(new SimulatedDomainOptions
        {
            Name = "guest",
            Workload = workload,
            MemoryBytes = 256L << 20,
            WorkingSetBytes = 128L << 20,
            OperationsPerSecond = 20_000,
            Seed = 11,
        });
        ISourceDomain domain = host.OpenSource("guest");
        MigrationOptions options = new()
        {
            Mode = RecordingMode.Observe,
            Window = TimeSpan.FromSeconds(2),
            Epoch = TimeSpan.FromMilliseconds(50),
        };
        using PreRecordSession session = PreRecordSession.Record(domain, options, null, CancellationToken.None);
        return new TrajectoryDocument(session.Trajectory, session.Populated, new Dictionary<string, string>());
    }

    private static TrajectoryDocument Read(string file)
    {
        using FileStream stream = File.OpenRead(file);
        return TrajectoryReader.Read(stream);
    }
}
