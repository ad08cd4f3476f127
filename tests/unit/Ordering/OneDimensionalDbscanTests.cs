using FsCheck;
using FsCheck.Fluent;
using PreRecordMigration.Ordering;

namespace PreRecordMigration.Tests.Ordering;

public sealed class OneDimensionalDbscanTests
{
    [Fact]
    public void Agrees_with_the_naive_form_on_any_points() => Prop.ForAll<int[], int, int>((values, spread, parameters) =>
    {
        int epsilon = 1 + (int)((uint)parameters % 9);
        int minPoints = 1 + (int)((uint)parameters / 9 % (uint)((2 * epsilon) + 1));
        int range = 10 + (int)((uint)spread % 200);
        AssertAgrees([.. values.Select(value => (int)((uint)value % range)).Distinct().Order()], epsilon, minPoints);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Agrees_with_the_naive_form_on_random_series_of_every_density()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            Random random = new(seed);
            int density = 1 + (seed % 40);
            int[] points = [.. Enumerable.Range(0, 600).Where(_ => random.Next(40) < density)];
            int epsilon = random.Next(1, 12);
            AssertAgrees(points, epsilon, random.Next(1, (2 * epsilon) + 2));
        }
    }

    [Theory]
    [InlineData(8, 4, "")]
    [InlineData(8, 4, "5")]
    [InlineData(8, 4, "0 1 2 3")]
    [InlineData(8, 4, "0 8 16 24 32 40")]
    [InlineData(8, 4, "0 9 18 27")]
    [InlineData(2, 3, "0 1 2 4 6 7 8")] // 4 is as far from the core 2 as from the core 6: it joins the lower.
    [InlineData(2, 3, "0 1 2 5 7 8 9")] // 5 is near 7 only.
    [InlineData(4, 4, "0 1 2 3 6 9 10 11 12")]
    [InlineData(1, 1, "0 1 5 6 7 2147483646")]
    [InlineData(8, 17, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16")]
    public void Agrees_with_the_naive_form_on_hard_cases(int epsilon, int minPoints, string points) => AssertAgrees(
        [.. points.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)], epsilon, minPoints);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(8, 0)]
    [InlineData(8, 18)]
    public void Parameters_with_which_no_core_could_exist_are_refused(int epsilon, int minPoints) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => OneDimensionalDbscan.Cluster([1, 2, 3], epsilon, minPoints));

    [Fact]
    public void Comparisons_grow_linearly()
    {
        Random random = new(1);
        foreach (int range in (int[])[10_000, 100_000, 1_000_000])
        {
            foreach (int density in (int[])[1, 8, 63, 64])
            {
                int[] points = [.. Enumerable.Range(0, range).Where(_ => random.Next(64) < density)];
                Assert.InRange(OneDimensionalDbscan.Cluster(points, 8, 4).Comparisons, 0, 6L * points.Length);
            }
        }
    }

    private static void AssertAgrees(int[] points, int epsilon, int minPoints)
    {
        (int[] expected, bool[] isCore) = Naive(points, epsilon, minPoints);
        int[] labels = new int[points.Length];
        Array.Fill(labels, -1);
        int number = 0;
        foreach (DbscanCluster cluster in OneDimensionalDbscan.Cluster(points, epsilon, minPoints).Clusters)
        {
            Array.Fill(labels, number++, cluster.FirstIndex, cluster.Count);
            Assert.Equal(isCore.Skip(cluster.FirstIndex).Take(cluster.Count).Count(core => core), cluster.CoreCount);
        }

        Assert.Equal(expected, labels);
    }

    /// <summary>The textbook: cores by counting all, clusters by following all cores in reach, O(n²).</summary>
    private static (int[] Labels, bool[] IsCore) Naive(int[] points, int epsilon, int minPoints)
    {
        bool[] isCore = [.. points.Select(point => points.Count(other => Near(point, other)) >= minPoints)];
        int[] labels = new int[points.Length];
        Array.Fill(labels, -1);
        int number = 0;
        for (int i = 0; i < points.Length; i++)
        {
            if (!isCore[i] || labels[i] >= 0)
            {
                continue;
            }

            Stack<int> open = new([i]);
            while (open.TryPop(out int at))
            {
                labels[at] = number;
                for (int j = 0; j < points.Length; j++)
                {
                    if (isCore[j] && labels[j] < 0 && Near(points[at], points[j]))
                    {
                        open.Push(j);
                    }
                }
            }

            number++;
        }

        int[] ofCores = [.. labels];
        for (int i = 0; i < points.Length; i++)
        {
            int[] cores = [.. Enumerable.Range(0, points.Length).Where(j => isCore[j] && Near(points[i], points[j]))];
            if (!isCore[i] && cores.Length > 0)
            {
                labels[i] = ofCores[cores.MinBy(j => (Math.Abs((long)points[i] - points[j]), points[j]))];
            }
        }

        return (labels, isCore);

        bool Near(int a, int b) => Math.Abs((long)a - b) <= epsilon;
    }
}
