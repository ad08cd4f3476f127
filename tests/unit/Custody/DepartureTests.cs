using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;

namespace PreRecordMigration.Tests.Custody;

/// <summary>What is noted of a domain that leaves comes back as it was, and nothing else is believed.</summary>
public sealed class DepartureTests
{
    private const string Session = "0123456789abcdef0123456789abcdef";

    public static TheoryData<string?, string?, MigrationMethod, RecordingMode> Departures()
    {
        TheoryData<string?, string?, MigrationMethod, RecordingMode> all = [];
        foreach (MigrationMethod method in Enum.GetValues<MigrationMethod>())
        {
            foreach (RecordingMode mode in Enum.GetValues<RecordingMode>())
            {
                all.Add("xen2:7000", "AB01", method, mode);
                all.Add(null, null, method, mode);
            }
        }

        return all;
    }

    [Theory]
    [MemberData(nameof(Departures))]
    public void It_comes_back_as_it_was_noted(string? destination, string? peer, MigrationMethod method, RecordingMode mode)
    {
        Departure departure = new(destination, new Continuation(Guid.Parse(Session), peer, method, mode));

        Assert.Equal(departure, Departure.Read(departure.ToString()));
        Departure kept = departure with { Continuation = departure.Continuation! with { Originals = Guid.Parse(Session) } };
        Assert.Equal(kept, Departure.Read(kept.ToString()));
        Departure way = kept with { Way = "Tls;xen2;7000;%2Fown.pem;%2Fpeer.pem" };
        Assert.Equal(way, Departure.Read(way.ToString()));
        Assert.Equal(way with { HasRun = true }, Departure.Read((way with { HasRun = true }).ToString()));
        Assert.Equal(way with { Continuation = null }, Departure.Read((way with { Continuation = null }).ToString()));
        Assert.Equal(kept, Departure.Read((kept with { Way = "no way" }).ToString()));
        Assert.Equal(kept with { HasRun = true }, Departure.Read((kept with { HasRun = true }).ToString()));
        Departure ran = departure with { HasRun = true };
        Assert.Equal(ran, Departure.Read(ran.ToString()));
        Assert.Equal(ran with { Continuation = null }, Departure.Read((ran with { Continuation = null }).ToString()));
        Assert.Equal(departure with { Continuation = null }, Departure.Read((departure with { Continuation = null }).ToString()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("xen2 ")]
    [InlineData("xen2 and more")]
    [InlineData("xen2\u001b[2J")]
    [InlineData($"xen2 {Session} - PostCopy")]
    [InlineData($"xen2 {Session} - PostCopy Observe more")]
    [InlineData($"xen2 {Session} - PostCopy Observe ran more")]
    [InlineData("xen2 0123 - PostCopy Observe")]
    [InlineData($"xen2 {Session} a/b PostCopy Observe")]
    [InlineData($"xen2 {Session} - Teleport Observe")]
    [InlineData($"xen2 {Session} - 77 Observe")]
    [InlineData($"xen2 {Session} - PostCopy 77")]
    [InlineData($"xen2 {Session} - PreRecord Rollback {Session} more")]
    [InlineData($"xen2 {Session} - PreRecord Rollback ../etc/passwd")]
    [InlineData("xen2:7000 via:")]
    [InlineData("xen2:7000 via:a/b")]
    [InlineData("via:Loopback;127.0.0.1;7000")]
    [InlineData("xen2:7000 ran via:Loopback;127.0.0.1;7000")]
    public void What_is_not_wholly_a_departure_is_none(string? noted) => Assert.Null(Departure.Read(noted));

    [Fact]
    public void What_may_not_stand_in_a_note_is_left_out_of_the_destination() =>
        Assert.Equal("xen2andmore", Departure.Read(new Departure("xen2 and more", null).ToString())?.Destination);
}
