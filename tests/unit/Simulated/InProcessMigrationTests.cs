using System.Security.Cryptography;
using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Tests.Simulated;

/// <summary>All three methods by direct calls, without a network: what the interfaces promise is enough to migrate.</summary>
public sealed class InProcessMigrationTests
{
    private const long WindowOperations = 20_000;
    private static readonly TimeSpan s_epoch = TimeSpan.FromMilliseconds(20);
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    public static TheoryData<GuestWorkloadKind, int> Guests => new()
    {
        { GuestWorkloadKind.Idle, 1 },
        { GuestWorkloadKind.Sequential, 1 },
        { GuestWorkloadKind.HotSet, 1 },
        { GuestWorkloadKind.HotSet, 2 },
        { GuestWorkloadKind.ManyProcesses, 1 },
        { GuestWorkloadKind.ManyProcesses, 3 },
        { GuestWorkloadKind.Replay, 1 },
    };

    [Theory]
    [MemberData(nameof(Guests))]
    public void Pre_record_with_rollback_resumes_from_the_checkpoint(GuestWorkloadKind workload, int vcpus)
    {
        using SimulatedHost left = new("left");
        using SimulatedHost right = new("right");
        SimulatedDomainOptions options = TestGuests.Options(workload, vcpus) with { StopAtOperations = 40_000 };
        SimulatedDomain domain = left.CreateDomain(options);
        domain.RunOperations(5_000, s_cancel);

        using ISourceDomain source = left.OpenSource(domain.Name);
        IOutputPlug plug = source.PlugOutputs(OutputLimits.Default);
        source.Suspend(TimeSpan.FromSeconds(10), s_cancel);
        plug.Hold();
        byte[] atCheckpoint = TestGuests.Hash(source.Memory, domain.PopulatedPages);
        PageBackup backups = new(source.Memory.PageCount);
        AccessTrajectory trajectory;
        CoreState core;
        using (IAccessRecorder recorder = source.StartRecording(backups))
        {
            core = PageTableWalker.AddPageTables(source.CaptureCoreState(source.GetPopulatedPages()), source.Memory, source.GetPopulatedPages());
            source.Resume();
            trajectory = TestGuests.Record(source, recorder, 5, s_epoch);
            source.Pause();
        }

        CheckpointMemory checkpoint = new(source.Memory, backups);
        Assert.Equal(5_000 + WindowOperations, domain.Operations[0]);
        Assert.Equal(atCheckpoint, TestGuests.Hash(checkpoint, domain.PopulatedPages));
        Assert.NotEqual(atCheckpoint, TestGuests.Hash(source.Memory, domain.PopulatedPages));

        using IIncomingDomain incoming = right.CreateIncoming(source.Describe(), s_cancel);
        IRemotePaging paging = incoming.EnableRemotePF();
        paging.TakeAway(source.GetPopulatedPages());
        incoming.Restore(core, s_cancel);
        PageOrder order = PageOrder.Build(paging.Missing, trajectory, [PageOrderStrategy.RecordedFirst]);
        plug.Drop();
        incoming.Unpause();
        TestGuests.PushAndServe(checkpoint, paging, order);
        source.Destroy();
        Finish(right, incoming, paging, options);
        Assert.Empty(left.Violations);
        TestGuests.AssertGapless([.. left.Outputs, .. right.Outputs], options);
    }

    [Theory]
    [MemberData(nameof(Guests))]
    public void Post_copy_moves_the_suspended_state(GuestWorkloadKind workload, int vcpus)
    {
        using SimulatedHost left = new("left");
        using SimulatedHost right = new("right");
        SimulatedDomainOptions options = TestGuests.Options(workload, vcpus) with { StopAtOperations = 20_000 };
        SimulatedDomain domain = left.CreateDomain(options);
        domain.RunOperations(5_000, s_cancel);

        using ISourceDomain source = left.OpenSource(domain.Name);
        using IIncomingDomain incoming = right.CreateIncoming(source.Describe(), s_cancel);
        IRemotePaging paging = incoming.EnableRemotePF();
        paging.TakeAway(source.GetPopulatedPages());
        source.Suspend(TimeSpan.FromSeconds(10), s_cancel);
        incoming.Restore(
            PageTableWalker.AddPageTables(source.CaptureCoreState(source.GetPopulatedPages()), source.Memory, source.GetPopulatedPages()), s_cancel);
        incoming.Unpause();
        TestGuests.PushAndServe(source.Memory, paging, PageOrder.Sequential(paging.Missing));
        source.Destroy();
        Finish(right, incoming, paging, options);
        Assert.Empty(left.Violations);
        TestGuests.AssertGapless([.. left.Outputs, .. right.Outputs], options);
    }

