using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Measuring;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Tests.Operations;

namespace PreRecordMigration.Tests.Measuring;

/// <summary>A domain is moved to and fro between two simulated hosts; where it is at the end is certain, or said.</summary>
public sealed class MeasurementTests : IDisposable
{
    private readonly WorkspaceFixture _fixture = new();
    private readonly List<MeasuredRun> _told = [];

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Every_run_is_a_row_and_the_domain_is_home_again()
    {
        MigrationComparison comparison = Measurement(Options(MeasuredMethod.PostCopy, MeasuredMethod.Rollback)).Run(TestContext.Current.CancellationToken);
        Assert.Null(comparison.Stopped);
        Assert.Equal("xen1", comparison.HostName);
        Assert.Equal(_told, comparison.GetRuns());
        Assert.Equal(6, _told.Count);
        Assert.Equal(Enumerable.Range(1, 6), _told.Select(run => run.Run));
        Assert.Equal(2, _told.Count(run => run.IsWarmUp));
        Assert.All(_told, run => Assert.Null(run.Error));
        Assert.All(_told.Zip(_told.Skip(1)), pair => Assert.Equal(pair.First.HostName, pair.Second.Source));
        Assert.All(_told, run => Assert.Equal(run.Destination, run.HostName));
        Assert.All(_told, run => Assert.NotNull(run.GetOutcome()));
        Assert.All(_told, run => Assert.True(run.SourceMemoryFreed > 0 && run.Downtime > 0 && run.TotalTime >= run.Downtime));
        Assert.Contains(comparison.Summaries, summary => summary is { Figure: MeasuredFigure.Downtime, Method: MeasuredMethod.Rollback, Runs: 2 });
        Assert.Empty(_fixture.Destination.GetDomains());
        Assert.Equal(DomainState.Running, _fixture.Location.Info.State);
    }

    [Fact]
    public void An_odd_number_of_runs_ends_at_home_too()
    {
        MigrationComparison comparison = Measurement(Options(MeasuredMethod.PostCopy) with { Repeat = 1, WarmUps = 0 }).Run(TestContext.Current.CancellationToken);
        Assert.Equal(("xen1", null), (comparison.HostName, comparison.Stopped));
        Assert.Equal("xen2", Assert.Single(_told).HostName);
        Assert.Empty(_fixture.Destination.GetDomains());
    }

    [Fact]
    public void A_run_that_fails_before_the_domain_has_left_is_a_row_and_the_others_follow()
    {
        _fixture.Destination.Faults.Fail(SimulatedCall.Restore, 1);
        MigrationComparison comparison = Measurement(Options(MeasuredMethod.PostCopy)).Run(TestContext.Current.CancellationToken);
        Assert.Null(comparison.Stopped);
        Assert.Equal(1, comparison.Failures);
        Assert.NotNull(_told[0].Error);
        Assert.Equal("xen1", _told[0].HostName);
        Assert.Equal(3, _told.Count);
        Assert.Equal("xen1", comparison.HostName);
    }

    [Fact]
    public void Where_it_is_not_certain_that_the_domain_runs_nothing_more_is_done_with_it()
    {
        _fixture.Destination.Faults.Fail(SimulatedCall.Place, 20);
        MigrationComparison comparison = Measurement(Options(MeasuredMethod.PostCopy)).Run(TestContext.Current.CancellationToken);
        Assert.NotNull(comparison.Stopped);
        Assert.Contains(MigrationFixture.DomainName, comparison.Stopped, StringComparison.Ordinal);
        Assert.Contains("xen1", comparison.Stopped, StringComparison.Ordinal);
        Assert.Null(comparison.HostName);
        MeasuredRun run = Assert.Single(_told);
        Assert.NotNull(run.Error);
        Assert.Null(run.HostName);
    }

    [Fact]
    public void A_cancellation_stops_the_move_and_says_where_the_domain_is()
    {
        using CancellationTokenSource cancelling = new();
        MigrationMeasurement measurement = Measurement(Options(MeasuredMethod.PostCopy), (_, _, _) => cancelling.Cancel());
        OperationCanceledException error = Assert.ThrowsAny<OperationCanceledException>(() => measurement.Run(cancelling.Token));
        Assert.Contains("'web01' on xen1 (Running)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_simulated_domain_is_not_for_xl_and_options_must_make_sense()
    {
        Assert.Equal(MigrationErrorId.NotSupported, Assert.Throws<MigrationException>(() => Measurement(Options(MeasuredMethod.XlMigrate))).ErrorId);
        Assert.Equal(
            MigrationErrorId.InvalidOption, Assert.Throws<MigrationException>(() => Measurement(Options(MeasuredMethod.PreCopy) with { Repeat = 51 })).ErrorId);
        Assert.Equal(MigrationErrorId.InvalidOption, Assert.Throws<MigrationException>(() => Measurement(Options())).ErrorId);
    }

    [Fact]
    public void Methods_that_record_are_measured_with_each_order()
    {
        Assert.Equal(
            ["PreCopy", "Observe RecordedFirst", "Observe Auto"],
            MeasuredVariant.All([MeasuredMethod.PreCopy, MeasuredMethod.Observe, MeasuredMethod.Observe], [PageOrderStrategy.RecordedFirst, PageOrderStrategy.Auto])
                .Select(variant => variant.ToString()));
    }

    private static MeasureOptions Options(params MeasuredMethod[] methods) => new()
    {
        Variants = MeasuredVariant.All(methods, []),
        Repeat = 2,
        Settle = TimeSpan.Zero,
        Move = MigrationFixture.Move(MigrationMethod.PreRecord),
    };

    private MigrationMeasurement Measurement(MeasureOptions options, Action<int, int, MeasuredVariant>? onStep = null) => new(
        _fixture.Workspace,
        _fixture.Location,
        Destination.Parse("xen2", _fixture.Workspace),
        options,
        new MeasureWatch(_told.Add, onStep ?? ((_, _, _) => { })));
}
