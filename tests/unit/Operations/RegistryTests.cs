using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Operations;

/// <summary>What a process lists: its hosts, receivers and recordings.</summary>
public sealed class RegistryTests
{
    [Fact]
    public void A_host_is_found_in_any_case_and_its_name_is_taken()
    {
        using WorkspaceFixture fixture = new();
        HostRegistry hosts = fixture.Workspace.Hosts;
        Assert.Same(fixture.Source, hosts.Get("XEN1"));
        Assert.True(hosts.Contains("Xen1") && hosts.Contains(LocalXen.HostName) && !hosts.Contains("nowhere"));
        Assert.Equal(["xen1", "xen2"], hosts.Names);
        using SimulatedHost other = new("Xen1");
        AssertRefused("HostExists", OperationProblem.Exists, "Xen1", () => hosts.Add(other));
        AssertRefused("HostExists", OperationProblem.Exists, "XEN2", () => hosts.RequireFree("XEN2"));
        MigrationException none = Assert.Throws<MigrationException>(() => hosts.Get("nowhere"));
        Assert.Equal((MigrationErrorId.HostNotFound, "nowhere"), (none.ErrorId, none.Target));
        hosts.Remove("XEN2");
        Assert.Equal(["xen1"], hosts.Names);
    }

    [Fact]
    public void Another_machine_is_a_destination_and_nothing_else()
    {
        using WorkspaceFixture fixture = new();
        HostRegistry hosts = fixture.Workspace.Hosts;
        RemoteHost far = new("far", Route.Ssh("root@far", 7000), "ssh");
        hosts.Add(far);
        Assert.True(hosts.TryGetRemote("FAR", out RemoteHost found));
        Assert.Same(far, found);
        Assert.False(hosts.Contains("far"));
        Assert.Equal(("far", far.Route.Address, null), (found.Describe().Name, found.Describe().Address, found.Describe().DomainCount));
        AssertRefused("HostIsRemote", OperationProblem.State, "far", () => hosts.Get("far"));
        AssertRefused("HostExists", OperationProblem.Exists, "Far", () => hosts.Add(far with { Name = "Far" }));
        AssertRefused("HostExists", OperationProblem.Exists, LocalXen.HostName, () => hosts.Add(far with { Name = LocalXen.HostName }));
        hosts.Remove("far");
        Assert.Empty(hosts.AllRemote);
    }

    [Fact]
    public async Task A_host_has_one_receiver_and_is_in_use_as_long_as_it_has_it()
    {
        using WorkspaceFixture fixture = new();
        ReceiverRegistry receivers = fixture.Workspace.Receivers;
        AssertRefused("ReceiverNotFound", OperationProblem.NotFound, "xen2", () => receivers.Get("xen2"));
        Assert.Null(fixture.Workspace.Describe(fixture.Destination).Receiver);
        MigrationReceiver receiver = Start(fixture);
        Assert.Same(receiver, receivers.Get("XEN2"));
        Assert.True(receivers.IsListed(receiver));
        Assert.Equal(receiver.Endpoint.ToString(), fixture.Workspace.Describe(fixture.Destination).Receiver);
        AssertRefused("ReceiverExists", OperationProblem.Exists, "xen2", () => Start(fixture));
        AssertRefused("HostBusy", OperationProblem.Busy, "xen2", () => fixture.Workspace.RequireUnused("xen2"));
        MigrationJob job = await fixture.MoveAsync();
        Assert.Equal(MigrationState.Completed, job.State);
        Assert.Equal(MigrationFixture.DomainName, Assert.Single(MigrationReceiverInfo.Of(receiver).Incoming).Name);
        receivers.Stop(receiver);
        Assert.Empty(receivers.All);
        fixture.Workspace.RequireUnused("xen2");
    }

