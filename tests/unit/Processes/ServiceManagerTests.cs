using System.Net.Sockets;
using System.Text;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Tests.Processes;

/// <summary>A service manager is told by its own protocol, at a path or at an abstract name.</summary>
public sealed class ServiceManagerTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("notify-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_said_is_one_datagram(bool isAbstract)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has abstract names and systemd.");
        string name = isAbstract ? $"@prerecord-{Guid.NewGuid():N}" : Path.Combine(_root, "notify");
        using Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(isAbstract ? "\0" + name[1..] : name));
        Assert.True(ServiceManager.Notify("READY=1\nSTATUS=Ready.", name));
        byte[] datagram = new byte[100];
        Assert.Equal("READY=1\nSTATUS=Ready.", Encoding.UTF8.GetString(datagram, 0, manager.Receive(datagram)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("relative")]
    [InlineData("/nobody/listens/here")]
    [InlineData("@")]
    public void Nobody_is_told_where_nobody_listens(string? name) => Assert.False(ServiceManager.Notify("READY=1", name));

    [Fact]
    public void A_name_that_no_socket_can_have_tells_nobody() => Assert.False(ServiceManager.Notify("READY=1", "/" + new string('x', 300)));
}
