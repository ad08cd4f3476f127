using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Limits what trusted sources can make a receiver keep, for each of them and for all together.</summary>
public sealed class ReceiverBoundsTests
{
    private const long Budget = 64L << 20;
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Small_records_that_speak_of_much_make_it_keep_nothing()
    {
        await using MigrationFixture fixture = Bounded(out MemoryBudget budget);
        byte[] prepare = RecordCodec.Encode(new PrepareRecord(
            new DomainDescription("large", DomainKind.Simulated, int.MaxValue, [new PageRange(0, 1)], 1, new byte[] { 1 }), PageArrival.AfterRun));
        Assert.InRange(prepare.Length, 1, 100);
        for (int i = 0; i < 8; i++)
        {
            using Greeted source = new(fixture);
            source.Bulk.Send(prepare);
            AbortRecord abort = source.ReceiveAbort();
            Assert.Equal(MigrationErrorId.OutOfMemory, abort.ErrorId);
            Assert.Contains("2147483647 page numbers", abort.Message, StringComparison.Ordinal);
        }

        Assert.InRange(budget.Taken, 0, Budget);
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        await Task.WhenAll(fixture.Receiver.Incoming.Select(incoming => incoming.Ended));
        fixture.CheckNothingKept();
    }

    [Fact]
    public async Task Ranges_without_end_are_refused_when_the_budget_is_used_up()
    {
        await using MigrationFixture fixture = Bounded(out _);
        using Greeted source = new(fixture);
        PrepareRecord prepare = new(
            new DomainDescription(
                "ragged", DomainKind.Simulated, int.MaxValue, [.. Enumerable.Range(0, 16 * Protocol.RangesInPart).Select(i => new PageRange(2 * i, 1))], 1, new byte[] { 1 }),
            PageArrival.AfterRun);
        try
        {
            source.Bulk.Send(prepare);
        }
        catch (MigrationException)
        {
            // The receiver hung up meanwhile; its reason can still be read.
        }

        await fixture.Receiver.Incoming[0].Ended;
        Assert.Equal(MigrationErrorId.OutOfMemory, fixture.Receiver.Incoming[0].Error!.ErrorId);
        fixture.CheckNothingKept();
    }

    [Fact]
    public async Task Core_pages_without_end_are_refused_when_the_budget_is_used_up()
    {
        await using MigrationFixture fixture = Bounded(out _, new SimulatedHostOptions { MemoryBytes = 1L << 30 });
        using Greeted source = new(fixture);
        using SimulatedHost large = new("xen3", new SimulatedHostOptions { MemoryBytes = 1L << 30 });
        large.CreateDomain(new SimulatedDomainOptions { Name = "large", MemoryBytes = 64L << 20, FreeRunning = false });
        using ISourceDomain domain = large.OpenSource("large");
        DomainDescription description = domain.Describe();
        source.Bulk.Send(new PrepareRecord(description, PageArrival.AfterRun));
        Assert.Equal(RecordType.Prepared, source.Bulk.Receive(out _));
        PageBatch batch = new();
        try
        {
            foreach (int[] pages in description.Populated.SelectMany(range => Enumerable.Range(range.First, range.Count)).Chunk(batch.Capacity))
            {
                source.Bulk.Send(batch.Copy(RecordType.CorePages, pages, new byte[pages.Length * Page.Size]));
            }
        }
        catch (MigrationException)
        {
            // The receiver hung up meanwhile.
        }

        await fixture.Receiver.Incoming[0].Ended;
        Assert.Equal(MigrationErrorId.OutOfMemory, fixture.Receiver.Incoming[0].Error!.ErrorId);
        Assert.Empty(fixture.Destination.GetDomains());
        fixture.CheckNothingKept();
    }

