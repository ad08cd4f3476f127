using System.Net;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;

namespace PreRecordMigration.Tests.Operations;

/// <summary>What becomes of everything where nobody in a process has the module any more, and the process goes on.</summary>
public sealed class ModuleEndTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void Where_nothing_goes_on_nothing_is_said_and_nothing_was_begun()
    {
        using WorkspaceFixture fixture = new();
        EndModule(fixture);
        Assert.Empty(fixture.Said);
        Assert.Equal(0, fixture.Begun);
    }

    [Fact]
    public async Task A_move_before_its_commit_is_stopped_and_stays_listed_and_the_next_may_begin()
    {
        using WorkspaceFixture fixture = new();
        using ManualResetEventSlim goesOn = new();
        MigrationJob job = StartHeld(fixture, SimulatedCall.Restore, 1, goesOn);
        Task ending = Task.Run(() => EndModule(fixture), Cancel);
        SpinWait.SpinUntil(() => job.State == MigrationState.Stopping, TimeSpan.FromSeconds(30));

        // Nothing begins while the lists are gone through.
        Assert.Throws<OperationException>(() => fixture.Workspace.Migrations.Start(fixture.Move()));
        goesOn.Set();
        await ending;
        Assert.Equal(DomainState.Running, fixture.Domain.State);
        Assert.Contains("Migration 1 of 'web01' has ended with the module. Stopped before the commit: 'web01' runs on at 'xen1'.", fixture.Said);
        Assert.DoesNotContain(fixture.Said, line => line.Contains("Simulated hosts end", StringComparison.Ordinal));
        Assert.Equal(MigrationState.Stopped, Assert.Single(fixture.Workspace.Migrations.All).State);
        Assert.Equal(MigrationState.Completed, (await fixture.MoveAsync()).State);
    }

    [Fact]
    public async Task What_has_left_goes_on_at_both_sides_unstopped_and_the_end_of_the_process_waits_for_it()
    {
        using WorkspaceFixture fixture = new();
        MigrationReceiver receiver = StartReceiver(fixture);
        using ManualResetEventSlim goesOn = new();
        MigrationJob job = StartHeld(fixture, SimulatedCall.Place, 3, goesOn);
        SpinWait.SpinUntil(() => job.HasLeft, TimeSpan.FromSeconds(30));
        EndModule(fixture);
        Assert.Equal(MigrationState.Running, job.State);
        Assert.Contains(fixture.Said, line => line.StartsWith(
            "Migration 1 of 'web01' goes on in this process, which waits for it at its end: it is past its commit, and ", StringComparison.Ordinal));
        Assert.Contains(fixture.Said, line => line.StartsWith("What comes into 'xen2' goes on in this process, which waits for it at its end: 'web01'", StringComparison.Ordinal));
        Assert.Equal(2, fixture.Said.Count);
        Assert.True(fixture.Workspace.End.Matters);
        Task ending = Task.Run(() => End(fixture), Cancel);
        goesOn.Set();
        await ending;
        Assert.Equal(MigrationState.Completed, job.State);
        Assert.Contains("Migration 1 of 'web01' has ended with the session. 'web01' is wholly at 'xen2'.", fixture.Said);
        Assert.Empty(receiver.Left);
    }

    [Fact]
    public async Task A_receiver_ends_with_what_was_to_come_in_yet()
    {
        using WorkspaceFixture fixture = new();
        MigrationReceiver receiver = StartReceiver(fixture);
        using ManualResetEventSlim goesOn = new();
        MigrationJob job = StartHeld(fixture, SimulatedCall.Place, 3, goesOn);
        EndModule(fixture);
        Assert.True(fixture.Workspace.Receivers.IsListed(receiver));
        goesOn.Set();
        await job.Ended;
        Assert.True(SpinWait.SpinUntil(() => !fixture.Workspace.Receivers.IsListed(receiver), TimeSpan.FromSeconds(30)));
        StartReceiver(fixture);
    }

    [Fact]
    public void A_receiver_into_which_nothing_comes_ends_and_that_is_said_and_its_host_may_have_another()
    {
        using WorkspaceFixture fixture = new();
        StartReceiver(fixture);
        EndModule(fixture);
        Assert.Equal("The receiver of 'xen2' has ended with the module.", Assert.Single(fixture.Said));
        Assert.Empty(fixture.Workspace.Receivers.All);
        StartReceiver(fixture);
    }

    [Fact]
    public void A_held_domain_runs_on_and_may_be_recorded_again()
    {
        using WorkspaceFixture fixture = new();
        fixture.Record(RecordingMode.Rollback);
        EndModule(fixture);
        Assert.Equal(DomainState.Running, fixture.Domain.State);
        Assert.EndsWith("ended with the module: the domain runs on.", Assert.Single(fixture.Said), StringComparison.Ordinal);
        fixture.Record();
    }

    [Fact]
    public void What_was_not_seen_let_go_is_waited_for_by_the_end_of_the_process()
    {
        using WorkspaceFixture fixture = new();
        using ManualResetEventSlim goesOn = new();
        fixture.Record(RecordingMode.Rollback);
        for (int n = 1; n < 10; n++)
        {
            fixture.Source.Faults.Before(SimulatedCall.Resume, n, () => goesOn.Wait(Cancel));
        }

        using ManualResetEvent isHurried = new(initialState: true);
        fixture.Workspace.End.EndModule(isHurried);
        Assert.Contains("ended with the module, and could not be let go well: the hypervisor does not answer.", Assert.Single(fixture.Said), StringComparison.Ordinal);
        goesOn.Set();
        End(fixture);
        Assert.Equal(DomainState.Running, fixture.Domain.State);
        Assert.Contains(fixture.Said, line => line.EndsWith("ended with the session: the domain runs on.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_interrupted_stays_on_both_sides_and_is_resumed()
    {
        using WorkspaceFixture fixture = new();
        MigrationReceiver receiver = StartReceiver(fixture);
        MigrationJob job = await fixture.InterruptAsync();
        await Assert.Single(receiver.Incoming).Ended;
        EndModule(fixture);
        Assert.Contains(fixture.Said, line => line.Contains("Import-Module, and Resume-Migration -Id 1 goes on with it", StringComparison.Ordinal));
        Assert.Contains(fixture.Said, line => line.StartsWith("The receiver of 'xen2' stays with this process, and keeps 'web01'", StringComparison.Ordinal));
        Assert.True(fixture.Workspace.Receivers.IsListed(receiver));
        fixture.Workspace.Migrations.Resume(job, null);
        await job.Ended;
        Assert.Equal(MigrationState.Completed, job.State);
    }

    [Fact]
    public async Task The_end_of_the_process_takes_over_from_one_that_waits_and_all_is_said_once()
    {
        using WorkspaceFixture fixture = new();
        using ManualResetEventSlim isAsked = new();
        using ManualResetEventSlim goesOn = new();
        Task<bool> work = fixture.Workspace.Work.Begin(
            () =>
            {
                goesOn.Wait(Cancel);
                return true;
            },
            isAsked.Set,
            new WorkWords("It goes on.", null),
            isEnding: false);
        Task ending = Task.Run(() => EndModule(fixture), Cancel);
        isAsked.Wait(Cancel);
        using ManualResetEvent isHurried = new(initialState: true);
        fixture.Workspace.End.End(isHurried);
        await ending;
        Assert.Single(fixture.Said, line => line == "It goes on.");

        // What ends last ends all: nothing begins any more, whatever loses the module then.
        EndModule(fixture);
        Assert.Throws<OperationException>(() => fixture.Workspace.Migrations.Start(fixture.Move()));
        goesOn.Set();
        Assert.True(await work);
    }

    private static MigrationReceiver StartReceiver(WorkspaceFixture fixture) => fixture.Workspace.Receivers.Start(
        fixture.Destination, new IPEndPoint(IPAddress.Loopback, 0), null, PeerTimeout.Minimum);

    /// <summary>Begins a move that stands before a call at its destination until it may go on; returns when it does.</summary>
    private static MigrationJob StartHeld(WorkspaceFixture fixture, SimulatedCall call, int time, ManualResetEventSlim goesOn)
    {
        TaskCompletionSource isThere = new();
        fixture.Destination.Faults.Before(call, time, () =>
        {
            isThere.SetResult();
            goesOn.Wait(Cancel);
        });
        MigrationJob job = fixture.Workspace.Migrations.Start(fixture.Move());
        isThere.Task.Wait(Cancel);
        return job;
    }

    private static void EndModule(WorkspaceFixture fixture)
    {
        using ManualResetEvent never = new(initialState: false);
        fixture.Workspace.End.EndModule(never);
    }

    private static void End(WorkspaceFixture fixture)
    {
        using ManualResetEvent never = new(initialState: false);
        fixture.Workspace.End.End(never);
    }
}