    [Fact]
    public async Task A_receiver_that_keeps_a_domain_is_not_stopped_without_a_word()
    {
        using WorkspaceFixture fixture = new();
        MigrationReceiver receiver = Start(fixture);
        await fixture.InterruptAsync();
        IncomingMigration incoming = Assert.Single(receiver.Incoming);
        await incoming.Ended;
        AssertRefused(
            "ReceiverHoldsDomains", OperationProblem.Busy, "xen2", () => ReceiverRegistry.RequireNothingKept("xen2", [incoming]));
        ReceiverRegistry.RequireNothingKept("xen2", []);
        fixture.Workspace.Receivers.Stop(receiver);
        Assert.Empty(fixture.Destination.GetDomains());
    }

    [Theory]
    [InlineData(RecordingMode.Observe, PreRecordState.HoldsRunning)]
    [InlineData(RecordingMode.Rollback, PreRecordState.HoldsPaused)]
    public void A_recording_is_held_until_it_is_taken_once(RecordingMode mode, PreRecordState state)
    {
        using WorkspaceFixture fixture = new();
        RecordingRegistry recordings = fixture.Workspace.Recordings;
        LiveRecording held = fixture.Record(mode);
        Assert.Equal(state, held.Snapshot.State);
        Assert.Null(held.Snapshot.GetPreview());
        Assert.True(held.Snapshot.RecordedPages > 0);
        Assert.Same(held, recordings.Require(held.Snapshot));
        Assert.Same(held.Snapshot, recordings.HolderOf(MigrationFixture.DomainName));
        Assert.Contains("Stop-PreRecord", fixture.Workspace.RemedyFor(Busy()), StringComparison.Ordinal);
        AssertRefused("HostBusy", OperationProblem.Busy, "xen1", () => fixture.Workspace.RequireUnused("xen1"));
        using (PreRecordSession session = recordings.Take(held.Snapshot))
        {
            Assert.Equal(MigrationFixture.DomainName, session.Info.Name);
        }

        Assert.Equal(DomainState.Running, fixture.Domain.State);
        AssertRefused("RecordingNotHeld", OperationProblem.NotFound, MigrationFixture.DomainName, () => recordings.Take(held.Snapshot));
        Assert.Equal("Again.", fixture.Workspace.RemedyFor(Busy()));
    }

    [Fact]
    public void A_recording_whose_time_is_over_is_discarded()
    {
        using WorkspaceFixture fixture = new();
        LiveRecording held = fixture.Record(RecordingMode.Rollback, TimeSpan.FromMilliseconds(1));
        SpinWait.SpinUntil(() => fixture.Domain.State == DomainState.Running, TimeSpan.FromSeconds(30));
        Assert.Equal(DomainState.Running, fixture.Domain.State);
        Assert.False(held.Discard());
        Assert.Null(fixture.Workspace.Recordings.HeldOf(held.Snapshot));
    }

    [Theory]
    [InlineData(true, false, true, true)]
    [InlineData(false, true, false, true)]
    [InlineData(false, true, true, false)]
    [InlineData(false, false, false, false)]
    public void A_recording_that_is_refused_goes_where_nobody_else_has_it_or_its_move_is_impossible(
        bool isWithItsMaker, bool isMove, bool isMistake, bool goes)
    {
        using WorkspaceFixture fixture = new();
        LiveRecording held = fixture.Record(isWithItsMaker: isWithItsMaker);
        Assert.Equal(goes, fixture.Workspace.Recordings.LetGoRefused(held.Snapshot, isMove, isMistake));
        Assert.Equal(goes, fixture.Workspace.Recordings.All.Count == 0);
        Assert.Equal(isWithItsMaker && !goes, fixture.Workspace.Recordings.LetGoDeclined(held.Snapshot));
        held.Discard();
    }

    [Fact]
    public void Why_a_recording_was_not_discarded_well_is_kept_for_the_next_who_asks()
    {
        using WorkspaceFixture fixture = new();
        LiveRecording held = fixture.Record();
        fixture.Workspace.Recordings.NoteFailure(held, Busy());
        held.Discard();
        Assert.IsType<MigrationException>(fixture.Workspace.Recordings.FailureOf(held));
        OperationException failed = Assert.Throws<OperationException>(() => fixture.Workspace.Recordings.Require(held.Snapshot));
        Assert.Equal(("DiscardFailed", OperationProblem.Result, "Again."), (failed.ErrorId, failed.Problem, failed.Remedy));
    }

