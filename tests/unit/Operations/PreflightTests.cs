using PreRecordMigration.Errors;
using PreRecordMigration.Estimates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Tests.Methods;

namespace PreRecordMigration.Tests.Operations;

/// <summary>What is known to be impossible is refused before anything is touched, and a report tells it all.</summary>
public sealed class PreflightTests
{
    private static readonly LinkSpeed s_link = new(LinkDefaults.BytesPerSecond, LinkDefaults.RoundTrip);

    [Theory]
    [InlineData(MigrationMethod.PreCopy, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe)]
    [InlineData(MigrationMethod.Hybrid, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Rollback)]
    public void Nothing_stands_against_a_move_between_hosts_that_can_everything(MigrationMethod method, RecordingMode mode)
    {
        using WorkspaceFixture fixture = new();
        Preflight.Move(fixture.Move() with { Options = MigrationFixture.Move(method, mode) });
        Preflight.Recording(fixture.Location, MigrationFixture.Move(MigrationMethod.PreRecord, mode));
        Assert.Null(Preflight.WhyNotRecorded(fixture.Location, MigrationFixture.Move(MigrationMethod.PreRecord, mode)));
    }

    public static TheoryData<string, SimulatedHostOptions, bool, MigrationMethod, RecordingMode> Lacks => new()
    {
        { "no dirty tracking", new SimulatedHostOptions { SupportsDirtyTracking = false }, true, MigrationMethod.PreCopy, RecordingMode.Observe },
        { "no dirty tracking", new SimulatedHostOptions { SupportsDirtyTracking = false }, true, MigrationMethod.Hybrid, RecordingMode.Observe },
        { "no RemotePF", new SimulatedHostOptions { SupportsRemotePF = false }, false, MigrationMethod.Hybrid, RecordingMode.Observe },
        { "no recording", new SimulatedHostOptions { SupportsRecording = false }, true, MigrationMethod.PreRecord, RecordingMode.Observe },
        { "no rollback", new SimulatedHostOptions { SupportsRollback = false }, true, MigrationMethod.PreRecord, RecordingMode.Rollback },
        { "no isolation", new SimulatedHostOptions { SupportsOutputIsolation = false }, true, MigrationMethod.PreRecord, RecordingMode.Rollback },
        { "no RemotePF", new SimulatedHostOptions { SupportsRemotePF = false }, false, MigrationMethod.PostCopy, RecordingMode.Observe },
    };

    [Theory]
    [MemberData(nameof(Lacks))]
    public void What_a_host_lacks_stands_against_the_methods_that_need_it(
        string what, SimulatedHostOptions lacking, bool isOfSource, MigrationMethod method, RecordingMode mode)
    {
        using WorkspaceFixture fixture = new();
        using SimulatedHost host = new("lacking", lacking);
        fixture.Workspace.Hosts.Add(host);
        PlannedMove move = isOfSource
            ? Moving(fixture, host)
            : fixture.Move() with { Destination = Destination.Parse("lacking", fixture.Workspace) };
        MigrationException refused = Assert.Throws<MigrationException>(
            () => Preflight.Move(move with { Options = MigrationFixture.Move(method, mode) }));
        Assert.True(refused.ErrorId == MigrationErrorId.NotSupported, what);
        MigrationReport report = MoveReport.OfSample(
            move.Location, move.Destination, MigrationFixture.Move(method, mode), s_link, null, null, TestContext.Current.CancellationToken);
        MigrationIncompatibility problem = Assert.Single(report.Incompatibilities, problem => problem.Message == refused.Message);
        Assert.Contains(method.ToString(), problem.Methods, StringComparison.Ordinal);
        Assert.IsType<MigrationHostCapability>(problem.GetTarget());
        Assert.True(report.IsPossible);
    }

    /// <summary>A domain as one with an emulated graphics card: it moves, but nothing of it is trapped.</summary>
    [Fact]
    public void A_domain_that_cannot_be_trapped_moves_by_what_traps_nothing_and_by_nothing_else()
    {
        using WorkspaceFixture fixture = new();
        using SimulatedHost behind = new("shown");
        using UntrappableHost host = new(behind);
        fixture.Workspace.Hosts.Add(host);
        behind.CreateDomain(MigrationFixture.Options() with { Name = "web02" });
        PlannedMove move = fixture.Move() with { Location = DomainLocation.Find("web02", host) };

        MigrationReport report = MoveReport.OfSample(
            move.Location, move.Destination, MigrationFixture.Move(MigrationMethod.PreCopy), s_link, null, null, TestContext.Current.CancellationToken);
        MigrationIncompatibility problem = Assert.Single(report.Incompatibilities);
        Assert.Equal("PostCopy, Hybrid, PreRecord Observe, PreRecord Rollback", problem.Methods);
        Assert.Equal(MigrationMethod.PreCopy, Assert.Single(report.Expected).Method);

        Preflight.Move(move with { Options = MigrationFixture.Move(MigrationMethod.PreCopy) });
        Preflight.Move(move with { Options = MigrationFixture.Move(MigrationMethod.PostCopy) with { RemotePF = false } });
        Assert.Equal(
            UntrappableHost.Reason,
            Assert.Throws<MigrationException>(() => Preflight.Move(move with { Options = MigrationFixture.Move(MigrationMethod.PostCopy) })).Message);
        Assert.Throws<MigrationException>(() => Preflight.Recording(move.Location, MigrationFixture.Move(MigrationMethod.PreRecord, RecordingMode.Observe)));
    }

