using System.Diagnostics;
using System.Text.Json;
using PreRecordMigration.Xen.Outputs;
using PreRecordMigration.Xen.Qmp;

namespace PreRecordMigration.Tests.Xen.Outputs;

/// <summary>
/// A QEMU without a guest that has a disk as Xen's backend in it has one: an image whose node is called DEVICE-FORMAT, not locked, with a thread of its
/// own. What a guest would read and write, the test does through QEMU's monitor.
/// </summary>
internal sealed class RealQemu : IDisposable
{
    private const string Program = "/usr/bin/qemu-system-x86_64";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly string _folder = Directory.CreateTempSubdirectory("qemu").FullName;
    private readonly Process _process;
    private readonly Task<string> _said;

    /// <summary>Starts it; skips the test where there is none.</summary>
    /// <param name="format">raw or qcow2.</param>
    /// <param name="bytes">Bytes of the disk.</param>
    internal RealQemu(string format, long bytes = 64 << 20)
    {
        Assert.SkipUnless(File.Exists(Program), "qemu-system-x86 is not installed.");
        Image = Path.Combine(_folder, "image");
        using (FileStream image = File.Create(Image))
        {
            if (format == "raw")
            {
                image.SetLength(bytes);
            }
            else
            {
                image.Write(OverlayImage.Make(bytes));
            }
        }

        string socket = Path.Combine(_folder, "qmp");
        ProcessStartInfo start = new(Program)
        {
            RedirectStandardOutput = true,
            ArgumentList =
            {
                "-machine", "pc,accel=tcg", "-nodefaults", "-display", "none", "-S", "-qmp", $"unix:{socket},server=on,wait=off", "-object", "iothread,id=xvda",
                "-blockdev", $$$"""{"node-name":"xvda-{{{format}}}","driver":"{{{format}}}","file":{"driver":"file","filename":"{{{Image}}}","locking":"off"}}""",
                "-device", $"virtio-blk-pci,id=disk,drive=xvda-{format},iothread=xvda",
            },
        };
        _process = Process.Start(start)!;
        _said = _process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Layer = new QemuImages(_ => socket, s_patience);
        Name = new ImageName(5, "0123", 51712, $"xvda-{format}", Image);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(socket) && Layer.StateOf(Name) is not null, s_patience));
        Connect = () => QmpConnection.Open(socket, s_patience, "vm");
    }

    internal Func<QmpConnection> Connect { get; }

    internal string Image { get; }

    internal QemuImages Layer { get; }

    internal ImageName Name { get; }

    /// <summary>What the image's file has.</summary>
    internal byte[] Content => File.ReadAllBytes(Image);

    internal ImageOverlay Overlay(bool isDomainThere = true) => new(Layer, Name, "vm", () => isDomainThere);

    /// <summary>The guest writes blocks of 4 KiB.</summary>
    internal void Write(int pattern, long block, int blocks = 1) => Do($"write -P {pattern} {block * 4}k {blocks * 4}k");

    /// <summary>The guest reads a block, and finds what it wrote; <see cref="Quit"/> says whether it did.</summary>
    internal void Read(int pattern, long block) => Do($"read -P {pattern} {block * 4}k 4k");

    /// <summary>Ends it as the toolstack does, and sees that all was read as it was written.</summary>
    internal void Quit()
    {
        using (QmpConnection connection = Connect())
        {
            connection.Execute("quit");
        }

        Assert.True(_process.WaitForExit(s_patience));
        Assert.DoesNotContain("verification failed", _said.GetAwaiter().GetResult(), StringComparison.Ordinal);
    }

    /// <summary>Ends it as the kernel does that has no memory left.</summary>
    internal void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Do(string command)
    {
        using QmpConnection connection = Connect();
        string line = JsonEncodedText.Encode($"qemu-io -d disk/virtio-backend \"{command}\"").ToString();
        Assert.Equal("", connection.Ask("human-monitor-command", $$"""{"command-line":"{{line}}"}""", said => said.GetString()));
    }
}
