using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Rounds while the domain runs, and what they leave after it has moved. The guests run where a test lets them.</summary>
public sealed class HybridTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;
    private static readonly MigrationOptions s_hybrid = MigrationFixture.Move(MigrationMethod.Hybrid);

    [Fact]
    public async Task What_was_written_after_its_round_is_all_that_is_missing_at_the_commit()
    {
        await using MigrationFixture fixture = new();
        WriteBefore(fixture, SimulatedCall.Suspend, 1, 5_000);
        MigrationResult result = await fixture.MigrateAsync(s_hybrid);
        await fixture.CheckMovedAsync();

        int pages = fixture.Domain.PopulatedPages.Count;
        Assert.Equal((1, pages), (result.Rounds, result.PagesBeforeCommit));
        Assert.InRange(result.PagesLeftAtCommit, 65, pages / 2);
        CheckSentAfterwards(result, result.PagesLeftAtCommit);
        Assert.Equal(
            [MigrationPhase.Prepare, MigrationPhase.Rounds, MigrationPhase.Handover, MigrationPhase.Push, MigrationPhase.Finish],
            result.Phases.Select(phase => phase.Phase));
    }

    [Fact]
    public async Task A_domain_that_writes_nothing_needs_its_source_no_more_when_it_runs()
    {
        await using MigrationFixture fixture = new();
        MigrationResult result = await fixture.MigrateAsync(s_hybrid);
        await fixture.CheckMovedAsync();
        Assert.Equal((0, 0L), (result.PagesLeftAtCommit, result.RemoteFaults));
    }

    [Fact]
    public async Task Rounds_end_although_the_guest_writes_for_ever()
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { Workload = GuestWorkloadKind.HotSet, StopAtOperations = 300_000 });
        for (int look = 1; look < 100; look++)
        {
            WriteBefore(fixture, SimulatedCall.Collect, look, 2_000);
        }

        List<MigrationTrace> steps = [];
        MigrationResult result = await fixture.MigrateAsync(s_hybrid with { Trace = new Collector(steps) });
        await fixture.CheckMovedAsync();
        Assert.InRange(result.Rounds, 2, s_hybrid.MaximumRounds);
        Assert.InRange(result.PagesLeftAtCommit, 1, fixture.Domain.PopulatedPages.Count);

        // It was not the limit that ended them: the last round left nearly as much as it sent.
        Assert.True(result.Rounds < s_hybrid.MaximumRounds, string.Join('\n', steps.Where(step => step.Name.StartsWith("round", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task Of_pages_that_are_left_those_that_were_written_last_go_first()
    {
        await using MigrationFixture fixture = new();
        using ScriptedDestination destination = new();
        PageBitmap early = WrittenBy(fixture, SimulatedCall.Collect, 8, 400);
        PageBitmap late = WrittenBy(fixture, SimulatedCall.Suspend, 1, 100);
        MigrationResult result = await MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName), Route.Loopback(destination.Endpoint), s_hybrid with { MaximumRounds = 1 }, null, s_cancel);
        (int[] core, int[] pushed) = await destination.Received;

        Assert.Equal(fixture.Domain.PopulatedPages.Pfns(), pushed.Take((int)result.PagesBeforeCommit));
        int[] rest = [.. pushed.Skip((int)result.PagesBeforeCommit)];
        Assert.Equal(destination.Rest!.Pfns(), rest.Order());
        Assert.Empty(rest.Intersect(core));
        int[] last = [.. rest.Where(pfn => late[pfn])];
        Assert.NotEmpty(last);
        Assert.Contains(rest, pfn => early[pfn] && !late[pfn]);
        Assert.Equal(last.Order(), rest.Take(last.Length).Order());
    }

    /// <summary>What is written to a page before its turn in a round is sent with it, and not again.</summary>
    [Fact]
    public async Task A_page_that_was_written_before_its_turn_in_a_round_is_not_left()
    {
        await using MigrationFixture fixture = new();
        WriteBefore(fixture, SimulatedCall.Collect, 1, 5_000);
        MigrationResult early = await fixture.MigrateAsync(s_hybrid with { MaximumRounds = 1 });
        await fixture.CheckMovedAsync();

        await using MigrationFixture other = new();
        WriteBefore(other, SimulatedCall.Collect, 8, 5_000);
        MigrationResult late = await other.MigrateAsync(s_hybrid with { MaximumRounds = 1 });
        await other.CheckMovedAsync();
        Assert.True(early.PagesLeftAtCommit < late.PagesLeftAtCommit, $"{early.PagesLeftAtCommit} and {late.PagesLeftAtCommit} pages were left.");
    }

    [Fact]
    public async Task A_destination_that_cannot_serve_faults_says_so_before_a_page_travels()
    {
        await using MigrationFixture fixture = new(destination: new SimulatedHostOptions { SupportsRemotePF = false });
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => fixture.MigrateAsync(s_hybrid));
        Assert.Equal(MigrationErrorId.NotSupported, error.ErrorId);
        Assert.Equal(0, fixture.Source.Faults.CountOf(SimulatedCall.StartDirtyTracking));
        await fixture.CheckStayedAsync();
    }

    [Theory]
    [InlineData(SimulatedCall.StartDirtyTracking)]
    [InlineData(SimulatedCall.Collect)]
    [InlineData(SimulatedCall.Read)]
    [InlineData(SimulatedCall.Suspend)]
    [InlineData(SimulatedCall.CaptureCoreState)]
    public async Task What_fails_at_the_source_before_the_commit_leaves_the_domain_there(SimulatedCall call)
    {
        await using MigrationFixture fixture = new();
        fixture.Source.Faults.Fail(call);
        await Assert.ThrowsAsync<MigrationException>(() => fixture.MigrateAsync(s_hybrid));
        await fixture.CheckStayedAsync();
    }

    [Theory]
    [InlineData(SimulatedCall.EnableRemotePF)]
    [InlineData(SimulatedCall.Write)]
    [InlineData(SimulatedCall.TakeAway)]
    [InlineData(SimulatedCall.Restore)]
    public async Task What_fails_at_the_destination_before_the_commit_leaves_the_domain_at_its_source(SimulatedCall call)
    {
        await using MigrationFixture fixture = new();
        WriteBefore(fixture, SimulatedCall.Suspend, 1, 5_000);
        fixture.Destination.Faults.Fail(call);
        await Assert.ThrowsAsync<MigrationException>(() => fixture.MigrateAsync(s_hybrid));
        await fixture.CheckStayedAsync();
        Assert.Contains(call.ToString(), Assert.Single(fixture.Receiver.Incoming).Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cut_after_the_commit_is_resumed_with_the_pages_that_are_missing_alone()
    {
        await using MigrationFixture fixture = new();
        WriteBefore(fixture, SimulatedCall.Suspend, 1, 5_000);
        fixture.Destination.Faults.Before(SimulatedCall.Place, 2, () => fixture.Receiver.Incoming[^1].Disconnect());
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => fixture.MigrateAsync(s_hybrid));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        int missing = incoming.MissingPages;
        Assert.InRange(missing, 1, fixture.Domain.PopulatedPages.Count / 2);

        MigrationResult result = await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
        Assert.Equal(MigrationMethod.Hybrid, result.Method);
        CheckSentAfterwards(result, result.PagesLeftAtCommit + missing);
    }

    [Fact]
    public async Task A_migration_whose_source_was_killed_goes_on_in_another_process()
    {
        await using MigrationFixture fixture = new();
        WriteBefore(fixture, SimulatedCall.Suspend, 1, 5_000);
        fixture.Destination.Faults.Before(SimulatedCall.Place, 2, () =>
        {
            fixture.Source.KillTool();
            fixture.Receiver.Incoming[^1].Disconnect();
        });
        await Assert.ThrowsAnyAsync<Exception>(() => fixture.MigrateAsync(s_hybrid));
        await Assert.Single(fixture.Receiver.Incoming).Ended;

        InterruptedMigration taken = MigrationSource.TakeOver(fixture.Source, MigrationFixture.DomainName, fixture.Route, new MigrationOptions());
        MigrationResult result = await taken.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
        Assert.Equal(MigrationMethod.Hybrid, result.Method);
    }

    [Fact]
    public void A_destination_that_does_not_know_the_method_is_told_nothing_of_the_domain()
    {
        SourceSession session = new(new PrepareRecord(
            new DomainDescription("vm", DomainKind.Simulated, 1, [new PageRange(0, 1)], 1, ReadOnlyMemory<byte>.Empty), PageArrival.Both));
        IReadOnlyList<SourceAction> actions = session.On(new SourceEvent.Received(new WelcomeRecord(Protocol.Version, 0)));
        Assert.Equal(MigrationErrorId.NotSupported, Assert.IsType<SourceState.Aborted>(session.State).Error.ErrorId);
        Assert.IsType<AbortRecord>(Assert.IsType<SourceAction.Send>(actions[0]).Record);
        Assert.DoesNotContain(actions, action => action is SourceAction.Send { Record: PrepareRecord });
    }

    /// <summary>What was left has been sent, and pushed no more than once for each attempt; what the guest waited for may have come twice.</summary>
    private static void CheckSentAfterwards(MigrationResult result, long mostPushed)
    {
        long pushed = result.PagesPushed - result.PagesBeforeCommit;
        Assert.InRange(pushed, 0, mostPushed);
        Assert.InRange(pushed + result.PagesDemanded, result.PagesLeftAtCommit, long.MaxValue);
    }

    private static void WriteBefore(MigrationFixture fixture, SimulatedCall call, int number, long operations) => fixture.Source.Faults.Before(call, number, () =>
    {
        if (fixture.Domain.State == DomainState.Running)
        {
            fixture.Domain.RunOperations(operations, s_cancel);
        }
    });

    /// <summary>Lets the guest run before a call, and notes which pages that changed.</summary>
    private static PageBitmap WrittenBy(MigrationFixture fixture, SimulatedCall call, int number, long operations)
    {
        PageBitmap changed = new(fixture.Domain.Memory.PageCount);
        fixture.Source.Faults.Before(call, number, () =>
        {
            byte[] before = Copy(fixture.Domain);
            fixture.Domain.RunOperations(operations, s_cancel);
            byte[] after = Copy(fixture.Domain);
            foreach (int pfn in fixture.Domain.PopulatedPages.Pfns())
            {
                if (!Page.At(before.AsSpan(), pfn).SequenceEqual(Page.At(after.AsSpan(), pfn)))
                {
                    changed.TrySet(pfn);
                }
            }
        });
        return changed;
    }

    private static byte[] Copy(SimulatedDomain domain)
    {
        byte[] copy = new byte[domain.Memory.PageCount * Page.Size];
        foreach (int pfn in domain.PopulatedPages.Pfns())
        {
            domain.Memory.Read([pfn], Page.At(copy.AsSpan(), pfn));
        }

        return copy;
    }

    private sealed class Collector(List<MigrationTrace> steps) : IProgress<MigrationTrace>
    {
        public void Report(MigrationTrace value)
        {
            lock (steps)
            {
                steps.Add(value);
            }
        }
    }
}
