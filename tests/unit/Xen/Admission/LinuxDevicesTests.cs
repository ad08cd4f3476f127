using System.Runtime.Versioning;
using PreRecordMigration.Files;
using PreRecordMigration.Xen.Admission;

namespace PreRecordMigration.Tests.Xen.Admission;

/// <summary>What the control domain has, by real files and a folder that stands for the kernel's.</summary>
[SupportedOSPlatform("linux")]
public sealed class LinuxDevicesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("devices-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_bridge_is_an_interface_with_a_bridge_and_no_other_path()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "class/net/xenbr0/bridge"));
        Directory.CreateDirectory(Path.Combine(_folder, "class/net/eth0"));
        Directory.CreateDirectory(Path.Combine(_folder, "class/other/bridge"));
        LinuxDevices devices = new(_ => false, _folder);

        Assert.True(devices.IsBridge("xenbr0"));
        Assert.True(devices.IsInterface("eth0"));
        Assert.False(devices.IsBridge("eth0"));
        Assert.False(devices.IsInterface("none"));
        foreach (string hostile in new[] { "", ".", "..", "../other", "xenbr0/bridge", "/etc" })
        {
            Assert.False(devices.IsBridge(hostile), hostile);
            Assert.False(devices.IsInterface(hostile), hostile);
        }
    }

    [Fact]
    public void What_stands_at_a_path_is_told_through_links_and_nothing_is_opened()
    {
        string image = Path.Combine(_folder, "image");
        File.WriteAllBytes(image, new byte[1536]);
        File.CreateSymbolicLink(Path.Combine(_folder, "link"), image);
        File.CreateSymbolicLink(Path.Combine(_folder, "nowhere"), Path.Combine(_folder, "gone"));
        File.CreateSymbolicLink(Path.Combine(_folder, "circle"), Path.Combine(_folder, "circle"));
        LinuxDevices devices = new(_ => false, _folder);

        FollowedFile file = devices.Look(Path.Combine(_folder, "link"));
        Assert.Equal((FileKind.Regular, 1536, true, true, false), (file.Kind, file.Bytes, file.IsReadable, file.IsWritable, file.IsExecutable));
        Assert.Equal(default, devices.Look(Path.Combine(_folder, "nowhere")));
        Assert.Equal(default, devices.Look(Path.Combine(image, "below a file")));
        Assert.Equal(FileKind.Folder, devices.Look(_folder).Kind);
        Assert.False(devices.Look("/dev/null").IsBlock);
        Assert.Equal(FileKind.Device, devices.Look("/dev/null").Kind);
        Assert.NotNull(devices.Look(Path.Combine(_folder, "circle")).Problem);

        File.SetUnixFileMode(image, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.True(devices.Look(image).IsExecutable);
    }

    [Fact]
    public void The_first_bytes_are_read_as_far_as_there_are_any()
    {
        string image = Path.Combine(_folder, "image");
        File.WriteAllBytes(image, [1, 2, 3]);
        LinuxDevices devices = new(name => name == "driver", _folder);
        Assert.Equal([1, 2], devices.Head(image, 2).ToArray());
        Assert.Equal([1, 2, 3], devices.Head(image, 9).ToArray());
        Assert.True(devices.Head(Path.Combine(_folder, "none"), 9).IsEmpty);
        Assert.True(devices.IsDomain("driver"));
        Assert.False(devices.IsDomain("other"));
    }
}
