namespace PreRecordMigration.Measuring;

/// <summary>
/// In which order runs are made: first each variant as often as is to be warmed up, in their order, then blocks that have each variant once, each block in a random
/// order of its own. What changes slowly on a host, as its temperature and its other load do, hits all variants alike so.
/// </summary>
internal static class RunOrder
{
    /// <summary>Makes the runs.</summary>
    /// <param name="variants">How many variants.</param>
    /// <param name="warmUps">How often each is made before.</param>
    /// <param name="repeat">How many blocks.</param>
    /// <param name="seed">The same number makes the same order, on every machine.</param>
    /// <returns>The number of the variant of each run, and its block; block 0 is the warming up.</returns>
    public static IReadOnlyList<(int Variant, int Block)> Of(int variants, int warmUps, int repeat, ulong seed)
    {
        List<(int, int)> runs = [];
        for (int i = 0; i < warmUps; i++)
        {
            runs.AddRange(Enumerable.Range(0, variants).Select(variant => (variant, 0)));
        }

        ulong state = seed;
        for (int block = 1; block <= repeat; block++)
        {
            int[] order = [.. Enumerable.Range(0, variants)];
            for (int i = order.Length - 1; i > 0; i--)
            {
                int other = (int)(Next(ref state) % (ulong)(i + 1));
                (order[i], order[other]) = (order[other], order[i]);
            }

            runs.AddRange(order.Select(variant => (variant, block)));
        }

        return runs;
    }

    /// <summary>The next number of SplitMix64 (G. L. Steele and others, 2014): .NET does not promise that its own generator stays what it is.</summary>
    private static ulong Next(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
