using System.Collections.Concurrent;
using PreRecordMigration.History;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;

namespace PreRecordMigration.Tests.Operations;

/// <summary>A workspace of its own with two simulated hosts, xen1 with a domain and xen2, and what is said at its end.</summary>
internal sealed class WorkspaceFixture : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("workspace-").FullName;

    /// <param name="isSeen">Whether other processes see what it has.</param>
    public WorkspaceFixture(bool isSeen = false)
    {
        History = new MigrationHistory(Path.Combine(_folder, "history"), Path.Combine(_folder, "no-journal"));
        Workspace = new Workspace(_ => Begun++, line => Said.Enqueue(line), History, isSeen ? () => Boards : null);
        Source = new SimulatedHost("xen1");
        Destination = new SimulatedHost("xen2");
        Workspace.Hosts.Add(Source);
        Workspace.Hosts.Add(Destination);
        Domain = Source.CreateDomain(MigrationFixture.Options());
    }

    public Workspace Workspace { get; }

    /// <summary>The folder of the boards.</summary>
    public string Boards => Path.Combine(_folder, "boards");

    /// <summary>How its migrations ended.</summary>
    public MigrationHistory History { get; }

    public SimulatedHost Source { get; }

    public SimulatedHost Destination { get; }

    public SimulatedDomain Domain { get; }

    /// <summary>How often the first thing began that an end concerns.</summary>
    public int Begun { get; private set; }

    /// <summary>What was said at the end.</summary>
    public ConcurrentQueue<string> Said { get; } = new();

    public DomainLocation Location => DomainLocation.Find(MigrationFixture.DomainName, Source);

    public PlannedMove Move(MigrationMethod method = MigrationMethod.PostCopy, PreRecord? recorded = null) => new(
        Location, PreRecordMigration.Operations.Destination.Parse("xen2", Workspace), MigrationFixture.Move(method), recorded);

    /// <summary>Starts a move and waits for its end.</summary>
    public async Task<MigrationJob> MoveAsync(MigrationMethod method = MigrationMethod.PostCopy)
    {
        MigrationJob job = Workspace.Migrations.Start(Move(method));
        await job.Ended;
        return job;
    }

    /// <summary>A move that is interrupted: the destination fails while pages are missing.</summary>
    public async Task<MigrationJob> InterruptAsync()
    {
        Destination.Faults.Fail(SimulatedCall.Place, 20);
        MigrationJob job = await MoveAsync();
        Assert.Equal(MigrationState.Interrupted, job.State);
        return job;
    }

    /// <summary>Records the domain, and holds the recording.</summary>
    public LiveRecording Record(RecordingMode mode = RecordingMode.Observe, TimeSpan? holdTime = null, bool isWithItsMaker = false)
    {
        MigrationOptions options = MigrationFixture.Move(MigrationMethod.PreRecord, mode);
        TimeSpan held = holdTime ?? TimeSpan.FromHours(1);
        return Workspace.Recordings.Record(
            PreRecord.Planned(new RecordingPlan(Location, options), null, held, "these tests"),
            held,
            isWithItsMaker,
            null,
            null,
            () => { },
            TestContext.Current.CancellationToken);
    }

    public void Dispose()
    {
        Workspace.CloseBoard();
        Source.Dispose();
        Destination.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
