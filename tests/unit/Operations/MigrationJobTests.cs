using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;

namespace PreRecordMigration.Tests.Operations;

/// <summary>A migration from its start to each of its ends.</summary>
public sealed class MigrationJobTests
{
    [Theory]
    [InlineData(MigrationMethod.PreCopy)]
    [InlineData(MigrationMethod.PostCopy)]
    [InlineData(MigrationMethod.PreRecord)]
    public async Task A_move_that_goes_well_is_completed_and_keeps_what_it_did(MigrationMethod method)
    {
        using WorkspaceFixture fixture = new();
        MigrationJob job = await fixture.MoveAsync(method);
        Assert.Equal(MigrationState.Completed, job.State);
        Assert.Null(job.Error);
        Assert.Equal("xen2", job.Outcome!.Destination);
        MigrationInfo shown = job.Describe();
        Assert.Equal((MigrationState.Completed, "xen2", job.InstanceId), (shown.State, shown.HostName, shown.InstanceId));
        Assert.Equal(job.Outcome.TotalTime, shown.Elapsed);
        Assert.Equal(job.Outcome.ToString(), shown.Result);
        Assert.Null(shown.Error);
        Assert.Empty(fixture.Source.GetDomains());
        Assert.Empty(fixture.Workspace.Receivers.Listening);
        Assert.Equal(DomainHolder.Destination, shown.Holder);
    }

    [Fact]
    public async Task A_move_that_fails_says_why_and_the_domain_stays()
    {
        using WorkspaceFixture fixture = new();
        fixture.Destination.Faults.Fail(SimulatedCall.Restore, 1, new MigrationException(MigrationErrorId.HypervisorCall, "Restore failed.", "Again."));
        MigrationJob job = await fixture.MoveAsync();
        Assert.Equal(MigrationState.Failed, job.State);
        Assert.Contains("Restore failed.", job.Describe().Error, StringComparison.Ordinal);
        Assert.Null(job.Outcome);
        Assert.Equal(DomainState.Running, fixture.Domain.State);
        Assert.Empty(fixture.Workspace.Receivers.Listening);
        Assert.NotNull(job.Describe().Ended);
    }

    [Fact]
    public async Task A_move_that_cannot_begin_leaves_no_receiver_behind()
    {
        using WorkspaceFixture fixture = new();
        PlannedMove move = fixture.Move();
        using ISourceDomain busy = fixture.Source.OpenSource(MigrationFixture.DomainName);
        MigrationJob job = fixture.Workspace.Migrations.Start(move);
        await job.Ended;
        Assert.Equal(MigrationErrorId.DomainBusy, Assert.IsType<MigrationException>(job.Error).ErrorId);
        Assert.Empty(fixture.Workspace.Receivers.Listening);
        Assert.NotNull(job.Describe().Ended);
    }

    [Fact]
    public async Task A_move_that_is_stopped_before_the_commit_is_stopping_and_then_stopped()
    {
        using WorkspaceFixture fixture = new();
        using ManualResetEventSlim isStarted = new();
        MigrationJob? moving = null;
        MigrationState? before = null;
        MigrationState? afterwards = null;
        fixture.Destination.Faults.Before(SimulatedCall.Restore, 1, () =>
        {
            isStarted.Wait(TestContext.Current.CancellationToken);
            before = moving!.State;
            moving.RequireStoppable();
            moving.Cancel();
            moving.Cancel();
            afterwards = moving.State;
        });
        MigrationJob job = fixture.Workspace.Migrations.Start(fixture.Move());
        moving = job;
        isStarted.Set();
        await job.Ended;
        Assert.Equal((MigrationState.Running, MigrationState.Stopping), (before, afterwards));
        Assert.Equal(MigrationState.Stopped, job.State);
        Assert.IsType<OperationCanceledException>(job.Error, exactMatch: false);
        Assert.Equal("MigrationNotStoppable", Assert.Throws<OperationException>(job.RequireStoppable).ErrorId);
        Assert.Equal(DomainState.Running, fixture.Domain.State);

        // Whoever asks again changes nothing.
        job.Cancel();
        Assert.Equal(MigrationState.Stopped, job.State);
    }

