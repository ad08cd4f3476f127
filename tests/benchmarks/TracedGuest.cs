using System.Globalization;
using System.IO.Compression;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// A guest in which traced programs take turns (tests/data/traces), and whose frames are handed out in runs as a kernel's that has run for
/// long: so fragmented that a run has so many frames on average, cut wherever a run ends. Beside the programs there are processes that sleep, and free
/// memory, which is where what the programs allocate later comes from.
/// </summary>
internal sealed class TracedGuest
{
    /// <summary>Epochs of a trace that are the programs' past, those that are recorded, and those that are the future.</summary>
    public const int Past = 40, Recorded = 40;

    /// <summary>How long a program works in an epoch: 400,000 instructions, of a guest that does 80 million in a second.</summary>
    private static readonly TimeSpan s_epoch = TimeSpan.FromMilliseconds(5);

    private TracedGuest(AccessTrajectory trajectory, PageBitmap populated, AddressSpaces spaces)
    {
        (Trajectory, Populated, Spaces) = (trajectory, populated, spaces);
    }

    public AccessTrajectory Trajectory { get; }

    public PageBitmap Populated { get; }

    /// <summary>The address spaces as they are at the cut.</summary>
    public AddressSpaces Spaces { get; }

    /// <summary>Makes a guest.</summary>
    /// <param name="traces">Files of traces, one for each program.</param>
    /// <param name="runs">Frames in a run, on average.</param>
    /// <param name="seed">Decides the fragmentation.</param>
    public static TracedGuest Make(IReadOnlyList<string> traces, double runs, int seed)
    {
        (long Page, bool IsWritten)[][][] programs = [.. traces.Select(Read)];
        int used = programs.Sum(program => program.SelectMany(epoch => epoch).Select(touch => touch.Page).Distinct().Count());
        int pageCount = (Math.Max(8192, 4 * used) + 63) & ~63;
        int[] frames = Shuffle(pageCount, runs, new Random(seed));
        int next = pageCount / 4;
        Dictionary<long, int>[] frameOf = [.. programs.Select(_ => new Dictionary<long, int>())];
        HashSet<int> mapped = [];
        List<AccessRecord> records = [];
        int epochs = programs.Max(program => program.Length);
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            HashSet<(int, bool)> touched = [];
            for (int turn = 0; turn < programs.Length; turn++)
            {
                int program = (epoch + turn) % programs.Length;
                foreach ((long page, bool isWritten) in epoch < programs[program].Length ? programs[program][epoch] : [])
                {
                    if (!frameOf[program].TryGetValue(page, out int pfn))
                    {
                        frameOf[program][page] = pfn = frames[next++];
                    }

                    if (epoch < Past + Recorded)
                    {
                        mapped.Add(pfn);
                    }

                    if (epoch >= Past && touched.Add((pfn, false)))
                    {
                        records.Add(new AccessRecord(records.Count, epoch - Past, pfn, isWritten ? AccessKind.Write : AccessKind.Read));
                    }
                }
            }
        }

        PageBitmap populated = new(pageCount);
        populated.SetAll();
        AddressSpaceBuilder builder = new(populated);
        foreach (Dictionary<long, int> space in frameOf)
        {
            builder.BeginSpace();
            foreach ((long page, int pfn) in space.Where(pair => mapped.Contains(pair.Value)).OrderBy(pair => pair.Key))
            {
                builder.MapUser((ulong)page, pfn, 1, PageUse.Accessed);
            }
        }

        // A quarter of memory belongs to processes that sleep: mapped, and not reached since the bits were last cleared.
        builder.BeginSpace();
        for (int i = 0; i < pageCount / 4; i++)
        {
            builder.MapUser((ulong)i, frames[i], 1, PageUse.None);
        }

        return new TracedGuest(
            new AccessTrajectory([.. records], pageCount, s_epoch * programs.Length, epochs - Past, isEpochOrdered: true), populated, builder.Build(0, true));
    }

    private static int[] Shuffle(int pageCount, double runs, Random random)
    {
        List<(int First, int Count)> blocks = [];
        for (int first = 0; first < pageCount;)
        {
            int count = 1;
            while (random.NextDouble() > 1 / runs)
            {
                count++;
            }

            count = Math.Min(count, pageCount - first);
            blocks.Add((first, count));
            first += count;
        }

        (int First, int Count)[] shuffled = [.. blocks];
        random.Shuffle(shuffled);
        return [.. shuffled.SelectMany(block => Enumerable.Range(block.First, block.Count))];
    }

    private static (long Page, bool IsWritten)[][] Read(string file)
    {
        using StreamReader reader = new(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        List<(long, bool)[]> epochs = [];
        long page = 0;
        while (reader.ReadLine() is { } line)
        {
            List<(long, bool)> touched = [];
            foreach (string token in line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                bool isWritten = token.EndsWith('w');
                ReadOnlySpan<char> number = token.AsSpan(0, token.Length - (isWritten ? 1 : 0));
                bool isBack = number[0] == '-';
                long step = long.Parse(isBack ? number[1..] : number, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                page += isBack ? -step : step;
                touched.Add((page, isWritten));
            }

            epochs.Add([.. touched]);
        }

        return [.. epochs];
    }
}
