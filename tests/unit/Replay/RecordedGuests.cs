using PreRecordMigration.Hypervisor;
using PreRecordMigration.Recording;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Tests.Simulated;

namespace PreRecordMigration.Tests.Replay;

/// <summary>Recordings of simulated guests, always the same, and every recording of real ones in tests/data/trajectories.</summary>
internal static class RecordedGuests
{
    public static IEnumerable<string> Names =>
        Enum.GetNames<GuestWorkloadKind>().Except([nameof(GuestWorkloadKind.Replay)]).Concat(Files().Select(path => Path.GetFileName(path)));

    public static TrajectoryDocument Get(string name)
    {
        if (Enum.TryParse(name, out GuestWorkloadKind workload))
        {
            return Record(workload, 1);
        }

        using FileStream file = File.OpenRead(Files().Single(path => Path.GetFileName(path) == name));
        return TrajectoryReader.Read(file);
    }

    private static string[] Files() =>
        Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "trajectories"), "*.prerecord");

    private static TrajectoryDocument Record(GuestWorkloadKind workload, int vcpus)
    {
        using SimulatedHost host = new("recording");
        SimulatedDomainOptions options = new()
        {
            Name = workload.ToString(),
            Workload = workload,
            VcpuCount = vcpus,
            MemoryBytes = 32 << 20,
            WorkingSetBytes = 8 << 20,
            Seed = 5,
        };
        host.CreateDomain(options);
        using ISourceDomain source = host.OpenSource(options.Name);
        using IAccessRecorder recorder = source.StartRecording(null);
        AccessTrajectory trajectory = TestGuests.Record(source, recorder, 20, TimeSpan.FromMilliseconds(1));
        return new TrajectoryDocument(trajectory, source.GetPopulatedPages(), new Dictionary<string, string>());
    }
}
