using System.Net;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Whole migrations of simulated domains over real sockets with real threads.</summary>
public sealed class MigrationTests
{
    public static TheoryData<MigrationMethod, RecordingMode, GuestWorkloadKind, int> Moves
    {
        get
        {
            TheoryData<MigrationMethod, RecordingMode, GuestWorkloadKind, int> moves = [];
            foreach (GuestWorkloadKind workload in (GuestWorkloadKind[])
                [GuestWorkloadKind.Sequential, GuestWorkloadKind.HotSet, GuestWorkloadKind.ManyProcesses])
            {
                foreach (int vcpus in (int[])[1, 2])
                {
                    moves.Add(MigrationMethod.PreCopy, RecordingMode.Observe, workload, vcpus);
                    moves.Add(MigrationMethod.PostCopy, RecordingMode.Observe, workload, vcpus);
                    moves.Add(MigrationMethod.Hybrid, RecordingMode.Observe, workload, vcpus);
                    moves.Add(MigrationMethod.PreRecord, RecordingMode.Observe, workload, vcpus);
                    moves.Add(MigrationMethod.PreRecord, RecordingMode.Rollback, workload, vcpus);
                }
            }

            return moves;
        }
    }

    [Theory]
    [MemberData(nameof(Moves))]
    public async Task A_moved_domain_equals_one_that_never_moved_to_the_byte(
        MigrationMethod method, RecordingMode mode, GuestWorkloadKind workload, int vcpus)
    {
        await using MigrationFixture fixture = new(
            MigrationFixture.Options() with { Workload = workload, VcpuCount = vcpus, ProcessCount = 6, FreeRunning = method is MigrationMethod.PreCopy or MigrationMethod.Hybrid });
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(method, mode));
        await fixture.CheckMovedAsync();

