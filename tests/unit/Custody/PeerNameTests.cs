using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Tests.Custody;

/// <summary>What a note says of the other half comes from outside of the process: it is text that may be shown, or nothing.</summary>
public sealed class PeerNameTests
{
    [Theory]
    [InlineData("xen2:8472")]
    [InlineData("[fe80::1%eth0]:8472")]
    [InlineData("root@xen2.example.org")]
    public void The_address_of_a_host_is_noted_and_read_as_it_is(string name)
    {
        Assert.Equal(name, PeerName.Of(name));
        Assert.Equal(name, PeerName.Read(name));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a\tb")]
    [InlineData("a\n")]
    [InlineData("\u001b[31m")]
    [InlineData("h\u00f6st")]
    [InlineData("a\0")]
    public void What_cannot_be_an_address_is_not_read_and_never_noted(string? text)
    {
        Assert.Null(PeerName.Read(text));
        Assert.Equal(PeerName.Of(text), PeerName.Read(PeerName.Of(text)));
    }

    [Fact]
    public void A_name_is_bounded()
    {
        string longest = new('x', PeerName.MaximumLength);
        Assert.Equal(longest, PeerName.Read(longest));
        Assert.Null(PeerName.Read(longest + "x"));
        Assert.Equal(longest, PeerName.Of(longest + "x"));
    }
}