    [Fact]
    public void A_name_that_is_taken_or_memory_that_is_missing_or_somebody_elses_domain_is_refused()
    {
        using WorkspaceFixture fixture = new();
        PlannedMove move = fixture.Move();
        fixture.Destination.CreateDomain(MigrationFixture.Options());
        Assert.Equal(MigrationErrorId.DomainExists, Assert.Throws<MigrationException>(() => Preflight.Move(move)).ErrorId);

        using SimulatedHost small = new("small", new SimulatedHostOptions { MemoryBytes = 8L << 20 });
        fixture.Workspace.Hosts.Add(small);
        MigrationException missing = Assert.Throws<MigrationException>(
            () => Preflight.Move(move with { Destination = Destination.Parse("small", fixture.Workspace) }));
        Assert.Equal((MigrationErrorId.OutOfMemory, "small"), (missing.ErrorId, missing.Target));

        using ISourceDomain busy = fixture.Source.OpenSource(MigrationFixture.DomainName);
        Assert.Equal(MigrationErrorId.DomainBusy, Assert.Throws<MigrationException>(() => Preflight.Move(move)).ErrorId);
    }

    [Fact]
    public void A_simulated_host_is_no_destination_of_its_own_domains()
    {
        using WorkspaceFixture fixture = new();
        PlannedMove move = fixture.Move() with { Destination = Destination.Parse("xen1", fixture.Workspace) };
        OperationException refused = Assert.Throws<OperationException>(() => Preflight.Move(move));
        Assert.Equal(("DestinationIsSource", OperationProblem.Argument), (refused.ErrorId, refused.Problem));
    }

    [Fact]
    public void An_exposure_above_the_limit_is_refused_by_what_a_sample_said_or_else_by_size()
    {
        using WorkspaceFixture fixture = new();
        PlannedMove move = fixture.Move();
        MigrationReport bySize = MoveReport.OfPlan(move, s_link);
        TimeSpan exposure = TimeSpan.FromSeconds(Assert.Single(bySize.Estimates).Exposure);
        Assert.True(exposure > TimeSpan.Zero);
        Preflight.Exposure(move, bySize, null);
        Preflight.Exposure(move, bySize, exposure + TimeSpan.FromMilliseconds(1));
        OperationException refused = Assert.Throws<OperationException>(() => Preflight.Exposure(move, bySize, exposure / 2));
        Assert.Equal(("ExposureTooLong", OperationProblem.Limit), (refused.ErrorId, refused.Problem));

        MigrationReport sampled = MigrationReport.OfCopy(
            "web01",
            "xen1",
            "xen2",
            [
                new MigrationEstimate
                {
                    Method = MigrationMethod.PostCopy,
                    TotalTime = TimeSpan.Zero,
                    Downtime = TimeSpan.Zero,
                    Exposure = exposure / 4,
                    BytesSent = 0,
                },
            ],
            null,
            0,
            s_link);
        Preflight.Exposure(move with { Report = sampled }, bySize, exposure / 2);
    }

    [Theory]
    [InlineData(RecordingModeChoice.Rollback, RecordingMode.Rollback)]
    [InlineData(RecordingModeChoice.Observe, RecordingMode.Observe)]
    public void A_mode_that_was_given_is_taken_without_a_reason(RecordingModeChoice choice, RecordingMode mode)
    {
        using WorkspaceFixture fixture = new();
        ModeDecision decision = ModeDecision.Make(choice, fixture.Location, MigrationFixture.Move(MigrationMethod.PreRecord), null);
        Assert.Equal((mode, null), (decision.Options.Mode, decision.Reason));
    }

    [Fact]
    public void A_mode_that_is_chosen_comes_with_its_reason_and_is_one_that_is_possible()
    {
        using WorkspaceFixture fixture = new();
        using SimulatedHost host = new("lacking", new SimulatedHostOptions { SupportsRollback = false });
        fixture.Workspace.Hosts.Add(host);
        ModeDecision decision = ModeDecision.Make(
            RecordingModeChoice.Auto, Moving(fixture, host).Location, MigrationFixture.Move(MigrationMethod.PreRecord), null);
        Assert.Equal(RecordingMode.Observe, decision.Options.Mode);
        Assert.NotEmpty(decision.Reason!);
        Assert.Null(ModeDecision.Make(RecordingModeChoice.Auto, fixture.Location, MigrationFixture.Move(MigrationMethod.PreCopy), null).Reason);
    }

    private sealed class UntrappableHost(SimulatedHost host) : ForwardingHost(host)
    {
        internal const string Reason = "it has a screen";

        public override void RequireTrappable(string name) => throw new MigrationException(MigrationErrorId.NotSupported, Reason, "Move it by pre-copy.", name);
    }

    private static PlannedMove Moving(WorkspaceFixture fixture, SimulatedHost host)
    {
        SimulatedDomainOptions options = MigrationFixture.Options() with { Name = "web02" };
        host.CreateDomain(options);
        return fixture.Move() with { Location = DomainLocation.Find(options.Name, host) };
    }
}
