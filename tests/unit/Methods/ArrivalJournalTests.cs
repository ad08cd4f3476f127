using System.Text;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Methods;

public sealed class ArrivalJournalTests
{
    private static readonly Guid s_session = Guid.Parse("0123456789abcdef0123456789abcdef");

    [Theory]
    [InlineData(null, null, 1)]
    [InlineData("AB01", "xen1:7000", 1)]
    [InlineData("AB01", null, Protocol.RangesInPart + 5)]
    public void It_comes_back_as_it_was_kept(string? peer, string? source, int ranges)
    {
        ArrivalJournal kept = Journal(peer, source, ranges);

        ArrivalJournal read = ArrivalJournal.Read(kept.ToBytes())!;

        Assert.Equal((s_session, peer, source, true), (read.Session, read.Peer, read.Source, read.Prepare.RemotePF));
        Assert.Equal(kept.Prepare.Description.Populated, read.Prepare.Description.Populated);
        Assert.Equal(kept.Prepare.Description.Configuration.ToArray(), read.Prepare.Description.Configuration.ToArray());
        Assert.Equal(kept.ToBytes(), read.ToBytes());
    }

    [Fact]
    public void Nothing_of_one_that_is_not_wholly_one_is_believed()
    {
        byte[] kept = Journal("AB01", "xen1:7000", 3).ToBytes();
        for (int length = 0; length < kept.Length; length++)
        {
            Assert.Null(ArrivalJournal.Read(kept.AsSpan(0, length)));
        }

        Assert.Null(ArrivalJournal.Read([.. kept, 0]));
        Assert.Null(ArrivalJournal.Read([.. kept, .. kept]));
        Assert.Null(ArrivalJournal.Read(Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(kept).Replace("AB01", "A\u001bB", StringComparison.Ordinal))));
        Assert.Null(ArrivalJournal.Read(Encoding.ASCII.GetBytes(new string('x', 5000))));
    }

    private static ArrivalJournal Journal(string? peer, string? source, int ranges) => new(
        s_session, peer, source,
        new PrepareRecord(
            new DomainDescription("web01", DomainKind.Pvh, 4 * ranges, [.. Enumerable.Range(0, ranges).Select(i => new PageRange(4 * i, 2))], 2, new byte[] { 1, 2, 3 }),
            PageArrival.AfterRun));
}
