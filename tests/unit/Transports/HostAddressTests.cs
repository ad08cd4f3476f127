using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

public class HostAddressTests
{
    [Theory]
    [InlineData("10.77.0.2", "10.77.0.2", 2)]
    [InlineData("0.0.0.0", "0.0.0.0", 2)]
    [InlineData("255.255.255.255", "255.255.255.255", 2)]
    [InlineData("fd00::2", "[fd00::2]", 10)]
    [InlineData("[fd00::2]", "[fd00::2]", 10)]
    [InlineData("FD00:0:0:0:0:0:0:2", "[fd00::2]", 10)]
    [InlineData("[::ffff:10.0.0.1]", "10.0.0.1", 2)]
    [InlineData("::ffff:a00:1", "10.0.0.1", 2)]
    public void An_address_is_understood(string text, string expected, int family)
    {
        HostAddress host = HostAddress.Parse(text);
        Assert.Equal(expected, host.ToString());
        Assert.Equal(family == 2 ? System.Net.Sockets.AddressFamily.InterNetwork : System.Net.Sockets.AddressFamily.InterNetworkV6, host.Address!.AddressFamily);
    }

    [Theory]
    [InlineData("xen2")]
    [InlineData("xen2.example.org")]
    [InlineData("xen2.example.org.")]
    [InlineData("10-77-0-2")]
    [InlineData("2xen")]
    [InlineData("0xen.example")]
    [InlineData("7000.example")]
    [InlineData("xen_2")]
    [InlineData("münchen.example")]
    public void A_name_is_understood(string text)
    {
        HostAddress host = HostAddress.Parse(text);
        Assert.Null(host.Address);
        Assert.Equal(text, host.Name);
        Assert.False(host.IsLoopback);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("7000")]
    [InlineData("127.1")]
    [InlineData("127.0.1")]
    [InlineData("010.077.000.002")]
    [InlineData("10.77.0.02")]
    [InlineData("10.77.0.256")]
    [InlineData("10.77.0.2.")]
    [InlineData("10.77.0.2.3")]
    [InlineData("10..0.2")]
    [InlineData("+1.2.3.4")]
    [InlineData("1.2.3.4 ")]
    [InlineData("0x7f000001")]
    [InlineData("127.0x1")]
    [InlineData("example.7")]
    [InlineData("１２７.0.0.1")]
    [InlineData("[10.0.0.1]")]
    [InlineData("[xen2]")]
    [InlineData("fd00::2/64")]
    [InlineData("fd00::2::3")]
    [InlineData("::ffff:010.0.0.1")]
    [InlineData("[fd00::2")]
    [InlineData("fd00::2]")]
    [InlineData("fe80::1%")]
    [InlineData("fe80::1%no such")]
    [InlineData("fe80::1%nosuchinterface")]
    [InlineData("a b")]
    [InlineData("-xen2")]
    [InlineData("xen2-.example")]
    [InlineData("xen2..example")]
    public void Anything_else_is_refused(string text)
    {
        MigrationException error = Assert.Throws<MigrationException>(() => HostAddress.Parse(text));
        Assert.Equal(MigrationErrorId.InvalidOption, error.ErrorId);
        Assert.Contains("four decimal numbers", error.Remedy, StringComparison.Ordinal);
        Assert.Equal(text, error.Target);
    }

    [Theory]
    [InlineData("xen2:7000", "xen2", 7000)]
    [InlineData("10.77.0.2:1", "10.77.0.2", 1)]
    [InlineData("[fd00::2]:65535", "[fd00::2]", 65535)]
    [InlineData("[fd00::2]", "[fd00::2]", null)]
    [InlineData("xen2", "xen2", null)]
    public void A_port_may_follow(string text, string expected, int? expectedPort)
    {
        Assert.True(HostAddress.TryParse(text, out HostAddress? host, out int? port, out string problem), problem);
        Assert.Equal(expected, host!.ToString());
        Assert.Equal(expectedPort, port);
    }

    [Theory]
    [InlineData("xen2:")]
    [InlineData("xen2:0")]
    [InlineData("xen2:65536")]
    [InlineData("xen2:+1")]
    [InlineData("xen2:x")]
    [InlineData(":7000")]
    [InlineData("127.1:7000")]
    [InlineData("fd00::2")]
    [InlineData("fd00::2:7000")]
    [InlineData("[fd00::2]7000")]
    [InlineData("[fd00::2]:")]
    public void What_is_no_port_or_leaves_open_where_one_begins_is_refused(string text)
    {
        Assert.False(HostAddress.TryParse(text, out HostAddress? host, out int? _, out string problem));
        Assert.Null(host);
        Assert.NotEmpty(problem);
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.200.1.2", true)]
    [InlineData("[::1]", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("::ffff:127.3.2.1", true)]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST", true)]
    [InlineData("128.0.0.1", false)]
    [InlineData("[::2]", false)]
    [InlineData("::ffff:10.0.0.1", false)]
    [InlineData("localhost.example", false)]
    public void Loopback_is_known_in_every_notation(string text, bool expected) =>
        Assert.Equal(expected, HostAddress.Parse(text).IsLoopback);

    [Fact]
    public void Loopback_is_loopback_with_a_scope_too() =>
        Assert.True(HostAddress.IsLoopbackAddress(new IPAddress(IPAddress.IPv6Loopback.GetAddressBytes(), 1)));
}
