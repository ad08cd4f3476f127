namespace PreRecordMigration.Ordering;

/// <summary>
/// Exact DBSCAN (Ester, Kriegel, Sander and Xu, 1996) of strictly ascending integers, in one pass. This project's definition
/// of ISS-DBSCAN applies it to the irregular sequence series (docs/ordering.md).
/// </summary>
/// <remarks>
/// A point is a core when at least so many points, itself included, lie within ε of it. A cluster is a maximal chain of cores
/// with gaps of at most ε. A point that is no core, but within ε of one, is a border point and joins its nearest core, on a tie
/// the lower; every other point is noise. In one dimension a cluster is therefore a run of the series, and two pointers that
/// only ascend find all of it.
/// </remarks>
public static class OneDimensionalDbscan
{
    /// <summary>Clusters points. O(n), no allocation but the clusters.</summary>
    /// <param name="points">Strictly ascending.</param>
    /// <param name="epsilon">ε, above zero.</param>
    /// <param name="minPoints">Points that make a core, at most 2 · ε + 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">No core could exist, or an argument is not above zero.</exception>
    public static DbscanResult Cluster(ReadOnlySpan<int> points, int epsilon, int minPoints)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(epsilon);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(minPoints);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minPoints, (2L * epsilon) + 1);
        List<DbscanCluster> clusters = [];
        long comparisons = 0;
        int low = 0;
        int high = 0;
        int first = -1;
        int lastCore = -1;
        int cores = 0;
        for (int i = 0; i < points.Length; i++)
        {
            int point = points[i];
            while (point - points[low] > epsilon)
            {
                low++;
                comparisons++;
            }

            while (high < points.Length && points[high] - point <= epsilon)
            {
                high++;
                comparisons++;
            }

            comparisons += 2;
            if (high - low < minPoints)
            {
                continue;
            }

            if (lastCore >= 0 && point - points[lastCore] > epsilon)
            {
                clusters.Add(new DbscanCluster(first, EndOf(points, lastCore, i, epsilon, ref comparisons), cores));
                lastCore = -1;
            }

            if (lastCore < 0)
            {
                int free = clusters.Count > 0 ? clusters[^1].End : 0;
                (first, cores) = (StartOf(points, i, free, epsilon, ref comparisons), 0);
            }

            lastCore = i;
            cores++;
        }

        if (lastCore >= 0)
        {
            clusters.Add(new DbscanCluster(
                first, EndOf(points, lastCore, points.Length, epsilon, ref comparisons), cores));
        }

        return new DbscanResult(clusters, comparisons);
    }

    /// <summary>Where a cluster ends: past the border points that its last core has, the next core being that of another.</summary>
    private static int EndOf(ReadOnlySpan<int> points, int lastCore, int nextCore, int epsilon, ref long comparisons)
    {
        int end = lastCore + 1;
        while (end < nextCore)
        {
            comparisons++;
            int distance = points[end] - points[lastCore];
            if (distance > epsilon || (nextCore < points.Length && points[nextCore] - points[end] < distance))
            {
                break;
            }

            end++;
        }

        return end;
    }

    /// <summary>Where a cluster starts: at the lowest border point that its first core has, those of others excepted.</summary>
    private static int StartOf(ReadOnlySpan<int> points, int core, int free, int epsilon, ref long comparisons)
    {
        int start = core;
        while (start > free && points[core] - points[start - 1] <= epsilon)
        {
            comparisons++;
            start--;
        }

        comparisons++;
        return start;
    }
}

/// <summary>A cluster: a run of the points that were clustered.</summary>
/// <param name="FirstIndex">The index of its lowest point.</param>
/// <param name="End">One past the index of its highest point.</param>
/// <param name="CoreCount">How many of its points are cores.</param>
public readonly record struct DbscanCluster(int FirstIndex, int End, int CoreCount)
{
    /// <summary>How many points it has.</summary>
    public int Count => End - FirstIndex;
}

/// <summary>What clustering found.</summary>
/// <param name="Clusters">Disjoint and ascending; points in none of them are noise.</param>
/// <param name="Comparisons">How many distances were compared: it grows linearly with the points.</param>
public readonly record struct DbscanResult(IReadOnlyList<DbscanCluster> Clusters, long Comparisons);
