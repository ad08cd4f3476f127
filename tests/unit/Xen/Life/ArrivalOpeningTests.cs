using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Life;

namespace PreRecordMigration.Tests.Xen.Life;

/// <summary>A domain that came in and whose tool was killed is opened as it stands, by one tool, and what was kept of it goes with its
/// mark.</summary>
public class ArrivalOpeningTests
{
    private const string Uuid = "6b1c1f4e00004000800000000000000a";
    private static readonly byte[] s_journal = [1, 2, 3];

    public static TheoryData<IncomingMark> Marks => new(Enum.GetValues<IncomingMark>());

    [Theory]
    [MemberData(nameof(Marks))]
    public void It_stands_still_and_is_this_process_own(IncomingMark mark)
    {
        FakeXen xen = new();
        FakeDomain domain = Left(xen, mark);

        LeftArrival left = Open(xen)!;

        Assert.Equal(mark, left.Mark);
        Assert.False(domain.Runs);
        Assert.StartsWith($"{mark} {OwnerProcess.Current} {Uuid}", xen.Read($"/prerecord/incoming/{domain.DomId}"), StringComparison.Ordinal);
        Assert.Equal(MigrationErrorId.DomainBusy, Assert.Throws<MigrationException>(() => Open(xen)).ErrorId);

        // Killed in its turn, it leaves what it found.
        left.Domain.Dispose();
        Assert.StartsWith($"{mark} {default(OwnerProcess)} {Uuid}", xen.Read($"/prerecord/incoming/{domain.DomId}"), StringComparison.Ordinal);
        Open(xen)!.Domain.Dispose();
    }

    [Fact]
    public void It_runs_on_and_is_named_as_if_nothing_had_been()
    {
        FakeXen xen = new();
        FakeDomain domain = Left(xen, IncomingMark.Started);
        using IIncomingDomain taken = Open(xen)!.Domain;

        taken.EnableRemotePF().Dispose();
        taken.Unpause();
        taken.Complete();
        taken.Mark(null);

        Assert.True(domain.Runs);
        Assert.Equal("vm", xen.NameOf(domain));
        Assert.Empty(xen.Notes);
        Assert.Empty(xen.Files);
    }

    [Theory]
    [InlineData(IncomingMark.Started)]
    [InlineData(IncomingMark.Whole)]
    public void A_limit_that_was_raised_for_its_balloon_comes_down_whoever_completes_it(IncomingMark mark)
    {
        FakeXen xen = new();
        FakeDomain domain = Left(xen, mark, limit: 32);
        Assert.True(domain.MaxPages > 32);

        // Of two that were killed the second one noted it again.
        Open(xen)!.Domain.Dispose();
        using IIncomingDomain taken = Open(xen)!.Domain;
        taken.Complete();

        Assert.Equal(32ul, domain.MaxPages);
        Assert.Equal("vm", xen.NameOf(domain));
    }

    [Fact]
    public void The_memory_that_it_lacks_is_promised_to_nobody_else()
    {
        FakeXen xen = new();
        Left(xen, IncomingMark.Started);
        MemoryLedger ledger = new();

        LeftArrival left = Open(xen, ledger: ledger)!;

        Assert.Equal(left.Domain.Info.MemoryBytes, Assert.Single(ledger.All).Bytes);
        left.Domain.Dispose();
        Assert.Empty(ledger.All);
    }

    [Fact]
    public void What_is_looked_for_is_told_by_what_was_kept_of_it()
    {
        FakeXen xen = new();
        Left(xen, IncomingMark.Started);

        Assert.Null(Open(xen, journal => journal.Length == 0));
        Assert.Single(xen.Domains, domain => domain.Runs);
        Assert.Throws<InvalidOperationException>(() => Open(xen, _ => throw new InvalidOperationException("another source")));
        Assert.Single(xen.Domains, domain => domain.Runs);
    }

    [Fact]
    public void Of_one_that_is_gone_nothing_is_kept_after_the_next_arrival()
    {
        FakeXen xen = new();
        xen.Remove(Left(xen, IncomingMark.Started));
        Assert.Null(Open(xen));
        Assert.Single(xen.Files);

        using XenIncomingDomain next = new FakeArrival(xen, Uuid).Create();

        Assert.Empty(xen.Files);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_failed_leaves_it_as_it_was_and_can_be_tried_again(bool afterwards) => EachCall.Fails(
        afterwards,
        least: 6,
        xen =>
        {
            Left(xen, IncomingMark.Started);
            return xen;
        },
        xen => Open(xen),
        (xen, failed, error) =>
        {
            Assert.Single(xen.Domains);
            Assert.Single(xen.Files);
            using IIncomingDomain taken = Open(xen)!.Domain;
            taken.Unpause();
            Assert.True(Assert.Single(xen.Domains).Runs, $"{failed}: {error}");
        });

    /// <summary>A domain that came in, and whose tool is dead.</summary>
    private static FakeDomain Left(FakeXen xen, IncomingMark mark, ulong limit = 1024)
    {
        using XenIncomingDomain made = new FakeArrival(xen, Uuid) { Manner = ChildManner.LeavesDomain, Limit = limit }.Create();
        made.Keep(s_journal);
        if (mark != IncomingMark.Preparing)
        {
            made.Restore(XenIncomingDomainTests.Core, TestContext.Current.CancellationToken);
            made.Mark(mark);
            made.Unpause();
        }

        return xen.Domains.Single(domain => domain.DomId == made.Info.Id);
    }

    private static LeftArrival? Open(FakeXen xen, Func<ReadOnlyMemory<byte>, bool>? which = null, MemoryLedger? ledger = null) =>
        new ArrivalOpening(
            xen.Connect(),
            (domain, _, pages) => new FakeArrival.Mechanism(xen, domain.DomId, pages),
            new MemoryPromises(() => 0, _ => 0, ledger ?? new MemoryLedger())).Open(
            "host", journal => (which ?? (kept => kept.Span.SequenceEqual(s_journal)))(journal) ? FakeArrival.DescriptionOf(Uuid) : null);
}
