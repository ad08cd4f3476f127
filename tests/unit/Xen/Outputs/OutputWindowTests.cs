using System.Diagnostics.CodeAnalysis;
using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Tests.Xen.Life;
using PreRecordMigration.Xen.Life;

namespace PreRecordMigration.Tests.Xen.Outputs;

/// <summary>
/// A domain with a card and a disk goes through a window that is rolled back, and through one that is given up; every call into Xen and the control
/// domain fails, before and after it took effect, once and for good, and kills the tool. Afterwards, once the next tool has come, the domain runs with
/// all that it sent and wrote, or it has left and nothing of the window ever got out; and nothing of ours is left.
/// </summary>
public sealed class OutputWindowTests
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

    public static TheoryData<End> Ends => [.. Enum.GetValues<End>()];

    [Theory]
    [MemberData(nameof(Ends))]
    public void Nothing_fails(End end)
    {
        World world = new();
        world.Act(end);
        Assert.Equal(end is End.Left or End.TakenOver or End.DestroyedByHand, world.HasLeft);
        world.Check();
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public void Each_call_fails_once_before_it_took_effect(End end) => Each(end, (world, index) => world.Xen.FailAt(index, afterwards: false));

    [Theory]
    [MemberData(nameof(Ends))]
    public void Each_call_fails_once_after_it_took_effect(End end) => Each(end, (world, index) => world.Xen.FailAt(index, afterwards: true));

    [Theory]
    [MemberData(nameof(Ends))]
    public void The_tool_is_killed_before_each_call(End end) => Each(end, (world, index) => world.Xen.KillAt(index, afterwards: false));

    [Theory]
    [MemberData(nameof(Ends))]
    public void The_tool_is_killed_after_each_call(End end) => Each(end, (world, index) => world.Xen.KillAt(index, afterwards: true));

    [Theory]
    [MemberData(nameof(Ends))]
    public void Each_kind_of_call_fails_for_good(End end)
    {
        string[] names = [.. typeof(FakeControlDomain).GetMethods().Where(method => method.DeclaringType == typeof(FakeControlDomain)).Select(method => method.Name)];
        Assert.Contains("Resume", names);
        foreach (string name in names.Select(name => name == "IsThere" ? "IsCardThere" : name))
        {
            World world = new();
            world.Xen.FailAlways(name);
            _ = Record.Exception(() => world.Act(end));
            world.Settle(end);
            world.Check($"{name} fails for good");
        }
    }

    [Theory]
    [InlineData(nameof(FakeControlDomain.Load))]
    [InlineData(nameof(FakeControlDomain.Resume))]
    public void A_domain_whose_disk_lacks_what_was_set_aside_does_not_run_until_it_has_it(string call)
    {
        World world = new();
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

        World disk = new(new OutputLimits(64 << 20, 64 << 20));
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

    private static void Each(End end, Action<World, int> arrange)
    {
        int index = 0;
        for (; index < Most; index++)
        {
            World world = new();
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

    [SuppressMessage("Design", "CA1001", Justification = "The fake source is what the code under test disposes, and frees nothing.")]
    private sealed class World
    {
        private readonly OutputLimits _limits;
        private readonly FakeSource _source;
        private readonly FakeDomain _domain;
        private readonly List<string> _sent = [];
        private readonly SortedDictionary<long, int> _written = [];
        private readonly SortedDictionary<long, int> _atCheckpoint = [];
        private int _sentAtCheckpoint;
        private bool _isWindow;

        internal World(OutputLimits? limits = null)
        {
            _limits = limits ?? s_limits;
            _domain = Xen.Add("vm");
            Xen.Add("other");
            _source = new FakeSource(Xen, _domain);
            Xen.Write($"/libxl/1/device/vif/0/backend", "/local/domain/0/backend/vif/1/0");
            Xen.Write($"/local/domain/0/backend/vif/1/0/frontend", "/local/domain/1/device/vif/0");
            Xen.Write($"/local/domain/1/device/vif/0/state", "4");
            Xen.Write($"/local/domain/1/device/vif/0/tx-ring-ref", "9");
            Xen.Write($"/libxl/1/device/vbd/{Disk}/backend", $"/local/domain/0/backend/vbd/1/{Disk}");
            Xen.Write($"/local/domain/0/backend/vbd/1/{Disk}/params", "/dev/vg/lv");
            Xen.Write($"/local/domain/0/backend/vbd/1/{Disk}/mode", "w");
            Xen.Write($"/local/domain/0/backend/vbd/1/{Disk}/physical-device", "fe:0");
            Xen.Write($"/local/domain/1/device/vbd/{Disk}/state", "4");
            Xen.Write($"/local/domain/1/device/vbd/{Disk}/ring-ref", "8");
        }

        internal FakeXen Xen { get; } = new();

        internal SourceCustody Custody { get; private set; } = null!;

        internal bool HasLeft => !Xen.Domains.Contains(_domain);

        /// <summary>Until the window goes on.</summary>
        internal void Open()
        {
            Custody = new SourceCustody(_source.Open());
            Guest("before", 1, 1);
            Xen.Outputs.Serve();
            Custody.PlugOutputs(_limits);
            Guest("still before", 2, 1);
            Custody.Suspend(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

            // Asked for before the checkpoint: whatever becomes of it here, the destination asks for it again.
            Xen.Outputs.Ask(3, 1);
            _written[3] = 1;
            Custody.HoldOutputs();
            Checkpoint();
            Custody.Continue();
        }

        internal bool Runs => _domain.Runs;

        internal void TakeBack() => new SourceCustody(_source.Open(isReleased: true)).Dispose();

        internal void Act(End end)
        {
            Open();
            _isWindow = true;
            Guest("in the window", 1, 2);
            Guest("later in the window", 5, 2);
            Xen.Outputs.Serve();
            if (end == End.InWindow)
            {
                Custody.Dispose();
                return;
            }

            Guest("last", 6, 2);
            Custody.Pause();
            if (end == End.AfterWindow)
            {
                Custody.Dispose();
                return;
            }

            Leave();
            if (end == End.Left)
            {
                Custody.Destroy(GivenUp.ByTheAdministrator);
                Custody.Dispose();
            }
            else
            {
                Xen.Mend();
                GoOn(end);
            }
        }

        internal void ActUntilItHasLeft()
        {
            Open();
            Guest("in the window", 1, 2);
            Guest("later in the window", 5, 2);
            Custody.Pause();
            Leave();
        }

        private void Leave()
        {
            Custody.Departure = new Departure("there", new Continuation(Guid.NewGuid(), null, MigrationMethod.PreRecord, RecordingMode.Rollback));
            Custody.Leave();
            if (Xen.Outputs.LiveTable == FakeControlDomain.DiskTable)
            {
                // The destination may run from here on, on this very host, and writes to the same disk: nothing of ours comes over that.
                Assert.Equal(_atCheckpoint, Xen.Outputs.Blocks);
            }
        }

        /// <summary>What comes after a failure: the tool ends, and the next one does what is left to do.</summary>
        internal void Settle(End end)
        {
            _ = Record.Exception(() => Custody?.Dispose());
            Xen.Mend();
            if (Xen.Notes.Any(note => note.Contains("=Leaving", StringComparison.Ordinal)))
            {
                GoOn(end);
            }
            else if (Xen.Domains.Contains(_domain))
            {
                // Opening it says that it has left, where it has, and destroys what is left.
                _ = Record.Exception(() => new SourceCustody(_source.Open()).Dispose());
            }

            OpenOther();
        }

        internal void Check(string about = "")
        {
            Assert.True(Xen.Outputs.Ours.Count == 0, $"{about}: {string.Join(", ", Xen.Outputs.Ours)}");

            // A request to suspend whose outcome is open has a thread that settles it (DomainSuspensionTests).
            Assert.DoesNotContain(Xen.Notes, note => !note.StartsWith("/prerecord/suspend/", StringComparison.Ordinal));
            Assert.Equal(FakeControlDomain.DiskTable, Xen.Outputs.LiveTable);
            if (HasLeft)
            {
                Assert.Equal(_sent.Take(_sentAtCheckpoint), Xen.Outputs.Wire);
                Assert.Equal(_atCheckpoint.Where(block => block.Key != 3), Xen.Outputs.Blocks.Where(block => block.Key != 3));
                return;
            }

            Assert.True(_domain.Runs, about);
            Guest("afterwards", 7, 3);
            Xen.Outputs.Serve();
            Assert.True(_sent.SequenceEqual(Xen.Outputs.Wire), $"{about}: {string.Join(", ", Xen.Outputs.Wire)}");
            Assert.True(_written.SequenceEqual(Xen.Outputs.Blocks), $"{about}: {string.Join(", ", Xen.Outputs.Blocks)}");
        }

        private void GoOn(End end)
        {
            switch (end)
            {
                case End.TakenBack:
                    TakeBack();
                    break;
                case End.DestroyedByHand:
                    Xen.Remove(_domain);
                    OpenOther();
                    break;
                default:
                    SourceCustody next = new(_source.OpenLeaving());
                    next.Destroy(GivenUp.ByTheAdministrator);
                    next.Dispose();
                    break;
            }
        }

        private void OpenOther()
        {
            FakeSource other = new(Xen, Xen.Domains.Single(domain => domain.DomId == 2));
            new SourceCustody(new SourceOpening(Xen.Connect(), (_, _) => other, Xen.Connect, Xen.Layers).Open("other")).Dispose();
        }

        /// <summary>The guest writes.</summary>
        internal void Ask(long block, int content)
        {
            Xen.Outputs.Ask(block, content);
            _written[block] = content;
        }

        /// <summary>The guest sends.</summary>
        internal void Send(string packet)
        {
            Xen.Outputs.Send(packet);
            _sent.Add(packet);
        }

        /// <summary>What the guest does, where it runs.</summary>
        private void Guest(string packet, long block, int content)
        {
            if (_domain.Runs)
            {
                Send(packet);
                Ask(block, content);
            }
        }

        private void Checkpoint()
        {
            Assert.False(_isWindow);
            _sentAtCheckpoint = _sent.Count;
            foreach ((long block, int content) in _written)
            {
                _atCheckpoint[block] = content;
            }
        }
    }
}