    [Fact]
    public async Task A_receiver_without_memory_for_one_more_migration_says_so_and_takes_the_next_when_there_is()
    {
        // The budget has room for one migration.
        await using MigrationFixture fixture = Bounded(out _, budget: 2L * IncomingAttempt.Cost);
        using (Greeted first = new(fixture))
        {
            using Connection bulk = Greeted.Open(fixture, ConnectionRole.Bulk, out Guid session);
            using Connection demand = Greeted.Open(fixture, ConnectionRole.Demand, session);

            // The connection that came second is told, and the other one is closed.
            string[] answers = [Answer(bulk), Answer(demand)];
            Assert.Contains(nameof(MigrationErrorId.OutOfMemory), answers);
        }

        await fixture.Receiver.Incoming[0].Ended;
        using Greeted next = new(fixture);
    }

    [Fact]
    public async Task One_source_has_no_more_migrations_under_way_than_it_may()
    {
        await using MigrationFixture fixture = new(budget: new MemoryBudget(long.MaxValue));
        List<Greeted> sources = [];
        for (int i = 0; i < MigrationReceiver.MaximumOfSource; i++)
        {
            sources.Add(new Greeted(fixture));
        }

        using Connection more = Greeted.Open(fixture, ConnectionRole.Bulk, out _);
        Assert.Equal(nameof(MigrationErrorId.OutOfMemory), Answer(more));
        sources[0].Dispose();
        await fixture.Receiver.Incoming[0].Ended;
        using Greeted next = new(fixture);
        sources.ForEach(source => source.Dispose());
    }

    [Fact]
    public async Task A_source_that_never_says_what_comes_holds_its_threads_for_its_time_alone()
    {
        FakeTimeProvider clock = new(DateTimeOffset.UtcNow);
        await using MigrationFixture fixture = new(receiverClock: clock, peerTimeout: PeerTimeout.Maximum);
        using Greeted source = new(fixture);
        IncomingMigration incoming = fixture.Receiver.Incoming[0];
        TimeSpan passed = TimeSpan.Zero;
        while (incoming.State is DestinationState.Greeted)
        {
            clock.Advance(PeerTimeout.BeatInterval);
            passed += PeerTimeout.BeatInterval;
        }

        Assert.True(passed >= Arrivals.Patience, $"{passed}");
        AbortRecord abort = source.ReceiveAbort();
        Assert.Contains("did not say which domain comes within", abort.Message, StringComparison.Ordinal);
        await incoming.Ended;
        fixture.CheckNothingKept();
    }

    [Fact]
    public async Task Of_migrations_that_came_to_nothing_the_last_are_remembered()
    {
        await using MigrationFixture fixture = new();
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        await fixture.Receiver.Incoming[^1].Ended;

        // Migrations of which something came are remembered longer.
        await ComeAndGoAsync(fixture, MigrationReceiver.MaximumEnded + 10);

        Assert.Contains(fixture.Receiver.Incoming, incoming => incoming.State is DestinationState.Finished);
        Assert.InRange(fixture.Receiver.Incoming.Count, 1, MigrationReceiver.MaximumEnded);
    }

    [Fact]
    public void A_share_takes_what_there_is_and_gives_all_of_it_back_once()
    {
        MemoryBudget budget = new(100);
        MemoryShare one = budget.Share("one");
        MemoryShare two = budget.Share("two");
        one.Take(60, "one");
        Assert.Equal(MigrationErrorId.OutOfMemory, Assert.Throws<MigrationException>(() => two.Take(41, "two")).ErrorId);
        two.Take(40, "two");
        Assert.Equal(100, budget.Taken);
        one.Dispose();
        one.Dispose();
        Assert.Equal(40, budget.Taken);
        one.Take(1000, "nothing");
        Assert.Equal(40, budget.Taken);
    }

