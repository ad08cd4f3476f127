using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Backup;
using PreRecordMigration.Boards;
using PreRecordMigration.Files;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Processes;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;

namespace PreRecordMigration.Tests.Operations;

/// <summary>A service does unasked what killed processes left to do, and holds nothing that it cannot bring on.</summary>
public sealed class SuccessorTests : IAsyncDisposable
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    private readonly WorkspaceFixture _fixture = new();
    private readonly WorkspaceFixture _killed = new();
    private readonly FakeTimeProvider _clock = new();
    private readonly List<string> _said = [];
    private readonly Successor _successor;
    private readonly IPEndPoint _there;

    public SuccessorTests()
    {
        // The service's host is the source of what was killed, and the destination has a receiver of another process.
        _fixture.Workspace.Receivers.Start(_killed.Source, new IPEndPoint(IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30));
        _there = _killed.Workspace.Receivers.Start(_killed.Destination, new IPEndPoint(IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30)).Endpoint;
        _successor = new Successor(_fixture.Workspace, new MigrationOptions(), _said.Add, _clock);
    }

    private SimulatedDomain Domain => _killed.Domain;

    private MigrationJob Taken => Assert.Single(_fixture.Workspace.Migrations.All);

    public async ValueTask DisposeAsync()
    {
        // What comes in notes its end in the history, which goes with the fixture.
        foreach (MigrationReceiver receiver in _killed.Workspace.Receivers.All.Concat(_fixture.Workspace.Receivers.All))
        {
            await receiver.DisposeAsync();
        }

        _killed.Dispose();
        _fixture.Dispose();
    }

    [Theory]
    [InlineData(MigrationMethod.PostCopy, 1)]
    [InlineData(MigrationMethod.PreRecord, 20)]
    public async Task A_migration_whose_domain_had_left_goes_on(MigrationMethod method, int place)
    {
        await KillAsync(method, place);

        _successor.Look(s_cancel);
        await Taken.Ended;

        Assert.Equal(MigrationState.Completed, Taken.State);
        Assert.Equal([$"'{Domain.Name}' on 'xen1' had left when its process ended: its migration to {_there} goes on here."], _said);
        Assert.Equal(DomainState.Running, Assert.Single(_killed.Destination.GetDomains()).State);
        Assert.Empty(_killed.Source.GetDomains());
        Assert.Empty(_killed.Destination.Violations);
    }

    [Fact]
    public async Task Where_nobody_answers_the_domain_stays_anybody_s_and_it_is_tried_again_when_it_has_waited()
    {
        await KillAsync();
        await _killed.Workspace.Receivers.Get("xen2").DisposeAsync();
        _successor.Look(s_cancel);
        _successor.Look(s_cancel);
        Assert.Contains("No migration receiver answers", Assert.Single(_said), StringComparison.Ordinal);
        Assert.Empty(_fixture.Workspace.Migrations.All);
        _killed.Source.RequireUnclaimed(Domain.Name);

        _clock.Advance(TimeSpan.FromSeconds(10));
        _successor.Look(s_cancel);

        // For the same reason nothing is said again.
        Assert.Single(_said);
    }

    [Fact]
    public async Task What_is_interrupted_again_is_relinquished_and_taken_over_again_when_it_has_waited()
    {
        await KillAsync();
        _killed.Destination.Faults.Fail(SimulatedCall.Place, 1);
        _successor.Look(s_cancel);
        await Taken.Ended;
        Assert.Equal(MigrationState.Interrupted, Taken.State);

        _successor.Look(s_cancel);
        Assert.Empty(_fixture.Workspace.Migrations.All);
        _killed.Source.RequireUnclaimed(Domain.Name);
        await Assert.Single(_killed.Workspace.Receivers.Get("xen2").Incoming).Ended;

        _clock.Advance(TimeSpan.FromSeconds(10));
        _successor.Look(s_cancel);
        await Taken.Ended;
        Assert.Equal(MigrationState.Completed, Taken.State);
        Assert.Equal(DomainState.Running, Assert.Single(_killed.Destination.GetDomains()).State);
        Assert.Empty(_killed.Destination.Violations);
    }

    [Fact]
    public async Task A_way_that_nobody_else_can_go_is_said_once_with_the_command_that_helps()
    {
        await KillAsync();
        Domain.NotedDeparture = (Departure.Read(Domain.NotedDeparture)! with { Way = null }).ToString();
        _successor.Look(s_cancel);
        _clock.Advance(TimeSpan.FromHours(1));
        _successor.Look(s_cancel);
        Assert.Contains($"Resume-Migration {Domain.Name} -TakeOver -Destination", Assert.Single(_said), StringComparison.Ordinal);
        Assert.NotEqual(DomainState.Running, Domain.State);
    }

    [Fact]
    public void What_a_killed_process_held_before_the_commit_runs_on()
    {
        ISourceDomain held = _killed.Source.OpenSource(Domain.Name);
        held.Mark(SourceMark.Stopped);
        held.Pause();
        _killed.Source.KillTool();

        _successor.Look(s_cancel);

        Assert.Equal(DomainState.Running, Domain.State);
        Assert.Null(Domain.SourceMark);
        Assert.Equal([$"'{Domain.Name}' on 'xen1' was held by a process that has ended: what that left of it is mended, and it runs."], _said);
    }

    [Fact]
    public void What_came_in_and_never_ran_is_taken_down()
    {
        _fixture.Workspace.Receivers.Start(_killed.Destination, new IPEndPoint(IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30));
        using (ISourceDomain source = _killed.Source.OpenSource(Domain.Name))
        {
            _killed.Destination.CreateIncoming(source.Describe(), s_cancel);
            source.Mark(null);
        }

        _successor.Look(s_cancel);
        Assert.Single(_killed.Destination.GetDomains());

        _killed.Destination.KillTool();
        _successor.Look(s_cancel);

        Assert.Empty(_killed.Destination.GetDomains());
        Assert.Empty(_said);
    }

    [Fact]
    public void Originals_of_a_killed_recording_go()
    {
        BackupFiles killed = BackupFiles.TryMake(1000)!;
        killed.TryMakeStep(0)!.Dispose();
        string head = Path.Combine(RuntimeFolder.Find(), $"originals-{killed.Id:N}");

        _successor.Look(s_cancel);
        Assert.True(File.Exists(head));

        killed.Dispose();
        _successor.Look(s_cancel);
        Assert.False(File.Exists(head));
        Assert.False(File.Exists($"{head}.0"));
        Assert.Empty(_said);
    }

    [Fact]
    public void Boards_of_killed_processes_go()
    {
        using WorkspaceFixture seen = new(isSeen: true);
        seen.Workspace.Receivers.Start(seen.Destination, new IPEndPoint(IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30));
        string killed = Path.Combine(seen.Boards, BoardFolder.NameOf(new OwnerProcess(int.MaxValue, 1)));
        using (Socket bound = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            // Not under its own name, which its end takes away.
            bound.Bind(new UnixDomainSocketEndPoint(killed + "_"));
            File.Move(killed + "_", killed);
        }

        new Successor(seen.Workspace, new MigrationOptions(), _said.Add, _clock).Look(s_cancel);

        Assert.Equal([BoardFolder.NameOf(OwnerProcess.Current)], Directory.GetFileSystemEntries(seen.Boards).Select(Path.GetFileName));
        Assert.Empty(_said);
    }

    [Fact]
    public async Task What_ended_first_is_forgotten_when_something_is_taken_over()
    {
        MigrationRegistry migrations = _fixture.Workspace.Migrations;
        migrations.KeptEnded = 1;
        _fixture.Destination.Faults.Fail(SimulatedCall.CreateIncoming, 1);
        MigrationJob first = await _fixture.MoveAsync();
        await _fixture.MoveAsync();
        Assert.Same(first, migrations.All[0]);
        await KillAsync();

        _successor.Look(s_cancel);

        Assert.DoesNotContain(first, migrations.All);
        Assert.True(migrations.All[^1].IsTakenOver);
        await migrations.All[^1].Ended;
    }

    [Fact]
    public void What_goes_on_failing_is_said_once_however_much_of_it_there_is()
    {
        using SilentHost silent = new(_killed.Destination);
        _fixture.Workspace.Receivers.Start(silent, new IPEndPoint(IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30));
        for (int look = 0; look < 3; look++)
        {
            _successor.Look(s_cancel);
            _clock.Advance(TimeSpan.FromHours(1));
        }

        Assert.Equal(["No arrivals.", "No domains."], _said);
    }

    [Fact]
    public async Task A_living_process_keeps_what_it_has()
    {
        await _killed.InterruptAsync();
        _successor.Look(s_cancel);
        Assert.Empty(_said);
        Assert.Empty(_fixture.Workspace.Migrations.All);
    }

    /// <summary>A migration whose process is killed at the source when pages are missing at the destination.</summary>
    private async Task KillAsync(MigrationMethod method = MigrationMethod.PostCopy, int place = 1)
    {
        _killed.Destination.Faults.Before(SimulatedCall.Place, place, () =>
        {
            _killed.Source.KillTool();
            _killed.Workspace.Receivers.Get("xen2").Incoming[^1].Disconnect();
        });
        await _killed.MoveAsync(method);
        await Assert.Single(_killed.Workspace.Receivers.Get("xen2").Incoming).Ended;
        Assert.Equal(SourceMark.Leaving, Domain.SourceMark);
    }

    /// <summary>A host that does not tell what has been left there.</summary>
    private sealed class SilentHost(IMigrationHost host) : ForwardingHost(host)
    {
        public override IReadOnlyList<LeftBehind> GetLeftBehind() => throw new IOException("No domains.");

        public override void SweepArrivals() => throw new IOException("No arrivals.");
    }
}