    [Fact]
    public void What_was_only_planned_or_read_from_a_file_is_not_held()
    {
        using WorkspaceFixture fixture = new();
        RecordingRegistry recordings = fixture.Workspace.Recordings;
        PreRecord planned = PreRecord.Planned(
            new RecordingPlan(fixture.Location, MigrationFixture.Move(MigrationMethod.PreRecord)), "a reason", TimeSpan.FromMinutes(2), "me");
        Assert.Equal((PreRecordState.Preview, 0, "a reason"), (planned.State, planned.RecordedPages, planned.ModeReason));
        AssertRefused("RecordingPreview", OperationProblem.State, planned.Name, () => recordings.Require(planned));
        AssertRefused("RecordingPreview", OperationProblem.State, planned.Name, () => RecordingRegistry.RequireRecorded(planned));
        LiveRecording held = fixture.Record();
        PreRecord read = PreRecordDocument.Read("web.prerecord", PreRecordDocument.Of(held.Snapshot));
        Assert.Equal((held.Snapshot.Name, held.Snapshot.HostName, held.Snapshot.Window), (read.Name, read.HostName, read.Window));
        Assert.Equal(held.Snapshot.GetTrajectory().Count, read.GetTrajectory().Count);
        AssertRefused("RecordingImported", OperationProblem.State, read.Name, () => recordings.Require(read));
        held.Discard();
    }

    [Fact]
    public void A_domain_that_is_not_held_here_is_said_to_be_held_elsewhere_where_it_is()
    {
        using WorkspaceFixture fixture = new();
        Assert.Equal(OperationProblem.NotFound, fixture.Workspace.Recordings.NoneOf(MigrationFixture.DomainName).Problem);
        using ISourceDomain busy = fixture.Source.OpenSource(MigrationFixture.DomainName);
        OperationException elsewhere = fixture.Workspace.Recordings.NoneOf(MigrationFixture.DomainName);
        Assert.Equal(("RecordingOfDomainNotFound", OperationProblem.Busy), (elsewhere.ErrorId, elsewhere.Problem));
    }

    [Fact]
    public async Task A_recording_moves_its_domain_and_is_held_no_more()
    {
        using WorkspaceFixture fixture = new();
        LiveRecording held = fixture.Record(RecordingMode.Rollback);
        MigrationJob job = fixture.Workspace.Migrations.Start(fixture.Move(MigrationMethod.PreRecord, held.Snapshot));
        await job.Ended;
        Assert.Equal(MigrationState.Completed, job.State);
        Assert.Empty(fixture.Workspace.Recordings.All);
        AssertRefused(
            "RecordingNotHeld",
            OperationProblem.NotFound,
            MigrationFixture.DomainName,
            () => fixture.Workspace.Migrations.Start(new PlannedMove(job.Location, job.Destination, MigrationFixture.Move(MigrationMethod.PreRecord), held.Snapshot)));
    }

    private static MigrationReceiver Start(WorkspaceFixture fixture) => fixture.Workspace.Receivers.Start(
        fixture.Destination, new IPEndPoint(IPAddress.Loopback, 0), null, PeerTimeout.Minimum);

    private static MigrationException Busy() => new(MigrationErrorId.DomainBusy, "Busy.", "Again.", MigrationFixture.DomainName);

    private static void AssertRefused(string errorId, OperationProblem problem, object? target, Action action)
    {
        OperationException refused = Assert.Throws<OperationException>(action);
        Assert.Equal((errorId, problem, target), (refused.ErrorId, refused.Problem, refused.Target));
        Assert.NotEmpty(refused.Message);
        Assert.NotEmpty(refused.Remedy);
    }
}
