using PreRecordMigration.Options;

namespace PreRecordMigration.Tests.Xen.Outputs;

/// <summary>
/// A domain with a card and a disk goes through a window that is rolled back, and through one that is given up; every call into Xen and the control
/// domain fails, before and after it took effect, once and for good, and kills the tool. Afterwards, once the next tool has come, the domain runs with
/// all that it sent and wrote, or it has left and nothing of the window ever got out; and nothing of ours is left.
/// </summary>
public sealed partial class OutputWindowTests
{
    private const int Most = 400;
    private const string Disk = "51712";
    private static readonly OutputLimits s_limits = OutputLimits.Default;

    public enum End
    {
        /// <summary>Given up in the window, while the domain runs.</summary>
        InWindow,

        /// <summary>Given up when the window is over.</summary>
        AfterWindow,

        /// <summary>It leaves, and is destroyed here.</summary>
        Left,

        /// <summary>It leaves, its tool ends, and the next one takes it over and destroys it.</summary>
        TakenOver,

        /// <summary>It leaves, its tool ends, and the administrator says that it never ran elsewhere.</summary>
        TakenBack,

        /// <summary>It leaves, its tool ends, and somebody destroys the domain by hand.</summary>
        DestroyedByHand,
    }

    public enum Kind
    {
        /// <summary>A mapped device by itself.</summary>
        Mapped,

        /// <summary>One that the script made of a disk.</summary>
        Layered,

        /// <summary>An image that QEMU serves.</summary>
        Image,

        /// <summary>A mapped device that an emulator serves, as it does the card.</summary>
        Emulated,
    }