    [Fact]
    public void One_source_leaves_room_for_another()
    {
        MemoryBudget budget = new(100);
        MemoryShare one = budget.Share("one");
        one.Take(70, "one");
        MigrationException error = Assert.Throws<MigrationException>(() => budget.Share("one").Take(6, "more of one"));
        Assert.Equal(MigrationErrorId.OutOfMemory, error.ErrorId);
        Assert.Contains("5 are left of the 75 that one source's migrations may have", error.Message, StringComparison.Ordinal);
        using (MemoryShare two = budget.Share("two"))
        {
            two.Take(30, "two");
            Assert.Equal((0, 0), (budget.LeftFor("one"), budget.LeftFor("three")));
        }

        budget.Share("one").Take(5, "the rest");
        one.Dispose();
        Assert.Equal((70, 95), (budget.LeftFor("one"), budget.Limit - budget.Taken));
    }

    [Fact]
    public async Task Receivers_of_one_process_have_one_budget()
    {
        using SimulatedHost host = new("xen2");
        await using MigrationReceiver one = MigrationReceiver.StartPrivate(host);
        await using MigrationReceiver two = MigrationReceiver.StartPrivate(host);
        Assert.Same(one.Budget, two.Budget);
    }

    [Fact]
    public async Task What_is_kept_is_resumed_whatever_others_have_taken_since()
    {
        await using MigrationFixture fixture = Bounded(out MemoryBudget budget);
        fixture.Destination.Faults.Before(SimulatedCall.Place, 3, () => fixture.Receiver.Incoming[^1].Disconnect());
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await fixture.Receiver.Incoming[0].Ended;
        Assert.InRange(budget.Taken, IncomingAttempt.Cost, Budget);
        using (MemoryShare ofOthers = TakeAll(budget, "others"))
        using (MemoryShare ofMore = TakeAll(budget, "more"))
        {
            Assert.Equal(budget.Limit, budget.Taken);
            await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        }

        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task That_a_domain_is_whole_is_said_whatever_others_have_taken_since()
    {
        await using MigrationFixture fixture = Bounded(out MemoryBudget budget);
        fixture.Destination.Faults.Before(SimulatedCall.DisableRemotePF, 1, () => fixture.Receiver.Incoming[^1].Disconnect());
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await fixture.Receiver.Incoming[0].Ended;
        fixture.CheckNothingKept();
        using (MemoryShare ofOthers = TakeAll(budget, "others"))
        using (MemoryShare ofMore = TakeAll(budget, "more"))
        {
            await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        }

        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task A_source_that_may_still_ask_whether_its_domain_ran_is_remembered_before_those_that_know()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Before(SimulatedCall.Unpause, 1, () =>
        {
            fixture.Receiver.Incoming[0].Disconnect();
            throw new MigrationException(MigrationErrorId.HypervisorCall, "It could not be started.", "None.");
        });
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await fixture.Receiver.Incoming[0].Ended;

        await ComeAndGoAsync(fixture, MigrationReceiver.MaximumEnded + 10);

        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel));
        Assert.Contains("runs on here", error.Message, StringComparison.Ordinal);
        fixture.CheckRunsOnAtSource();
    }

    [Fact]
    public async Task A_PV_domain_whose_page_tables_do_not_fit_is_refused_before_anything_is_made_and_told_so_before_it_moves()
    {
        // A control domain of 2 GiB, and a domain of 64 GiB.
        await using MigrationFixture fixture = Bounded(out _, budget: 512L << 20);
        const int pages = 16 << 20;
        DomainDescription announced = new("large", DomainKind.PV, pages, [], 1, new byte[] { 1 });
        MigrationException told = Assert.Single(ReceiverProbe.Ask(fixture.Route, announced, s_cancel).Errors("large"));
        Assert.Equal(MigrationErrorId.OutOfMemory, told.ErrorId);
        Assert.Contains("The destination has no room for large", told.Message, StringComparison.Ordinal);
        Assert.Contains("give the control domain there more memory", told.Message, StringComparison.Ordinal);
        Assert.Contains("Make room for it there, or choose another destination", told.Remedy, StringComparison.Ordinal);

        using (Greeted source = new(fixture))
        {
            source.Bulk.Send(new PrepareRecord(announced with { Populated = [new PageRange(0, pages)] }, PageArrival.AfterRun));
            AbortRecord abort = source.ReceiveAbort();
            Assert.Equal(MigrationErrorId.OutOfMemory, abort.ErrorId);
            Assert.Contains("control domain more memory", abort.Remedy, StringComparison.Ordinal);
        }

        Assert.Equal(0, fixture.Destination.Faults.CountOf(SimulatedCall.CreateIncoming));
        await fixture.Receiver.Incoming[0].Ended;
        fixture.CheckNothingKept();
        Assert.Empty(ReceiverProbe.Ask(fixture.Route, announced with { PageCount = 1 << 20 }, s_cancel).Refusals);
    }

    [Fact]
    public void Core_pages_that_were_foreseen_are_taken_once()
    {
        MemoryBudget budget = new(1L << 30);
        using CorePageCollector core = new(budget.Share("one"));
        DomainDescription domain = new("pv", DomainKind.PV, 1024, [new PageRange(0, 1024)], 1, new byte[] { 1 });
        core.Expect(domain);
        long foreseen = budget.Taken;
        Assert.Equal(CorePageCollector.CostOf(domain), foreseen);
        core.Add([1], new byte[Page.Size]);
        Assert.Equal(foreseen, budget.Taken);
        core.Add([2, 3], new byte[2 * Page.Size]);
        Assert.Equal(foreseen / 2 * 3, budget.Taken);
        core.Add([4], new byte[Page.Size]);
        Assert.Equal(foreseen * 2, budget.Taken);
        Assert.Equal(4, core.ToPageSet(4).Count);
    }

    private static async Task ComeAndGoAsync(MigrationFixture fixture, int count)
    {
        for (int i = 0; i < count; i++)
        {
            IncomingMigration incoming;
            using (new Greeted(fixture))
            {
                incoming = fixture.Receiver.Incoming[^1];
            }

            await incoming.Ended;
        }
    }

    /// <summary>Takes all that there is for a peer.</summary>
    private static MemoryShare TakeAll(MemoryBudget budget, string peer)
    {
        MemoryShare share = budget.Share(peer);
        share.Take(budget.LeftFor(peer), "All that is left");
        return share;
    }

    private static MigrationFixture Bounded(out MemoryBudget made, SimulatedHostOptions? destination = null, long budget = Budget) =>
        new(destination: destination, budget: made = new MemoryBudget(budget));

    private static string Answer(Connection connection)
    {
        try
        {
            RecordType type = connection.Receive(out ReadOnlySpan<byte> body);
            return type == RecordType.Abort ? ((AbortRecord)RecordCodec.Decode(type, body)).ErrorId.ToString() : type.ToString();
        }
        catch (MigrationException error)
        {
            return error.ErrorId.ToString();
        }
    }

    /// <summary>A source that a receiver has welcomed, and that says only what a test says.</summary>
    private sealed class Greeted : IDisposable
    {
        public Greeted(MigrationFixture fixture)
        {
            Bulk = Open(fixture, ConnectionRole.Bulk, out Guid session);
            Demand = Open(fixture, ConnectionRole.Demand, session);
            Assert.Equal(nameof(RecordType.Welcome), Answer(Bulk));
            Assert.Equal(nameof(RecordType.Welcome), Answer(Demand));
        }

        public Connection Bulk { get; }

        public Connection Demand { get; }

        public static Connection Open(MigrationFixture fixture, ConnectionRole role, out Guid session)
        {
            session = Guid.NewGuid();
            return Open(fixture, role, session);
        }

        public static Connection Open(MigrationFixture fixture, ConnectionRole role, Guid session)
        {
            Connection connection = Connection.Open(fixture.Route, s_cancel);
            connection.Send(new HelloRecord(Protocol.Version, role, session, 0));
            return connection;
        }

        public AbortRecord ReceiveAbort()
        {
            RecordType type = Bulk.Receive(out ReadOnlySpan<byte> body);
            return Assert.IsType<AbortRecord>(RecordCodec.Decode(type, body));
        }

        public void Dispose()
        {
            Bulk.Dispose();
            Demand.Dispose();
        }
    }
}