    [Theory]
    [MemberData(nameof(Guests))]
    public void Pre_copy_converges_on_a_free_running_guest(GuestWorkloadKind workload, int vcpus)
    {
        using SimulatedHost left = new("left");
        using SimulatedHost right = new("right");
        SimulatedDomainOptions options = TestGuests.Options(workload, vcpus) with
        {
            FreeRunning = true,
            IsPaced = false,
            StopAtOperations = 60_000,
        };
        SimulatedDomain domain = left.CreateDomain(options);
        using ISourceDomain source = left.OpenSource(domain.Name);
        using IIncomingDomain incoming = right.CreateIncoming(source.Describe(), s_cancel);
        PageBitmap dirty = source.GetPopulatedPages();
        using (IDirtyTracker tracker = source.StartDirtyTracking())
        {
            for (int round = 0; round < 4; round++)
            {
                TestGuests.Copy(source.Memory, incoming.Memory, dirty);
                tracker.Collect(dirty);
            }

            source.Suspend(TimeSpan.FromSeconds(10), s_cancel);
            TestGuests.Copy(source.Memory, incoming.Memory, dirty);
            tracker.Collect(dirty);
            TestGuests.Copy(source.Memory, incoming.Memory, dirty);
        }

        incoming.Restore(
            PageTableWalker.AddPageTables(source.CaptureCoreState(source.GetPopulatedPages()), source.Memory, source.GetPopulatedPages()), s_cancel);
        Assert.Equal(-1, SimulatedReference.FirstDifference(domain.PopulatedPages, source.Memory, incoming.Memory));
        source.Destroy();
        incoming.Unpause();
        Finish(right, incoming, null, options);
        TestGuests.AssertGapless([.. left.Outputs, .. right.Outputs], options);
    }

    private static void Finish(
        SimulatedHost host, IIncomingDomain incoming, IRemotePaging? paging, SimulatedDomainOptions options)
    {
        paging?.Disable();
        incoming.Complete();
        SimulatedDomain arrived = host.GetDomain(options.Name);
        arrived.WaitForOperations(options.StopAtOperations!.Value, s_cancel);
        Assert.Equal(0, arrived.CheckErrors);
        Assert.Equal(
            -1, SimulatedReference.FirstDifference(arrived.PopulatedPages, arrived.ReferenceMemory(), arrived.Memory));
        Assert.Empty(host.Violations);
    }
}

/// <summary>Guests and steps that several tests use.</summary>
internal static class TestGuests
{
    public static SimulatedDomainOptions Options(GuestWorkloadKind workload, int vcpus = 1) => new()
    {
        Name = "guest",
        Workload = workload,
        VcpuCount = vcpus,
        MemoryBytes = 12 << 20,
        Seed = 7,
        OutputInterval = 100,
        Replay = workload == GuestWorkloadKind.Replay ? Trajectory() : null,
    };

    public static AccessTrajectory Trajectory() => new(
        [.. Enumerable.Range(0, 300).Select(i => new AccessRecord(i, 0, i * 37 % 1000, i % 3 == 0 ? AccessKind.Write : AccessKind.Read))],
        1000, TimeSpan.FromMilliseconds(10), 1, true);

    public static byte[] Hash(IGuestMemory memory, PageBitmap populated)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] page = new byte[Page.Size];
        foreach (int pfn in populated.Pfns())
        {
            memory.Read([pfn], page);
            hash.AppendData(page);
        }

        return hash.GetHashAndReset();
    }

    public static AccessTrajectory Record(ISourceDomain source, IAccessRecorder recorder, int epochs, TimeSpan epoch)
    {
        List<AccessRecord> records = [];
        AccessRecord[] batch = new AccessRecord[100];
        for (int i = 0; i < epochs; i++)
        {
            if (i > 0)
            {
                recorder.BeginEpoch();
            }

            source.RunFor(epoch, TestContext.Current.CancellationToken);
            for (int count; (count = recorder.Drain(batch)) > 0;)
            {
                records.AddRange(batch[..count]);
            }
        }

        return new AccessTrajectory([.. records], source.Memory.PageCount, epoch, epochs, recorder.IsEpochOrdered);
    }

    public static void Copy(IGuestMemory from, IGuestMemory to, PageBitmap pages)
    {
        byte[] page = new byte[Page.Size];
        foreach (int pfn in pages.Pfns())
        {
            from.Read([pfn], page);
            to.Write([pfn], page);
        }
    }

    /// <summary>Answers every fault at once, and pushes a page of the order after each look for faults.</summary>
    /// <returns>How many faults were answered.</returns>
    public static int PushAndServe(IGuestMemory memory, IRemotePaging paging, PageOrder order)
    {
        byte[] page = new byte[Page.Size];
        PageFault[] faults = new PageFault[4];
        int served = 0;
        foreach (int pfn in order.Pfns)
        {
            int count = paging.WaitFault(faults, TimeSpan.Zero, TestContext.Current.CancellationToken);
            foreach (PageFault fault in faults.AsSpan(0, count))
            {
                served += PlaceOnce(fault.Pfn);
            }

            PlaceOnce(pfn);
        }

        return served;

        int PlaceOnce(int pfn)
        {
            if (!paging.Missing[pfn])
            {
                return 0;
            }

            memory.Read([pfn], page);
            paging.Place([pfn], page);
            return 1;
        }
    }

    /// <summary>Every output of every vCPU once, in order: nothing escaped twice, nothing was lost.</summary>
    public static void AssertGapless(IReadOnlyList<SimulatedOutput> outputs, SimulatedDomainOptions options)
    {
        for (int vcpu = 0; vcpu < options.VcpuCount; vcpu++)
        {
            long[] numbers = [.. outputs.Where(output => output.Vcpu == vcpu).Select(output => output.Number)];
            Assert.Equal(
                Enumerable.Range(1, (int)(options.StopAtOperations!.Value / options.OutputInterval)).Select(number => (long)number),
                numbers);
        }
    }
}
