using PreRecordMigration.Files;
using PreRecordMigration.Xen.Admission;

namespace PreRecordMigration.Tests.Xen.Admission;

/// <summary>A control domain with the toolstack's scripts, a QEMU, a bridge, and what a test puts there.</summary>
internal sealed class FakeHostDevices : IHostDevices
{
    internal const string Emulator = "/usr/libexec/xen-qemu-system-i386";
    internal const string Scripts = "/etc/xen/scripts/";

    internal static readonly FollowedFile Program = new(FileKind.Regular) { IsReadable = true, IsExecutable = true };

    internal Dictionary<string, FollowedFile> Files { get; } = new()
    {
        [Emulator] = Program,
        [Scripts + "block"] = Program,
        ["/usr/sbin/dmsetup"] = Program,
        ["/usr/sbin/losetup"] = Program,
        [Scripts + "vif-bridge"] = Program,
        [Scripts + "vif-route"] = Program,
        [Scripts + "vif-openvswitch"] = Program,
    };

    internal Dictionary<string, byte[]> Heads { get; } = [];

    internal HashSet<string> Bridges { get; } = ["xenbr0"];

    internal HashSet<string> Interfaces { get; } = ["xenbr0", "eth0", "ovs0"];

    internal HashSet<string> Domains { get; } = [];

    /// <summary>What was looked at, in order.</summary>
    internal List<string> Looked { get; } = [];

    /// <summary>Called before each look.</summary>
    internal Action<string>? BeforeLook { get; set; }

    /// <summary>Called before a file is read.</summary>
    internal Action? BeforeHead { get; set; }

    internal static FollowedFile Block(long bytes, bool isWritable = true) =>
        new(FileKind.Device) { IsBlock = true, Bytes = bytes, IsReadable = true, IsWritable = isWritable };

    internal static FollowedFile File(long bytes, bool isWritable = true) =>
        new(FileKind.Regular) { Bytes = bytes, IsReadable = true, IsWritable = isWritable };

    public FollowedFile Look(string path)
    {
        BeforeLook?.Invoke(path);
        Looked.Add(path);
        return Files.GetValueOrDefault(path);
    }

    public ReadOnlyMemory<byte> Head(string path, int count)
    {
        BeforeHead?.Invoke();
        return Heads.TryGetValue(path, out byte[]? head) ? head.AsMemory(0, Math.Min(count, head.Length)) : default;
    }

    public bool IsInterface(string name) => Interfaces.Contains(name);

    public bool IsBridge(string name) => Bridges.Contains(name);

    public bool IsDomain(string name) => Domains.Contains(name);
}
