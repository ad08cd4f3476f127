using PreRecordMigration.Recording;

namespace PreRecordMigration.Simulated.Guest;

/// <summary>
/// What a guest does in one operation. Has no state of its own: whatever it needs to know is in the vCPU's context or in
/// the options, so that it goes on anywhere.
/// </summary>
internal interface IGuestWorkload
{
    /// <summary>Does operation number <paramref name="operation"/>: a fixed amount of work on the vCPU's own pages.</summary>
    void Step(GuestCpu cpu, long operation);
}

/// <summary>The workloads, by kind.</summary>
internal static class GuestWorkloads
{
    public static IGuestWorkload Create(SimulatedDomainOptions options) => options.Workload switch
    {
        GuestWorkloadKind.Idle => new IdleWorkload(),
        GuestWorkloadKind.Sequential => new SequentialWorkload(options.WritePercent),
        GuestWorkloadKind.HotSet => new HotSetWorkload(options.WritePercent),
        GuestWorkloadKind.ManyProcesses => new ManyProcessesWorkload(options.WritePercent),
        GuestWorkloadKind.Strided => new StridedWorkload(options.WritePercent),
        GuestWorkloadKind.UniformRandom => new UniformRandomWorkload(options.WritePercent),
        GuestWorkloadKind.ZipfHotSet => new ZipfHotSetWorkload(options.WritePercent),
        GuestWorkloadKind.PhaseChanging => new PhaseChangingWorkload(options.WritePercent),
        GuestWorkloadKind.Replay => new ReplayWorkload(options.Replay!),
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.Workload, "No such workload."),
    };

    /// <summary>Reads a page, or writes it in so many of a hundred cases.</summary>
    public static void Touch(this GuestCpu cpu, int page, int writePercent)
    {
        if (cpu.Context.Random.Below(100) < writePercent)
        {
            cpu.Write(page);
        }
        else
        {
            cpu.Read(page);
        }
    }

    /// <summary>Spreads a working set over the data in clusters of eight pages.</summary>
    public static int Scatter(GuestLayout layout, int index)
    {
        const int Cluster = 8;
        int clusters = Math.Max(1, layout.WorkingSetPages / Cluster);
        int stride = Math.Max(Cluster, layout.DataPagesPerProcess / clusters);
        return Math.Min((index / Cluster * stride) + (index % Cluster), layout.DataPagesPerProcess - 1);
    }
}

/// <summary>A timer tick that reads one of eight pages, and writes one every 64 ticks.</summary>
internal sealed class IdleWorkload : IGuestWorkload
{
    private const int PagesUsed = 8;

    public void Step(GuestCpu cpu, long operation)
    {
        if (operation % 64 == 0)
        {
            cpu.Write((int)(operation / 64 % PagesUsed));
        }
        else if (operation % 16 == 0)
        {
            cpu.Read((int)(operation / 16 % PagesUsed));
        }
    }
}

/// <summary>Walks the working set, which begins in the second third of the data, in ascending order.</summary>
internal sealed class SequentialWorkload(int writePercent) : IGuestWorkload
{
    public void Step(GuestCpu cpu, long operation)
    {
        int first = (cpu.Layout.DataPagesPerProcess - cpu.Layout.WorkingSetPages) / 3;
        cpu.Touch(first + (int)(operation % cpu.Layout.WorkingSetPages), writePercent);
    }
}

/// <summary>Random pages of the working set, and once in 128 times of all the data.</summary>
internal sealed class HotSetWorkload(int writePercent) : IGuestWorkload
{
    public void Step(GuestCpu cpu, long operation)
    {
        int page = operation % 128 == 127
            ? cpu.Context.Random.Below(cpu.Layout.DataPagesPerProcess)
            : GuestWorkloads.Scatter(cpu.Layout, cpu.Context.Random.Below(cpu.Layout.WorkingSetPages));
        cpu.Touch(page, writePercent);
    }
}

/// <summary>Runs one process for some hundred operations on its small working set, then another.</summary>
internal sealed class ManyProcessesWorkload(int writePercent) : IGuestWorkload
{
    private const int ShortestSlice = 100;
    private const int SliceSpread = 200;

    public void Step(GuestCpu cpu, long operation)
    {
        VcpuContext context = cpu.Context;
        if (operation >= context.SwitchAt)
        {
            context.SwitchAt = operation + ShortestSlice + context.Random.Below(SliceSpread);
            cpu.SwitchTo(context.Random.Below(cpu.Layout.ProcessesPerVcpu));
        }

        cpu.Touch(GuestWorkloads.Scatter(cpu.Layout, context.Random.Below(cpu.Layout.WorkingSetPages)), writePercent);
    }
}

/// <summary>Repeats the accesses of a recording, one an operation.</summary>
internal sealed class ReplayWorkload(AccessTrajectory trajectory) : IGuestWorkload
{
    public void Step(GuestCpu cpu, long operation)
    {
        AccessRecord record = trajectory.Records[(int)(operation % trajectory.Count)];
        int page = record.Pfn % cpu.Layout.DataPagesPerProcess;
        if (record.Kind == AccessKind.Write)
        {
            cpu.Write(page);
        }
        else
        {
            cpu.Read(page);
        }
    }
}
