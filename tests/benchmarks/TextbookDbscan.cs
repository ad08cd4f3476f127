namespace PreRecordMigration.Benchmarks;

/// <summary>DBSCAN as its authors wrote it, for points of one dimension: region queries, and a queue of seeds.</summary>
internal static class TextbookDbscan
{
    private const int Unseen = 0;
    private const int Noise = -1;

    /// <summary>Clusters points.</summary>
    /// <param name="points">Ascending.</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="minPoints">Points that make a core.</param>
    /// <param name="isIndexed">Whether a region is found by binary search, or by looking at every point.</param>
    /// <returns>How many clusters.</returns>
    public static int Cluster(int[] points, int epsilon, int minPoints, bool isIndexed)
    {
        int[] labels = new int[points.Length];
        int clusters = 0;
        Queue<int> seeds = new();
        for (int i = 0; i < points.Length; i++)
        {
            if (labels[i] != Unseen)
            {
                continue;
            }

            List<int> region = Region(points, i, epsilon, isIndexed);
            if (region.Count < minPoints)
            {
                labels[i] = Noise;
                continue;
            }

            labels[i] = ++clusters;
            region.ForEach(seeds.Enqueue);
            while (seeds.TryDequeue(out int seed))
            {
                bool isSeen = labels[seed] > 0;
                labels[seed] = isSeen ? labels[seed] : clusters;
                if (!isSeen && Region(points, seed, epsilon, isIndexed) is { } more && more.Count >= minPoints)
                {
                    more.ForEach(seeds.Enqueue);
                }
            }
        }

        return clusters;
    }

    private static List<int> Region(int[] points, int index, int epsilon, bool isIndexed)
    {
        List<int> region = [];
        int first = 0;
        if (isIndexed)
        {
            int found = Array.BinarySearch(points, points[index] - epsilon);
            first = found < 0 ? ~found : found;
        }

        for (int i = first; i < points.Length; i++)
        {
            if (Math.Abs(points[i] - points[index]) <= epsilon)
            {
                region.Add(i);
            }
            else if (isIndexed)
            {
                break;
            }
        }

        return region;
    }
}