        Assert.Equal(method, result.Method);
        Assert.True(result.PageTablePages > 0);
        Assert.True(result.CorePages >= result.PageTablePages);
        Assert.True(result.Exposure < result.TotalTime);
        Assert.InRange(result.PagesPushed + result.PagesDemanded + result.CorePages, fixture.Domain.PopulatedPages.Count, long.MaxValue);
        bool isRollback = method == MigrationMethod.PreRecord && mode == RecordingMode.Rollback;
        Assert.Equal(isRollback, result.RollbackProof?.IsProved ?? false);
        Assert.Equal(isRollback, result.BackedUpPages > 0);
        Assert.Equal(method == MigrationMethod.PreRecord, result.RecordedPages > 0);
        if (method == MigrationMethod.PreCopy)
        {
            Assert.Equal(0, result.RemoteFaults);
        }
    }

    [Theory]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Rollback)]
    public async Task What_an_emulator_touches_while_the_core_state_is_restored_comes_at_once(MigrationMethod method, RecordingMode mode)
    {
        await using MigrationFixture fixture = new();
        TouchingHost touching = new(fixture.Destination);
        await using MigrationReceiver receiver = MigrationReceiver.Start(touching, new IPEndPoint(IPAddress.Loopback, 0));
        MigrationResult result = await MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName), Route.Loopback(receiver.Endpoint), MigrationFixture.Move(method, mode), null,
            TestContext.Current.CancellationToken);
        using IncomingMigration incoming = Assert.Single(receiver.Incoming);
        await incoming.Ended;

        Assert.InRange(touching.Touched, 0, int.MaxValue);
        Assert.True(result.RemoteFaults > 0);
        fixture.CheckRunsOn(fixture.Destination.GetDomain(MigrationFixture.DomainName));
    }

    [Theory]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe)]
    [InlineData(MigrationMethod.Hybrid, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Rollback)]
    public async Task With_RemotePF_off_every_page_travels_before_the_domain_runs(MigrationMethod method, RecordingMode mode)
    {
        await using MigrationFixture fixture = new();
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(method, mode) with { RemotePF = false });
        await fixture.CheckMovedAsync();
        Assert.Equal(0, result.RemoteFaults);
        Assert.Equal(0, fixture.Destination.GetDomain(MigrationFixture.DomainName).MissingPageFaults);
    }

    [Theory]
    [InlineData(RecordingMode.Observe)]
    [InlineData(RecordingMode.Rollback)]
    public async Task A_recording_made_before_can_be_moved_later(RecordingMode mode)
    {
        await using MigrationFixture fixture = new();
        MigrationOptions options = MigrationFixture.Move(MigrationMethod.PreRecord, mode);
        PreRecordSession session = PreRecordSession.Record(
            fixture.Source.OpenSource(MigrationFixture.DomainName), options, null, CancellationToken.None);
        Assert.Equal(mode == RecordingMode.Rollback ? DomainState.Paused : DomainState.Running, fixture.Domain.State);
        Assert.Equal(4, session.Trajectory.EpochCount);
        MigrationResult result = await MigrationSource.MigrateAsync(
            session, fixture.Route, options, null, CancellationToken.None);
        await fixture.CheckMovedAsync();
        Assert.Equal(session.RecordedPages, result.RecordedPages);
    }

    [Fact]
    public async Task A_recording_that_is_thrown_away_leaves_the_domain_running_as_if_nothing_had_been()
    {
        await using MigrationFixture fixture = new();
        PreRecordSession.Record(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            MigrationFixture.Move(MigrationMethod.PreRecord),
            null,
            CancellationToken.None).Dispose();
        await fixture.CheckStayedAsync();
    }

    [Theory]
    [InlineData(RecordingMode.Observe)]
    [InlineData(RecordingMode.Rollback)]
    public async Task Recorded_pages_are_pushed_before_the_rest_and_in_Rollback_in_the_order_of_their_first_touch(RecordingMode mode)
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { Workload = GuestWorkloadKind.HotSet });
        MigrationOptions options = MigrationFixture.Move(MigrationMethod.PreRecord, mode);
        PreRecordSession session = PreRecordSession.Record(
            fixture.Source.OpenSource(MigrationFixture.DomainName), options, null, CancellationToken.None);
        int[] recorded = session.Trajectory.PagesByFirstTouch();
        PageBitmap populated = fixture.Domain.PopulatedPages;

        using ScriptedDestination destination = new();
        MigrationResult result = await MigrationSource.MigrateAsync(
            session, Route.Loopback(destination.Endpoint), options, null, CancellationToken.None);
        (int[] core, int[] pushed) = await destination.Received;
        int[] first = [.. recorded.Except(core)];
        if (mode == RecordingMode.Rollback)
        {
            Assert.Equal(first, pushed.Take(first.Length));
        }

        // In Observe how often and how lately they were used decides, and a better order takes over when it is ready.
        Assert.Equal(first.Order(), pushed.Take(first.Length).Order());
        Assert.Equal(populated.Pfns().Except(core).Except(first), pushed.Skip(first.Length).Order());
        Assert.Equal(result.PageTablePages, destination.Core!.PageTablePageCount);
        Assert.Equal(pushed.Length, result.PagesPushed);
        Assert.Equal(7, result.RemoteFaults);
    }

    [Fact]
    public async Task Progress_names_every_phase_and_never_runs_backwards()
    {
        await using MigrationFixture fixture = new();
        List<MigrationProgress> reports = [];
        await MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            fixture.Route,
            MigrationFixture.Move(MigrationMethod.PreRecord),
            new Collector(reports),
            CancellationToken.None);
        Assert.Equal(
            [MigrationPhase.Prepare, MigrationPhase.Checkpoint, MigrationPhase.Prove, MigrationPhase.Record, MigrationPhase.Handover, MigrationPhase.Push, MigrationPhase.Finish],
            reports.Select(report => report.Phase).Distinct());
        Assert.All(reports, report => Assert.InRange(report.PagesDone, 0, report.PagesTotal));
    }

    [Theory]
    [InlineData(RollbackProofKind.Witness)]
    [InlineData(RollbackProofKind.Full)]
    public async Task The_proof_of_a_rollback_reports_every_page_that_it_hashes(RollbackProofKind kind)
    {
        await using MigrationFixture fixture = new();
        List<MigrationProgress> reports = [];
        MigrationOptions options = MigrationFixture.Move(MigrationMethod.PreRecord) with { RollbackProof = kind };
        int total = kind == RollbackProofKind.Full ? fixture.Domain.PopulatedPages.Count : options.ProofSamplePages;
        using PreRecordSession session = PreRecordSession.Record(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            options,
            new Collector(reports),
            TestContext.Current.CancellationToken);
        List<long> hashed = [.. reports.Where(report => report.Phase == MigrationPhase.Prove).Select(report => report.PagesDone)];
        Assert.All(reports.Where(report => report.Phase == MigrationPhase.Prove), report => Assert.Equal(total, report.PagesTotal));

        // At the checkpoint, and again after the window: from none to all, never backwards.
        int second = hashed.LastIndexOf(0);
        Assert.True(second > 0);
        foreach (List<long> pass in (List<long>[])[hashed[..second], hashed[second..]])
        {
            Assert.Equal(0, pass[0]);
            Assert.Equal(total, pass[^1]);
            Assert.Equal(pass.Order(), pass);
        }
    }

    private sealed class Collector(List<MigrationProgress> reports) : IProgress<MigrationProgress>
    {
        public void Report(MigrationProgress value) => reports.Add(value);
    }
}
