using PreRecordMigration.Errors;
using PreRecordMigration.Tests.Xen.Hvm;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Tests.Xen.Outputs;

/// <summary>The overlay of a disk that QEMU serves, in a QEMU.</summary>
public sealed class QemuImagesTests
{
    private const long Limit = 16 << 20;
    private static readonly ImageName s_image = new(5, "0123", 51712, "xvda-raw", "/srv/web.img");

    /// <summary>Where a tool can be killed that gives a window up.</summary>
    public enum Killed
    {
        BesideTheImage,
        InTheWindow,
        WhileItGoesBack,
        WhenItIsBack,
    }

    public static TheoryData<string, Killed> Kills
    {
        get
        {
            TheoryData<string, Killed> kills = [];
            foreach (Killed killed in Enum.GetValues<Killed>())
            {
                kills.Add("raw", killed);
                kills.Add("qcow2", killed);
            }

            return kills;
        }
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("qcow2")]
    public void What_is_written_in_a_window_is_not_in_the_image_before_it_is_given_up_and_wholly_then(string format)
    {
        using RealQemu qemu = new(format);
        ImageOverlay overlay = qemu.Overlay();
        qemu.Write(1, 0, 16);
        overlay.Prepare(Limit, Limit / 2);
        qemu.Write(2, 1);
        overlay.Hold();
        byte[] checkpoint = qemu.Content;
        qemu.Write(3, 1);
        qemu.Write(3, 700);
        qemu.Read(3, 1);
        qemu.Read(1, 0);
        Assert.Equal(checkpoint, qemu.Content);
        Assert.Equal(new ImageState(64 << 20, IsReadOnly: true, HasOverlay: true, IsOverlaid: true), qemu.Layer.StateOf(qemu.Name));
        Assert.InRange(overlay.HeldChunks, 2, 10);
        Assert.False(overlay.IsNearlyFull());
        Assert.False(overlay.MayRun);
        overlay.SetAside();
        Assert.Equal(checkpoint, qemu.Content);

        overlay.Release();
        Assert.Equal(new ImageState(64 << 20, IsReadOnly: false, HasOverlay: false, IsOverlaid: false), qemu.Layer.StateOf(qemu.Name));
        Assert.True(overlay.MayRun);
        qemu.Write(4, 2);
        foreach ((int pattern, long block) in ((int, long)[])[(1, 0), (3, 1), (4, 2), (1, 3), (3, 700)])
        {
            qemu.Read(pattern, block);
        }

        qemu.Quit();
        if (format == "raw")
        {
            byte[] content = qemu.Content;
            Assert.Equal([1, 3, 4, 1], Enumerable.Range(0, 4).Select(block => (int)content[block * 4096]));
        }
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("qcow2")]
    public void Nothing_of_a_window_ever_comes_to_the_image_of_a_domain_that_has_left(string format)
    {
        using RealQemu qemu = new(format);
        ImageOverlay overlay = qemu.Overlay();
        overlay.Prepare(Limit, Limit / 2);
        qemu.Write(1, 0, 16);
        overlay.Hold();
        byte[] checkpoint = qemu.Content;
        qemu.Write(2, 0, 32);
        overlay.SetAside();

        // The destination's QEMU opens it now and writes to it.
        checkpoint[^1] = 7;
        using (FileStream there = new(qemu.Image, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            there.Position = checkpoint.Length - 1;
            there.WriteByte(7);
        }

        overlay.Drop();
        qemu.Quit();
        Assert.Equal(checkpoint, qemu.Content);
        Assert.Null(qemu.Layer.StateOf(qemu.Name));
        qemu.Overlay(isDomainThere: false).Release();
    }

    [Theory]
    [MemberData(nameof(Kills))]
    public void The_next_tool_goes_on_wherever_one_was_killed(string format, Killed killed)
    {
        using RealQemu qemu = new(format);
        ImageOverlay first = qemu.Overlay();
        first.Prepare(Limit, Limit / 2);
        if (killed > Killed.BesideTheImage)
        {
            first.Hold();
        }

        qemu.Write(5, 9);
        if (killed >= Killed.WhileItGoesBack)
        {
            qemu.Layer.BeginMerge(qemu.Name);
        }

        if (killed == Killed.WhenItIsBack)
        {
            Assert.True(SpinWait.SpinUntil(() => qemu.Layer.MergeOf(qemu.Name) is { IsReady: true }, TimeSpan.FromMinutes(1)));
            qemu.Layer.EndMerge(qemu.Name);
        }

        qemu.Overlay().Release();
        Assert.Equal(new ImageState(64 << 20, IsReadOnly: false, HasOverlay: false, IsOverlaid: false), qemu.Layer.StateOf(qemu.Name));
        qemu.Read(5, 9);
        qemu.Quit();
    }

    [Fact]
    public void An_overlay_is_nearly_full_before_it_has_no_room_and_a_window_can_follow_another()
    {
        using RealQemu qemu = new("raw");
        ImageOverlay overlay = qemu.Overlay();
        for (int window = 0; window < 2; window++)
        {
            overlay.Prepare(Limit, Limit / 2);
            overlay.Hold();
            int written = 0;
            for (; !overlay.IsNearlyFull(); written += 64)
            {
                Assert.InRange(written, 0, Limit / 4096);
                qemu.Write(window + 1, written, 64);
            }

            // What stands beside the content is little.
            Assert.InRange(written * 4096L, Limit / 2 * 9 / 10, Limit / 2);
            overlay.Release();
            qemu.Read(window + 1, written - 1);
        }

        qemu.Quit();
    }

    [Fact]
    public void A_large_disk_has_an_overlay_with_larger_clusters()
    {
        using RealQemu qemu = new("raw", 3L << 40);
        ImageOverlay overlay = qemu.Overlay();
        overlay.Prepare(Limit, Limit / 2);
        overlay.Hold();
        qemu.Write(6, 3L << 28 >> 1);
        overlay.Release();
        qemu.Read(6, 3L << 28 >> 1);
        qemu.Quit();
    }

    [Fact]
    public void A_QEMU_that_is_killed_in_the_window_takes_it_along_and_the_domain_is_not_said_to_be_whole()
    {
        using RealQemu qemu = new("raw");
        ImageOverlay overlay = qemu.Overlay();
        qemu.Write(1, 0);
        overlay.Prepare(Limit, Limit / 2);
        overlay.Hold();
        qemu.Write(2, 0);
        qemu.Kill();
        Assert.False(overlay.MayRun);
        MigrationException error = Assert.Throws<MigrationException>(overlay.Release);
        Assert.Equal(MigrationErrorId.VerificationFailed, error.ErrorId);
        Assert.Contains("is lost with it", error.Message, StringComparison.Ordinal);
        Assert.Contains("xl destroy 5", error.Remedy, StringComparison.Ordinal);
        Assert.Throws<MigrationException>(overlay.SetAside);
        Assert.Equal(1, qemu.Content[0]);
    }

    [Fact]
    public void No_file_of_an_overlay_is_left_even_where_QEMU_refuses_it()
    {
        using RealQemu qemu = new("raw");
        using (qemu.Layer.AddOverlay(qemu.Name, 64 << 20, Limit))
        {
            Assert.Empty(Files());
            Assert.Contains("refused blockdev-add", Assert.Throws<MigrationException>(() => qemu.Layer.AddOverlay(qemu.Name, 64 << 20, Limit)).Message, StringComparison.Ordinal);
        }

        Assert.Empty(Files());
        File.WriteAllText(Path.Combine(OverlayFolder.Open(), qemu.Name.Store), "of a killed tool");
        qemu.Layer.RemoveFiles(ImageName.FilesOf(qemu.Name.DomId, qemu.Name.Uuid));
        Assert.Empty(Files());

        string[] Files() => Directory.GetFiles(OverlayFolder.Open(), $"{qemu.Name.Store}*");
    }

    [Fact]
    public void What_QEMU_writes_is_what_it_has_open_to_write()
    {
        using RealQemu qemu = new("qcow2");
        Assert.Equal([qemu.Image], qemu.Layer.WrittenBy(5));
        qemu.Kill();
        Assert.Null(qemu.Layer.WrittenBy(5));
    }

    [Theory]
    [InlineData("""[]""", """[]""")]
    [InlineData("""[{"node-name":"xvda-raw","file":"/srv/other.img","ro":false,"image":{"virtual-size":512}}]""", """[{"inserted":{"node-name":"xvda-raw"}}]""")]
    [InlineData("""[{"node-name":"xvda-raw","file":"/srv/web.img","ro":false,"image":{"virtual-size":512}}]""", """[{"device":"cd"}]""")]
    [InlineData("""[{"node-name":"xvda-raw","file":"/srv/web.img","ro":false,"image":{"virtual-size":512}}]""", """[{"inserted":{"node-name":"backup"}}]""")]
    [InlineData("""[{"node-name":"xvda-raw","file":"/srv/web.img","ro":false,"image":{"virtual-size":512}}]""", """[{"inserted":{"node-name":"prerecord-51712"}}]""")]
    public void A_disk_with_which_somebody_else_works_is_refused(string nodes, string devices)
    {
        using FakeQemu qemu = new(command => $$"""{"return": {{(command == "query-block" ? devices : nodes)}}}""");
        MigrationException error = Assert.Throws<MigrationException>(() => Layer(qemu).StateOf(s_image));
        Assert.Equal(MigrationErrorId.OutputNotIsolable, error.ErrorId);
        Assert.Contains("disk 51712 of domain 5", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""[5]""")]
    [InlineData("""[{"node-name":5}]""")]
    [InlineData("""[{"node-name":"\ud800"}]""")]
    [InlineData("""[{"node-name":"xvda-raw","image":{"virtual-size":1e99},"ro":false,"file":""}]""")]
    [InlineData("""[{"node-name":"xvda-raw","image":[],"ro":false,"file":""}]""")]
    [InlineData("""[{"id":"prerecord-51712","total-progress":"1"}]""")]
    public void What_QEMU_should_not_say_is_an_error(string answer)
    {
        using FakeQemu qemu = new(_ => $$"""{"return": {{answer}}}""");
        Assert.Equal(MigrationErrorId.HypervisorCall, Assert.Throws<MigrationException>(() => Layer(qemu).MergeOf(s_image)).ErrorId);
        if (!answer.Contains("\"id\"", StringComparison.Ordinal))
        {
            Assert.Equal(MigrationErrorId.HypervisorCall, Assert.Throws<MigrationException>(() => Layer(qemu).StateOf(s_image)).ErrorId);
        }
    }

    [Fact]
    public void What_is_left_to_bring_back_is_what_QEMU_says_and_never_less_than_nothing()
    {
        using FakeQemu qemu = new(_ => """{"return": [{"id":"other"},{"id":"prerecord-51712","total-progress":5,"current-progress":9,"status":"running"}]}""");
        Assert.Equal(new MergeState(0, IsReady: false), Layer(qemu).MergeOf(s_image));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(513)]
    [InlineData(OverlayImage.LargestDisk + 512)]
    public void A_disk_of_an_impossible_size_has_no_overlay(long bytes) =>
        Assert.Equal(MigrationErrorId.OutputNotIsolable, Assert.Throws<MigrationException>(() => OverlayImage.Make(bytes)).ErrorId);

    private static QemuImages Layer(FakeQemu qemu) => new(_ => qemu.SocketPath, TimeSpan.FromSeconds(60));
}