    /// <summary>Each end, of a domain with each kind of disk.</summary>
    public static TheoryData<End, Kind> Ends
    {
        get
        {
            TheoryData<End, Kind> ends = [];
            foreach (End end in Enum.GetValues<End>())
            {
                foreach (Kind kind in Enum.GetValues<Kind>())
                {
                    ends.Add(end, kind);
                }
            }

            return ends;
        }
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public void Nothing_fails(End end, Kind kind)
    {
        World world = new(kind: kind);
        world.Act(end);
        Assert.Equal(end is End.Left or End.TakenOver or End.DestroyedByHand, world.HasLeft);
        world.Check();
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public void Each_call_fails_once_before_it_took_effect(End end, Kind kind) => Each(end, kind, (world, index) => world.Xen.FailAt(index, afterwards: false));

    [Theory]
    [MemberData(nameof(Ends))]
    public void Each_call_fails_once_after_it_took_effect(End end, Kind kind) => Each(end, kind, (world, index) => world.Xen.FailAt(index, afterwards: true));

    [Theory]
    [MemberData(nameof(Ends))]
    public void The_tool_is_killed_before_each_call(End end, Kind kind) => Each(end, kind, (world, index) => world.Xen.KillAt(index, afterwards: false));

    [Theory]
    [MemberData(nameof(Ends))]
    public void The_tool_is_killed_after_each_call(End end, Kind kind) => Each(end, kind, (world, index) => world.Xen.KillAt(index, afterwards: true));

    [Theory]
    [MemberData(nameof(Ends))]
    public void Each_kind_of_call_fails_for_good(End end, Kind kind)
    {
        string[] names = [.. typeof(FakeControlDomain).GetMethods().Where(method => method.DeclaringType == typeof(FakeControlDomain)).Select(method => method.Name)];
        Assert.Contains("Resume", names);
        foreach (string name in names.Select(name => name == "IsThere" ? "IsCardThere" : name))
        {
            World world = new(kind: kind);
            world.Xen.FailAlways(name);
            _ = Record.Exception(() => world.Act(end));
            world.Settle(end);
            world.Check($"{name} fails for good");
        }
    }

    [Theory]
    [InlineData(nameof(FakeControlDomain.Load), Kind.Mapped)]
    [InlineData(nameof(FakeControlDomain.Resume), Kind.Mapped)]
    [InlineData(nameof(FakeControlDomain.BeginMerge), Kind.Image)]
    [InlineData(nameof(FakeControlDomain.EndMerge), Kind.Image)]
    public void A_domain_whose_disk_lacks_what_was_set_aside_does_not_run_until_it_has_it(string call, Kind kind)
    {
        World world = new(kind: kind);
        world.ActUntilItHasLeft();
        world.Xen.Mend();
        world.Xen.FailAlways(call);
        Assert.ThrowsAny<Exception>(world.TakeBack);
        Assert.False(world.Runs);

        world.Settle(End.TakenBack);
        Assert.True(world.Runs);
        world.Check();
    }

    [Fact]
    public void A_domain_whose_packets_cannot_be_released_runs_all_the_same()
    {
        World world = new();
        world.Xen.FailAlways(nameof(FakeControlDomain.RemoveIngress));
        Assert.ThrowsAny<Exception>(() => world.Act(End.AfterWindow));
        Assert.True(world.Runs);

        world.Settle(End.AfterWindow);
        world.Check();
    }

    /// <summary>What it wrote was never to leave. Its packets go with its card.</summary>
    [Theory]
    [InlineData(Kind.Mapped)]
    [InlineData(Kind.Layered)]
    public void A_domain_that_is_destroyed_by_hand_in_its_window_leaves_all_that_it_wrote_on_its_disk(Kind kind)
    {
        World world = new(kind: kind);
        world.Open();
        world.Ask(1, 2);
        world.Xen.Outputs.Serve();
        world.Ask(5, 2);
        world.Destroy();
        world.CheckDisk();
    }

    /// <summary>Its QEMU goes with it, and what QEMU had in its memory. So have the packets of the window, so that nobody has heard of what is not there.</summary>
    [Fact]
    public void A_domain_whose_QEMU_goes_in_its_window_leaves_its_disk_as_it_was_at_the_checkpoint()
    {
        World world = new(kind: Kind.Image);
        world.Open();
        world.Send("in the window");
        world.Ask(1, 2);
        world.Xen.Outputs.Serve();
        world.Destroy();
        world.CheckCheckpoint();
    }

    /// <summary>Its clients would hear of what is lost.</summary>
    [Fact]
    public void A_domain_whose_QEMU_is_killed_in_its_window_stands_still_and_nothing_of_it_gets_out()
    {
        World world = new(kind: Kind.Image);
        world.Open();
        world.Send("in the window");
        world.Ask(1, 2);
        world.Xen.Outputs.Serve();
        world.Xen.Outputs.KillQemu();
        Assert.Contains("is lost with it", Assert.ThrowsAny<Exception>(world.Custody.Dispose).ToString(), StringComparison.Ordinal);
        Assert.False(world.Runs);

        world.Destroy();
        world.CheckCheckpoint();
    }

    /// <summary>Its destination opens the image while QEMU still has it here.</summary>
    [Fact]
    public void A_domain_that_leaves_without_a_window_leaves_when_QEMU_has_written_all_that_it_was_asked_for()
    {
        World world = new(kind: Kind.Image);
        world.LeaveWithoutWindow();
        Assert.Equal([0], world.Xen.Outputs.Flushes);
    }

    [Fact]
    public void A_file_that_QEMU_had_not_opened_when_the_tool_was_killed_goes()
    {
        World world = new(kind: Kind.Image);
        world.Open();
        world.Xen.Outputs.LeaveFile($"prerecord-image-{world.Uuid}-1-51712");
        world.Custody.Dispose();
        world.Check();
    }

    [Theory]
    [InlineData(nameof(FakeControlDomain.List))]
    [InlineData(nameof(FakeControlDomain.RemoveOnceClosed))]
    [InlineData(nameof(FakeControlDomain.RemoveStore))]
    [InlineData(nameof(FakeControlDomain.Load))]
    public void A_layer_that_is_left_goes_when_nothing_is_to_come_to_the_disk_through_it(string call)
    {
        World world = new(kind: Kind.Layered);
        world.Open();
        world.Ask(1, 2);
        world.Destroy(call);
        Assert.Contains("prerecord_disk-1-51712", world.Xen.Outputs.Ours);

        world.Xen.Mend();
        world.OpenOther();
        world.CheckDisk();
    }

    /// <summary>What is held goes out while the domain stands: what it sends meanwhile would overtake that, and its clients would hear of writes that are not
    /// on its disk yet.</summary>
    [Fact]
    public void A_domain_that_is_given_up_in_its_window_stands_until_all_that_was_held_is_out()
    {
        string[] releases = [nameof(FakeControlDomain.Load), nameof(FakeControlDomain.Resume), nameof(FakeControlDomain.Release), nameof(FakeControlDomain.RemoveIngress)];
        World world = new();
        world.Open();
        world.Send("in the window");
        world.Ask(1, 2);
        world.Xen.Outputs.Serve();
        Assert.True(world.Runs);
        HashSet<string> seen = [];
        world.Xen.AfterCall = name =>
        {
            // What resumes a domain is called as what exchanges a disk's tables: it is that of the disk while something of it is held.
            if (releases.Contains(name) && world.Xen.Outputs.Ours.Count > 0)
            {
                seen.Add(name);
                Assert.False(world.Runs, name);
            }
        };
        world.Custody.Dispose();

        world.Xen.AfterCall = null;
        Assert.Equal(releases.Order(), seen.Order());
        world.Check();
    }

    [Fact]
    public void A_window_ends_early_before_a_disk_or_a_card_has_no_room()
    {
        // An eighth of the limit is left free, and what a ring of one page can still ask for: 32 requests of 257 blocks; and 256 slots of a page.
        World packets = new(new OutputLimits(2 << 20, 64 << 20));
        packets.Open();
        for (int i = 0; !packets.Custody.AreOutputsNearlyFull; i++)
        {
            Assert.InRange(i, 0, 2_000);
            packets.Send($"packet {i}");
        }

        Assert.Empty(packets.Xen.Outputs.Lost);
        packets.Custody.Dispose();
        packets.Check();

        Fill(Kind.Mapped);
        Fill(Kind.Image);
    }

    private static void Fill(Kind kind)
    {
        World disk = new(new OutputLimits(64 << 20, 64 << 20), kind);
        disk.Open();
        int written = 0;
        for (; !disk.Custody.AreOutputsNearlyFull; written++)
        {
            disk.Xen.Outputs.Ask(1000 + written, 1);
            disk.Xen.Outputs.Serve();
        }

        long room = (64 << 20) - (written * 4096L);
        Assert.InRange(room, (8 << 20) + (32 * 257 * 4096L) - (1 << 20), (64 << 20) / 2 + (32 * 257 * 4096L));
    }

    [Fact]
    public void Writing_the_same_block_again_and_again_does_not_end_the_window()
    {
        World world = new(new OutputLimits(64 << 20, 64 << 20));
        world.Open();
        for (int i = 0; i < 100_000; i++)
        {
            world.Xen.Outputs.Ask(7, i);
            world.Xen.Outputs.Serve();
            Assert.False(i % 1000 == 0 && world.Custody.AreOutputsNearlyFull);
        }

        world.Custody.Dispose();
        Assert.Equal(99_999, world.Xen.Outputs.Blocks[7]);
    }

    private static void Each(End end, Kind kind, Action<World, int> arrange)
    {
        int index = 0;
        for (; index < Most; index++)
        {
            World world = new(kind: kind);
            arrange(world, index);
            Exception? error = Record.Exception(() => world.Act(end));
            if (world.Xen.Failed is not { } failed)
            {
                Assert.Null(error);
                break;
            }

            world.Settle(end);
            world.Check($"{failed}, call {index}");
        }

        Assert.InRange(index, 60, Most - 1);
    }
}
