using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Tests.Ordering;

/// <summary>Small recordings for the tests of orders.</summary>
internal static class Trajectories
{
    public static readonly TimeSpan Epoch = TimeSpan.FromMilliseconds(100);

    /// <summary>One epoch that touched pages in this order.</summary>
    public static AccessTrajectory OfPages(int pageCount, IEnumerable<int> pfns, bool isEpochOrdered = true) =>
        OfEpochs(pageCount, isEpochOrdered, [.. pfns]);

    /// <summary>Epochs that touched pages in this order, each page once in an epoch.</summary>
    public static AccessTrajectory OfEpochs(int pageCount, bool isEpochOrdered, params int[][] epochs)
    {
        List<AccessRecord> records = [];
        for (int epoch = 0; epoch < epochs.Length; epoch++)
        {
            foreach (int pfn in epochs[epoch].Distinct())
            {
                AccessKind kind = pfn % 3 == 0 ? AccessKind.Write : AccessKind.Read;
                records.Add(new AccessRecord(records.Count, epoch, pfn, kind));
            }
        }

        return new AccessTrajectory([.. records], pageCount, Epoch, Math.Max(1, epochs.Length), isEpochOrdered);
    }

    /// <summary>A random recording: runs up and down, clusters and single pages.</summary>
    public static AccessTrajectory Random(int seed, int pageCount, int epochs, int touches)
    {
        Random random = new(seed);
        int[][] touched = new int[epochs][];
        for (int i = 0; i < epochs; i++)
        {
            List<int> pfns = [];
            while (pfns.Count < touches)
            {
                int at = random.Next(pageCount);
                int step = random.Next(-3, 4);
                for (int length = random.Next(1, 20); length > 0 && at >= 0 && at < pageCount; length--, at += step)
                {
                    pfns.Add(at);
                }
            }

            touched[i] = [.. pfns];
        }

        return OfEpochs(pageCount, random.Next(2) == 0, touched);
    }

    public static PageBitmap All(int pageCount)
    {
        PageBitmap all = new(pageCount);
        all.SetAll();
        return all;
    }
}
