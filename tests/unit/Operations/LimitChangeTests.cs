using PreRecordMigration.Errors;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;

namespace PreRecordMigration.Tests.Operations;

/// <summary>Bounds of a migration that is under way, changed by whoever has the handle.</summary>
public sealed class LimitChangeTests
{
    private static readonly LimitChange s_lift = new() { LiftsBandwidthLimit = true };

    [Fact]
    public async Task Limits_are_shown_and_changed_while_pages_are_pushed()
    {
        using WorkspaceFixture fixture = new();
        MigrationJob job = Start(fixture, MigrationMethod.PostCopy, options => options with { BandwidthLimit = 1, MaximumExposure = TimeSpan.FromDays(1) });
        MigrationInfo before = job.Describe();
        Assert.Equal((1L, null, 86_400.0), (before.BandwidthLimit, before.MaximumDowntime, before.MaximumExposure));
        job.ChangeLimits(s_lift with { MaximumExposure = TimeSpan.FromHours(1) });
        MigrationInfo after = job.Describe();
        Assert.Equal((null, 3_600.0), (after.BandwidthLimit, after.MaximumExposure));
        job.ChangeLimits(new LimitChange { LiftsMaximumExposure = true });
        Assert.Null(job.Describe().MaximumExposure);

        // A byte a second would have taken years.
        await job.Ended;
        Assert.Equal(MigrationState.Completed, job.State);
    }

    [Fact]
    public async Task A_migration_that_has_ended_has_no_limits_to_change()
    {
        using WorkspaceFixture fixture = new();
        MigrationJob job = await fixture.MoveAsync();
        OperationException refused = Assert.Throws<OperationException>(() => job.ChangeLimits(s_lift));
        Assert.Equal(("MigrationNotChangeable", OperationProblem.State, MigrationFixture.DomainName), (refused.ErrorId, refused.Problem, refused.Target));
        Assert.Contains("'web01' is wholly at 'xen2'.", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bound_that_has_nothing_to_bound_is_refused_and_none_of_the_change_holds()
    {
        using WorkspaceFixture fixture = new();
        MigrationJob job = Start(fixture, MigrationMethod.PostCopy, options => options with { BandwidthLimit = 1 });
        OperationException refused = Assert.Throws<OperationException>(() => job.ChangeLimits(s_lift with { MaximumDowntime = TimeSpan.FromSeconds(1) }));
        Assert.Equal(("NothingToBound", OperationProblem.State), (refused.ErrorId, refused.Problem));
        Assert.Contains("by PostCopy no rounds leave pages", refused.Message, StringComparison.Ordinal);
        Assert.Throws<MigrationException>(() => job.ChangeLimits(new LimitChange { BandwidthLimit = 0 }));
        Assert.Equal(1, job.Describe().BandwidthLimit);
        job.ChangeLimits(s_lift);
        await job.Ended;
    }

    [Fact]
    public async Task In_pre_copy_the_downtime_is_bounded_until_the_domain_leaves_and_there_is_no_exposure_to_bound()
    {
        using WorkspaceFixture fixture = new();
        OperationException? left = null;
        MigrationJob? job = null;
        using ManualResetEventSlim isStarted = new();
        fixture.Destination.Faults.Before(SimulatedCall.Unpause, 1, () =>
        {
            isStarted.Wait(TestContext.Current.CancellationToken);
            left = Assert.Throws<OperationException>(() => job!.ChangeLimits(new LimitChange { MaximumDowntime = TimeSpan.FromSeconds(1) }));
        });
        job = Start(fixture, MigrationMethod.PreCopy, options => options with { BandwidthLimit = 1 });
        Assert.Equal(0.3, job.Describe().MaximumDowntime);
        job.ChangeLimits(new LimitChange { MaximumDowntime = TimeSpan.FromSeconds(2) });
        Assert.Equal(2, job.Describe().MaximumDowntime);
        foreach (LimitChange change in new[] { new LimitChange { MaximumExposure = TimeSpan.FromSeconds(1) }, new LimitChange { LiftsMaximumExposure = true } })
        {
            Assert.Contains("needs both hosts for the commit's round trip alone", Assert.Throws<OperationException>(() => job.ChangeLimits(change)).Message, StringComparison.Ordinal);
        }

        isStarted.Set();
        job.ChangeLimits(s_lift);
        await job.Ended;
        Assert.Equal(MigrationState.Completed, job.State);
        Assert.Contains("'web01' has left already.", left!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_an_interrupted_migration_limits_hold_once_it_is_resumed()
    {
        using WorkspaceFixture fixture = new();
        MigrationJob job = await fixture.InterruptAsync();
        job.ChangeLimits(new LimitChange { BandwidthLimit = 1 });
        fixture.Workspace.Migrations.Resume(job, null);
        Assert.Equal(1, job.Describe().BandwidthLimit);
        job.ChangeLimits(s_lift);
        await job.Ended;
        Assert.Equal(MigrationState.Completed, job.State);
    }

    [Fact]
    public async Task What_is_not_kept_is_told_to_whoever_watches_and_to_whoever_comes_later_and_shown()
    {
        using WorkspaceFixture fixture = new();
        List<string> heard = [];
        PlannedMove move = fixture.Move();
        MigrationJob job = fixture.Workspace.Migrations.Start(
            move with { Options = move.Options with { BandwidthLimit = 1, MaximumExposure = TimeSpan.FromTicks(1) } },
            null,
            null,
            warning => heard.Add(warning.Message));
        await job.Ended;
        Assert.Contains("is lifted", Assert.Single(heard), StringComparison.Ordinal);
        List<string> later = [];
        job.Watch(_ => { }, null, warning => later.Add(warning.Message)).Dispose();
        Assert.Equal(heard, later);
        Assert.Equal(heard, job.Describe().Warnings);
        Assert.Equal(heard, Assert.Single(BoardWord.Read(BoardWord.Write(fixture.Workspace)).Migrations).Warnings);
    }

    private static MigrationJob Start(WorkspaceFixture fixture, MigrationMethod method, Func<MigrationOptions, MigrationOptions> with)
    {
        PlannedMove move = fixture.Move(method);
        return fixture.Workspace.Migrations.Start(move with { Options = with(move.Options) });
    }
}