    [Fact]
    public async Task An_interrupted_move_goes_on_when_it_is_resumed_and_has_another_end()
    {
        using WorkspaceFixture fixture = new();
        fixture.Workspace.Receivers.Start(fixture.Destination, new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30));
        MigrationJob job = await fixture.InterruptAsync();
        Task first = job.Ended;
        Assert.True(job.HoldsDomain && !job.IsActive);
        Assert.NotNull(job.Describe().Ended);
        job.RequireResumable();
        Assert.Same(job, fixture.Workspace.Migrations.HolderOf(MigrationFixture.DomainName));

        // That somebody asks an interrupted one to stop does not stop it when it goes on.
        job.Cancel();
        fixture.Workspace.Migrations.Resume(job, null);
        Assert.NotSame(first, job.Ended);
        await job.Ended;
        Assert.Equal(MigrationState.Completed, job.State);
        Assert.Equal("MigrationNotInterrupted", Assert.Throws<OperationException>(job.RequireResumable).ErrorId);
        Assert.Null(fixture.Workspace.Migrations.HolderOf(MigrationFixture.DomainName));
        fixture.Workspace.Receivers.Stop(fixture.Workspace.Receivers.Get("xen2"));
    }

    [Fact]
    public async Task An_interrupted_move_that_is_given_up_destroys_both_halves()
    {
        using WorkspaceFixture fixture = new();
        MigrationJob job = await fixture.InterruptAsync();
        fixture.Workspace.Migrations.GiveUp(job);
        Assert.Equal(MigrationState.Failed, job.State);
        Assert.Contains("Given up", job.Describe().Error, StringComparison.Ordinal);
        Assert.Empty(fixture.Source.GetDomains());
        Assert.Empty(fixture.Destination.GetDomains());
        Assert.Empty(fixture.Workspace.Receivers.Listening);
        OperationException again = Assert.Throws<OperationException>(() => fixture.Workspace.Migrations.GiveUp(job));
        Assert.Equal(("MigrationNotInterrupted", OperationProblem.State), (again.ErrorId, again.Problem));
    }

    [Fact]
    public async Task What_could_not_be_destroyed_when_it_was_given_up_is_said()
    {
        using WorkspaceFixture fixture = new();
        MigrationJob job = await fixture.InterruptAsync();
        for (int number = 1; number <= 3; number++)
        {
            fixture.Source.Faults.Fail(SimulatedCall.DestroySource, number, new MigrationException(MigrationErrorId.HypervisorCall, "It stays.", "Again."));
        }

        Assert.ThrowsAny<MigrationException>(() => fixture.Workspace.Migrations.GiveUp(job));
        Assert.Equal(MigrationState.Failed, job.State);
        Assert.Contains("It stays.", job.Describe().Error, StringComparison.Ordinal);
        Assert.Throws<OperationException>(() => fixture.Workspace.Migrations.Resume(job, null));
    }

    [Fact]
    public async Task Whoever_watches_hears_of_progress_and_of_steps_until_he_does_not_want_to()
    {
        using WorkspaceFixture fixture = new();
        int steps = 0;
        int heard = 0;
        MigrationJob job = fixture.Workspace.Migrations.Start(fixture.Move(), _ => Interlocked.Increment(ref heard), _ => Interlocked.Increment(ref steps));
        await job.Ended;
        Assert.True(heard > 0 && steps > 0);
        int last = 0;
        using (job.Watch(_ => last++, null))
        {
            Assert.Equal(1, last);
        }
    }

    [Fact]
    public async Task The_migrations_are_found_by_number_by_what_tells_them_from_all_others_and_by_domain()
    {
        using WorkspaceFixture fixture = new();
        MigrationJob job = await fixture.MoveAsync();
        MigrationRegistry migrations = fixture.Workspace.Migrations;
        Assert.Same(job, migrations.Get(job.Id));
        Assert.Same(job, migrations.Find(job.InstanceId));
        Assert.Null(migrations.Find(Guid.NewGuid()));
        Assert.Same(job, Assert.Single(migrations.OfDomain(MigrationFixture.DomainName)));
        OperationException none = Assert.Throws<OperationException>(() => migrations.Get(job.Id + 1));
        Assert.Equal(("MigrationNotFound", OperationProblem.NotFound, job.Id + 1), (none.ErrorId, none.Problem, none.Target));
        Assert.Contains("WEB01", Assert.Throws<OperationException>(() => migrations.OfDomain("WEB01")).Message, StringComparison.Ordinal);
        Assert.False(migrations.Uses("xen1"));
    }
}
