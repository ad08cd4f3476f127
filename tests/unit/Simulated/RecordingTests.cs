using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Tests.Simulated;

public sealed class RecordingTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(GuestTests.Workloads), MemberType = typeof(GuestTests))]
    public void Every_touched_page_is_recorded_once_an_epoch_in_order(GuestWorkloadKind workload)
    {
        using SimulatedHost host = new("host");
        SimulatedDomainOptions options = TestGuests.Options(workload);
        host.CreateDomain(options);
        using ISourceDomain source = host.OpenSource(options.Name);
        using IAccessRecorder recorder = source.StartRecording(null);
        AccessTrajectory trajectory = TestGuests.Record(source, recorder, 4, TimeSpan.FromMilliseconds(5));
        Assert.Equal(Log(options, 4, 1_000), trajectory.Records.ToArray());
        Assert.True(recorder.IsEpochOrdered);
        Assert.Equal(1, recorder.UntrackedPages.Count);
    }

    [Fact]
    public void With_backups_exactly_the_written_pages_are_kept()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(TestGuests.Options(GuestWorkloadKind.HotSet, vcpus: 2));
        domain.RunOperations(500, s_cancel);
        IGuestMemory before = domain.ReferenceMemory();
        using ISourceDomain source = host.OpenSource(domain.Name);
        PageBackup backups = new(source.Memory.PageCount);
        source.Suspend(TimeSpan.FromSeconds(10), s_cancel);
        using IAccessRecorder recorder = source.StartRecording(backups);
        source.Resume();
        TestGuests.Record(source, recorder, 2, TimeSpan.FromMilliseconds(5));
        source.Pause();
        byte[] then = new byte[Page.Size];
        byte[] now = new byte[Page.Size];
        foreach (int pfn in domain.PopulatedPages.Pfns())
        {
            before.Read([pfn], then);
            source.Memory.Read([pfn], now);
            Assert.Equal(!then.AsSpan().SequenceEqual(now), backups.Contains(pfn));
        }

        Assert.Equal(-1, SimulatedReference.FirstDifference(domain.PopulatedPages, before, new CheckpointMemory(source.Memory, backups)));
    }

    [Fact]
    public void A_full_backup_store_holds_the_writer_until_the_traps_are_gone()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(TestGuests.Options(GuestWorkloadKind.HotSet));
        using (ISourceDomain source = host.OpenSource(domain.Name))
        {
            source.Suspend(TimeSpan.FromSeconds(10), s_cancel);
            byte[] checkpoint = TestGuests.Hash(source.Memory, domain.PopulatedPages);
            PageBackup backups = new(source.Memory.PageCount, 20);
            IAccessRecorder recorder = source.StartRecording(backups);
            source.Resume();
            MigrationException full = Assert.Throws<MigrationException>(() => source.RunFor(TimeSpan.FromMilliseconds(50), s_cancel));
            Assert.Equal(MigrationErrorId.BackupStoreFull, full.ErrorId);
            Assert.Equal(domain.Name, full.Target);
            source.Pause();
            Assert.Equal(checkpoint, TestGuests.Hash(new CheckpointMemory(source.Memory, backups), domain.PopulatedPages));
            recorder.Dispose();
            source.Resume();
        }

        domain.RunOperations(1_000, s_cancel);
        Assert.Equal(0, domain.CheckErrors);
        Assert.Equal(-1, SimulatedReference.FirstDifference(domain.PopulatedPages, domain.Memory, domain.ReferenceMemory()));
    }

    [Fact]
    public void Dirty_pages_are_those_that_changed_since_the_last_look()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(TestGuests.Options(GuestWorkloadKind.Sequential));
        using ISourceDomain source = host.OpenSource(domain.Name);
        using IDirtyTracker tracker = source.StartDirtyTracking();
        PageBitmap dirty = new(source.Memory.PageCount);
        byte[] then = new byte[Page.Size];
        byte[] now = new byte[Page.Size];
        for (int round = 0; round < 3; round++)
        {
            IGuestMemory before = domain.ReferenceMemory();
            source.RunFor(TimeSpan.FromMilliseconds(1), s_cancel);
            tracker.Collect(dirty);
            foreach (int pfn in domain.PopulatedPages.Pfns())
            {
                before.Read([pfn], then);
                source.Memory.Read([pfn], now);
                Assert.Equal(!then.AsSpan().SequenceEqual(now), dirty[pfn]);
            }
        }

        tracker.Collect(dirty);
        Assert.Equal(domain.SharedInfoPfns, dirty.Pfns());
    }

    [Fact]
    public void Backups_need_a_suspended_domain_and_a_domain_one_recorder()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(TestGuests.Options(GuestWorkloadKind.Idle));
        using ISourceDomain source = host.OpenSource(domain.Name);
        AssertState(() => source.StartRecording(new PageBackup(source.Memory.PageCount)));
        AssertState(() => source.CaptureCoreState(source.GetPopulatedPages()));
        using (source.StartRecording(null))
        {
            AssertState(() => source.StartRecording(null));
        }

        source.StartRecording(null).Dispose();

        static void AssertState(Action action) =>
            Assert.Equal(MigrationErrorId.DomainState, Assert.Throws<MigrationException>(action).ErrorId);
    }

    /// <summary>The same guest under a trap handler of the test's own.</summary>
    private static AccessRecord[] Log(SimulatedDomainOptions options, int epochs, int operations)
    {
        GuestImage image = GuestBuilder.Build(options);
        Logger logger = new(image.Pages);
        image.Pages.Handler = logger;
        GuestCpu cpu = new(image.Pages, new GuestLayout(options), options.Seed, 0, image.SharedInfoPfns[0], image.Contexts[0]);
        IGuestWorkload workload = GuestWorkloads.Create(options);
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            logger.Epoch = epoch;
            foreach (int pfn in image.Pages.Populated.Pfns().Except(image.SharedInfoPfns))
            {
                image.Pages.Trap(pfn, PageTraps.Access);
            }

            for (int i = 0; i < operations; i++)
            {
                cpu.Step(workload);
            }
        }

        return [.. logger.Records];
    }

    private sealed class Logger(GuestPages pages) : ITrapHandler
    {
        public List<AccessRecord> Records { get; } = [];

        public int Epoch { get; set; }

        public bool Handle(int vcpu, int pfn, bool isWrite)
        {
            Records.Add(new AccessRecord(Records.Count, Epoch, pfn, isWrite ? AccessKind.Write : AccessKind.Read));
            pages.Untrap(pfn, PageTraps.Access);
            return true;
        }
    }
}
