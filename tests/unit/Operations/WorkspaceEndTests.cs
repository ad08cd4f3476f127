using System.Net;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;

namespace PreRecordMigration.Tests.Operations;

/// <summary>What becomes of everything at the end, and what is said of it.</summary>
public sealed class WorkspaceEndTests
{
    [Fact]
    public void Where_nothing_goes_on_nothing_is_said_and_nothing_was_awaited()
    {
        using WorkspaceFixture fixture = new();
        Assert.False(fixture.Workspace.End.Matters);
        End(fixture);
        Assert.Empty(fixture.Said);
        Assert.Equal(0, fixture.Begun);
    }

    [Fact]
    public async Task The_end_is_awaited_from_the_first_thing_on_that_it_concerns()
    {
        using WorkspaceFixture fixture = new();
        await fixture.MoveAsync();
        Assert.Equal(1, fixture.Begun);
        Start(fixture);
        Assert.Equal(1, fixture.Begun);
        Assert.False(fixture.Workspace.End.Matters);
        End(fixture);
        Assert.Empty(fixture.Said);
    }

    [Fact]
    public async Task A_move_before_its_commit_is_stopped_and_its_domain_runs_on()
    {
        using WorkspaceFixture fixture = new();
        using ManualResetEventSlim isUnderWay = new();
        using ManualResetEventSlim goesOn = new();
        fixture.Destination.Faults.Before(SimulatedCall.Restore, 1, () =>
        {
            isUnderWay.Set();
            goesOn.Wait(TestContext.Current.CancellationToken);
        });
        MigrationJob job = fixture.Workspace.Migrations.Start(fixture.Move());
        isUnderWay.Wait(TestContext.Current.CancellationToken);
        Assert.True(fixture.Workspace.End.Matters);
        Task ending = Task.Run(() => End(fixture), TestContext.Current.CancellationToken);
        SpinWait.SpinUntil(() => job.State == MigrationState.Stopping, TimeSpan.FromSeconds(30));
        goesOn.Set();
        await ending;
        Assert.Equal(MigrationState.Stopped, job.State);
        Assert.Equal(DomainState.Running, fixture.Domain.State);
        Assert.Contains(fixture.Said, line => line.Contains(MigrationFixture.DomainName, StringComparison.Ordinal));
        OperationException refused = Assert.Throws<OperationException>(() => fixture.Workspace.Migrations.Start(fixture.Move()));
        Assert.Equal(("SessionEnds", OperationProblem.Stopped), (refused.ErrorId, refused.Problem));
        Assert.Single(fixture.Workspace.Migrations.All);
    }

    [Fact]
    public void A_held_domain_runs_on_and_that_is_said()
    {
        using WorkspaceFixture fixture = new();
        fixture.Record(RecordingMode.Rollback);
        Assert.Equal(DomainState.Paused, fixture.Domain.State);
        End(fixture);
        Assert.Equal(DomainState.Running, fixture.Domain.State);
        Assert.Empty(fixture.Workspace.Recordings.All);
        Assert.Collection(
            fixture.Said,
            line => Assert.Contains("web01", line, StringComparison.Ordinal),
            line => Assert.Contains("Simulated hosts end with the session", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_receiver_stops_and_an_interrupted_migration_is_named_at_both_sides()
    {
        using WorkspaceFixture fixture = new();
        Start(fixture);
        MigrationJob job = await fixture.InterruptAsync();
        End(fixture);
        Assert.Equal(MigrationState.Interrupted, job.State);
        Assert.Equal(2, fixture.Said.Count(line => line.Contains("web01", StringComparison.Ordinal)));
        Assert.Throws<OperationException>(() => fixture.Workspace.Migrations.Resume(job, null));
        Assert.Equal(MigrationState.Interrupted, job.State);

        // What ends something may begin still.
        fixture.Workspace.Migrations.GiveUp(job);
        Assert.Empty(fixture.Source.GetDomains());
    }

    [Theory]
    [InlineData(DomainKind.Simulated)]
    [InlineData(DomainKind.Pvh)]
    public async Task Who_can_take_over_is_said_of_a_domain_that_outlives_the_session(DomainKind kind)
    {
        using WorkspaceFixture fixture = new();
        fixture.Destination.Faults.Fail(SimulatedCall.Place, 20);
        PlannedMove move = fixture.Move();
        MigrationJob job = fixture.Workspace.Migrations.Start(move with { Location = move.Location with { Info = move.Location.Info with { Kind = kind } } });
        await job.Ended;
        End(fixture);
        string said = Assert.Single(fixture.Said, line => line.Contains("is interrupted", StringComparison.Ordinal));
        Assert.Equal(kind != DomainKind.Simulated, said.Contains("Destroy nothing: Resume-Migration web01 -TakeOver goes on with it in any session of 'xen1'", StringComparison.Ordinal));
        Assert.Equal(kind == DomainKind.Simulated, fixture.Said.Contains("Simulated hosts end with the session, and their domains with them."));
        fixture.Workspace.Migrations.GiveUp(job);
    }

    [Fact]
    public async Task Work_that_somebody_waits_for_is_stopped_and_what_was_said_of_it_is_said()
    {
        using WorkspaceFixture fixture = new();
        using CancellationTokenSource stopping = new();
        Task<bool> work = fixture.Workspace.Work.Begin(
            () => stopping.Token.WaitHandle.WaitOne() ? throw new OperationCanceledException() : true,
            stopping.Cancel,
            new WorkWords("It goes on.", "It was stopped."),
            isEnding: false);
        Assert.True(fixture.Workspace.End.Matters);
        End(fixture);
        await Assert.ThrowsAsync<OperationCanceledException>(() => work);
        Assert.Equal("It was stopped.", Assert.Single(fixture.Said));
        await Assert.ThrowsAsync<OperationException>(() => fixture.Workspace.Work.Begin(() => true, () => { }, null, isEnding: false));
        Assert.True(await fixture.Workspace.Work.Begin(() => true, () => { }, null, isEnding: true));
    }

    [Fact]
    public async Task Whoever_is_in_a_hurry_is_told_what_remains()
    {
        using WorkspaceFixture fixture = new();
        using ManualResetEventSlim goesOn = new();
        Task<bool> work = fixture.Workspace.Work.Begin(
            () =>
            {
                goesOn.Wait(TestContext.Current.CancellationToken);
                return true;
            },
            () => { },
            new WorkWords("It goes on.", null),
            isEnding: false);
        using ManualResetEvent isHurried = new(initialState: true);
        fixture.Workspace.End.End(isHurried);
        Assert.Equal("It goes on.", Assert.Single(fixture.Said));
        goesOn.Set();
        Assert.True(await work);
    }

    private static void Start(WorkspaceFixture fixture) => fixture.Workspace.Receivers.Start(
        fixture.Destination, new IPEndPoint(IPAddress.Loopback, 0), null, PeerTimeout.Minimum);

    private static void End(WorkspaceFixture fixture)
    {
        using ManualResetEvent never = new(initialState: false);
        fixture.Workspace.End.End(never);
    }
}
