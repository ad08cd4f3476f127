using System.Net;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

/// <summary>The way that a migration went is noted in a word, and another process understands it or goes nowhere.</summary>
public sealed class RouteNoteTests
{
    private static readonly string s_thumbprint = new('A', 64);

    private static readonly RouteNote[] s_notes =
    [
        new RouteNote(RouteKind.Loopback, "127.0.0.1", 7000, null),
        new RouteNote(RouteKind.Loopback, "::1", 65535, null),
        new RouteNote(RouteKind.Ssh, "root@xen2", 7000, null),
        new RouteNote(RouteKind.Ssh, "root@xen2", 0, null),
        new RouteNote(RouteKind.Tls, "xen2.example", 7000, new IdentityFiles("/etc/pre record/xen1;ü%.pem", ["/etc/prerecord/xen2.pem", s_thumbprint])),
    ];

    [Fact]
    public void What_is_noted_is_understood() => Assert.All(s_notes, note =>
    {
        string noted = note.ToString();
        Assert.Equal(noted, NotedWay.Of(noted));
        RouteNote read = Assert.IsType<RouteNote>(RouteNote.Read(noted));
        Assert.Equal(note with { Identity = null }, read with { Identity = null });
        Assert.Equal(note.Identity?.Certificate, read.Identity?.Certificate);
        Assert.Equal(note.Identity?.Trusted, read.Identity?.Trusted);
    });

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Loopback;127.0.0.1")]
    [InlineData("Loopback;127.0.0.1;7000;more")]
    [InlineData("Loopback;;7000")]
    [InlineData("Loopback;127.0.0.1;65536")]
    [InlineData("Loopback;127.0.0.1;-1")]
    [InlineData("0;127.0.0.1;7000")]
    [InlineData("Telnet;127.0.0.1;7000")]
    [InlineData("Tls;xen2;7000")]
    [InlineData("Tls;xen2;7000;%2Fown.pem")]
    [InlineData("Tls;xen2;7000;own.pem;%2Fpeer.pem")]
    [InlineData("Tls;xen2;7000;%2Fown.pem;peer.pem")]
    [InlineData("Tls;xen2;7000;%2Fown.pem;%2Fpeer.pem;")]
    public void What_is_not_wholly_a_way_is_none(string? noted) => Assert.Null(RouteNote.Read(noted));

    [Theory]
    [InlineData("two words")]
    [InlineData("a\nb")]
    [InlineData("a\n")]
    [InlineData("")]
    [InlineData(null)]
    public void What_cannot_stand_in_a_note_is_not_noted(string? way) => Assert.Null(NotedWay.Of(way));

    [Fact]
    public void One_that_is_too_long_is_not_noted()
    {
        Assert.NotNull(NotedWay.Of(new string('a', NotedWay.MaximumLength)));
        Assert.Null(NotedWay.Of(new string('a', NotedWay.MaximumLength + 1)));
    }

    [Fact]
    public void The_way_to_a_receiver_of_one_move_is_nobody_else_s()
    {
        IPEndPoint endpoint = new(IPAddress.Loopback, 7000);
        Assert.Null(new LoopbackRoute(endpoint, LoopbackKey.Fresh()).Note);
        Assert.Equal("Loopback;127.0.0.1;7000", Route.Loopback(endpoint).Note?.ToString());
        Assert.Equal("Ssh;root%40xen2;7000", Route.Ssh("root@xen2", 7000).Note?.ToString());
        Assert.Equal("Ssh;root%40xen2;0", Route.Ssh("root@xen2").Note?.ToString());
    }
}
