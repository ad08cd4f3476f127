using System.Numerics;

namespace PreRecordMigration.Simulated.Guest;

/// <summary>Walks the working set as a program walks a matrix by columns: every fourth page, then those beside them.</summary>
internal sealed class StridedWorkload(int writePercent) : IGuestWorkload
{
    private const int Stride = 4;

    public void Step(GuestCpu cpu, long operation)
    {
        int pages = cpu.Layout.WorkingSetPages;
        int first = (cpu.Layout.DataPagesPerProcess - pages) / 3;
        int column = pages / Stride;
        int index = (int)(operation % (column * Stride));
        cpu.Touch(first + (index % column * Stride) + (index / column), writePercent);
    }
}

/// <summary>Any page of the data, each as likely as any other.</summary>
internal sealed class UniformRandomWorkload(int writePercent) : IGuestWorkload
{
    public void Step(GuestCpu cpu, long operation) =>
        cpu.Touch(cpu.Context.Random.Below(cpu.Layout.DataPagesPerProcess), writePercent);
}

/// <summary>
/// Pages of all the data by their rank, half as likely where the rank is twice as high (Zipf, with exponent 1, in steps of
/// powers of two). Ranks are scattered in clusters.
/// </summary>
internal sealed class ZipfHotSetWorkload(int writePercent) : IGuestWorkload
{
    private const int Cluster = 8;

    public void Step(GuestCpu cpu, long operation)
    {
        ref GuestRandom random = ref cpu.Context.Random;
        int clusters = cpu.Layout.DataPagesPerProcess / Cluster;
        int rank = (1 << random.Below(BitOperations.Log2((uint)clusters) + 1)) - 1;
        rank = Math.Min(rank + random.Below(rank + 1), clusters - 1);

        // An odd factor is a permutation of the clusters up to the power of two below their number.
        int place = (int)(((uint)rank * 2_654_435_761u) & (BitOperations.RoundUpToPowerOf2((uint)clusters) / 2 - 1));
        cpu.Touch((place * Cluster) + random.Below(Cluster), writePercent);
    }
}

/// <summary>Works on one part of the data for a time, then on another: in turns walking it and at random in it.</summary>
internal sealed class PhaseChangingWorkload(int writePercent) : IGuestWorkload
{
    private const int PhaseOperations = 15_000;

    public void Step(GuestCpu cpu, long operation)
    {
        long phase = operation / PhaseOperations;
        int pages = cpu.Layout.WorkingSetPages;
        int areas = Math.Max(1, cpu.Layout.DataPagesPerProcess / pages);
        int first = (int)(GuestRandom.Mix((ulong)phase) % (ulong)areas) * pages;
        int offset = phase % 2 == 0 ? (int)(operation % pages) : cpu.Context.Random.Below(pages);
        cpu.Touch(first + offset, writePercent);
    }
}
