namespace PreRecordMigration.Measuring;

/// <summary>
/// Whether two samples differ by more than chance: the exact rank test of H. B. Mann and D. R. Whitney (1947), two-sided. It assumes nothing of how figures are
/// distributed, which durations of moves are not normally, and it is exact for the few runs that anybody makes. Figures that are equal share their ranks.
/// </summary>
public static class RankTest
{
    /// <summary>The most figures of each sample.</summary>
    public const int MostFigures = 50;

    /// <summary>The probability that two samples which do not differ are at least as far apart as these are.</summary>
    /// <param name="first">One sample.</param>
    /// <param name="second">The other one.</param>
    /// <returns>From 0 to 1; 1 where a sample is empty.</returns>
    public static double Probability(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first.Count, MostFigures, nameof(first));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(second.Count, MostFigures, nameof(second));
        if (first.Count == 0 || second.Count == 0)
        {
            return 1;
        }

        // Twice the ranks, which are whole numbers even where figures share the mean of theirs.
        double[] all = [.. first, .. second];
        int[] ranks = new int[all.Length];
        for (int i = 0; i < all.Length; i++)
        {
            ranks[i] = all.Sum(other => other < all[i] ? 2 : other.Equals(all[i]) ? 1 : 0) + 1;
        }

        int observed = ranks[..first.Count].Sum();
        double[] ways = Ways(ranks, first.Count);
        double total = ways.Sum();

        // The distribution is that of all ways to choose as many of these ranks; its mean is known.
        double mean = first.Count * (double)ranks.Sum() / ranks.Length;
        double distance = Math.Abs(observed - mean) - 1e-9;
        double beyond = 0;
        for (int sum = 0; sum < ways.Length; sum++)
        {
            beyond += Math.Abs(sum - mean) >= distance ? ways[sum] : 0;
        }

        return Math.Min(1, beyond / total);
    }

    /// <summary>The smallest probability that samples of these sizes can have: where it is above what is asked for, they can never tell.</summary>
    public static double Least(int first, int second) => first == 0 || second == 0
        ? 1
        : Probability([.. Enumerable.Range(0, first).Select(i => (double)i)], [.. Enumerable.Range(first, second).Select(i => (double)i)]);

    /// <summary>In how many ways so many ranks can be chosen to have each sum.</summary>
    private static double[] Ways(int[] ranks, int chosen)
    {
        int most = ranks.Sum();
        double[][] ways = [.. Enumerable.Range(0, chosen + 1).Select(_ => new double[most + 1])];
        ways[0][0] = 1;
        foreach (int rank in ranks)
        {
            for (int count = chosen; count > 0; count--)
            {
                double[] with = ways[count];
                double[] without = ways[count - 1];
                for (int sum = most; sum >= rank; sum--)
                {
                    with[sum] += without[sum - rank];
                }
            }
        }

        return ways[chosen];
    }
}
