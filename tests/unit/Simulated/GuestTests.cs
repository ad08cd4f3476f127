using PreRecordMigration.Pages;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Tests.Simulated;

/// <summary>The guest itself: a function of its options and its operations, which notices every wrong byte.</summary>
public sealed class GuestTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    public static TheoryData<GuestWorkloadKind> Workloads => [.. Enum.GetValues<GuestWorkloadKind>()];

    [Theory]
    [MemberData(nameof(Workloads))]
    public void Memory_is_a_function_of_options_and_operations(GuestWorkloadKind workload)
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(TestGuests.Options(workload, vcpus: 2));
        // The domain runs in pieces of odd sizes on two threads; the reference runs in one go on one thread.
        foreach (int count in new[] { 1, 62, 1, 700, 3_333 })
        {
            domain.RunOperations(count, s_cancel);
        }

        Assert.Equal([4_097L, 4_097L], domain.Operations);
        Assert.Equal(0, domain.CheckErrors);
        Assert.Equal(-1, SimulatedReference.FirstDifference(domain.PopulatedPages, domain.Memory, domain.ReferenceMemory()));
    }

    [Fact]
    public void Another_seed_or_count_makes_another_memory()
    {
        SimulatedDomainOptions options = TestGuests.Options(GuestWorkloadKind.HotSet);
        PageBitmap populated = new GuestPages(new GuestLayout(options).PageCount, new GuestLayout(options).Populated).Populated;
        byte[] memory = TestGuests.Hash(SimulatedReference.MemoryAt(options, [1000]), populated);
        Assert.Equal(memory, TestGuests.Hash(SimulatedReference.MemoryAt(options, [1000]), populated));
        Assert.NotEqual(memory, TestGuests.Hash(SimulatedReference.MemoryAt(options, [1064]), populated));
        Assert.NotEqual(memory, TestGuests.Hash(SimulatedReference.MemoryAt(options with { Seed = 8 }, [1000]), populated));
    }

    [Fact]
    public void A_single_wrong_byte_is_seen()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(TestGuests.Options(GuestWorkloadKind.Sequential) with { WritePercent = 0 });
        domain.RunOperations(1_000, s_cancel);
        int working = new GuestLayout(domain.Options).WorkingSetPages;
        // Each data page is damaged in turn. The walk reads the whole working set, so exactly the pages in it are noticed.
        byte[] page = new byte[Page.Size];
        int noticed = 0;
        foreach (int pfn in domain.PopulatedPages.Pfns().Where((_, i) => i % 16 == 0))
        {
            domain.Memory.Read([pfn], page);
            byte original = page[^1];
            page[^1] ^= 1;
            domain.Memory.Write([pfn], page);
            long before = domain.CheckErrors;
            domain.RunOperations(working, s_cancel);
            noticed += domain.CheckErrors > before ? 1 : 0;
            domain.Memory.Read([pfn], page);
            page[^1] = original;
            domain.Memory.Write([pfn], page);
        }

        Assert.InRange(noticed, working / 16 / 2, working / 4);
        long errors = domain.CheckErrors;
        domain.RunOperations(working, s_cancel);
        Assert.Equal(errors, domain.CheckErrors);
    }

    [Fact]
    public void Garbage_instead_of_memory_is_counted_and_never_thrown()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(TestGuests.Options(GuestWorkloadKind.ManyProcesses));
        byte[] page = new byte[Page.Size];
        Random random = new(3);
        foreach (int pfn in domain.PopulatedPages.Pfns())
        {
            random.NextBytes(page);
            domain.Memory.Write([pfn], page);
        }

        domain.RunOperations(5_000, s_cancel);
        Assert.True(domain.CheckErrors >= 5_000);
    }

    [Fact]
    public void A_context_survives_its_journey_and_an_impossible_one_is_refused()
    {
        GuestLayout layout = new(TestGuests.Options(GuestWorkloadKind.ManyProcesses));
        VcpuContext context = new()
        {
            Operations = 77,
            CheckErrors = 3,
            Random = new GuestRandom(5),
            Cr3 = 0x1234_5000,
            Process = 4,
            SwitchAt = 99,
        };
        byte[] bytes = new byte[VcpuContext.Size];
        context.WriteTo(bytes);
        Assert.True(VcpuContext.TryRead(bytes, layout, out VcpuContext read));
        byte[] again = new byte[VcpuContext.Size];
        read.WriteTo(again);
        Assert.Equal(bytes, again);
        Assert.False(VcpuContext.TryRead(Enumerable.Repeat((byte)255, VcpuContext.Size).ToArray(), layout, out _));
    }

    [Fact]
    public void A_guest_runs_free_as_far_as_it_was_told()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain paced = host.CreateDomain(TestGuests.Options(GuestWorkloadKind.HotSet, vcpus: 2) with
        {
            FreeRunning = true,
            StopAtOperations = 3_000,
        });
        paced.WaitForOperations(3_000, s_cancel);
        Assert.Equal([3_000L, 3_000L], paced.Operations);
        Assert.Equal(-1, SimulatedReference.FirstDifference(paced.PopulatedPages, paced.Memory, paced.ReferenceMemory()));
    }
}
