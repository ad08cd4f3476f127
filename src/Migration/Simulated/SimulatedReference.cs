using PreRecordMigration.Pages;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Simulated;

/// <summary>The oracle: an unmigrated guest, computed anew on the calling thread.</summary>
public static class SimulatedReference
{
    /// <summary>A guest's memory after a number of operations.</summary>
    /// <param name="options">What the guest is.</param>
    /// <param name="operations">Operations done, by vCPU.</param>
    public static IGuestMemory MemoryAt(SimulatedDomainOptions options, IReadOnlyList<long> operations)
    {
        options.Validate();
        ArgumentOutOfRangeException.ThrowIfNotEqual(operations.Count, options.VcpuCount, nameof(operations));
        GuestLayout layout = new(options);
        GuestImage image = GuestBuilder.Build(options);
        IGuestWorkload workload = GuestWorkloads.Create(options);
        for (int vcpu = 0; vcpu < operations.Count; vcpu++)
        {
            VcpuContext context = image.Contexts[vcpu];
            GuestCpu cpu = new(image.Pages, layout, options.Seed, vcpu, image.SharedInfoPfns[vcpu], context);
            while (context.Operations < operations[vcpu])
            {
                cpu.Step(workload);
            }
        }

        return new SimulatedMemory(null, image.Pages);
    }

    /// <summary>The first page in which two memories of the same guest differ, or −1.</summary>
    /// <param name="populated">The pages to compare.</param>
    /// <param name="left">One memory.</param>
    /// <param name="right">The other.</param>
    public static int FirstDifference(PageBitmap populated, IGuestMemory left, IGuestMemory right)
    {
        byte[] leftPage = new byte[Page.Size];
        byte[] rightPage = new byte[Page.Size];
        foreach (int pfn in populated.Pfns())
        {
            left.Read([pfn], leftPage);
            right.Read([pfn], rightPage);
            if (!leftPage.AsSpan().SequenceEqual(rightPage))
            {
                return pfn;
            }
        }

        return -1;
    }
}
