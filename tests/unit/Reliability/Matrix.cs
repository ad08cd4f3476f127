using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Reliability;

/// <summary>The cases, and what came of them.</summary>
internal sealed class Matrix
{
    /// <summary>Calls of the boundary that no migration makes, but only commands that look at a host.</summary>
    public static readonly string[] NotOfAMigration =
    [
        "IMigrationHost.GetCapabilities", "IMigrationHost.Examine", "IMigrationHost.GetDomains", "IMigrationHost.FreeMemoryBytes",
        "IMigrationHost.RequireIsolableOutputs", "IMigrationHost.RequireTrappable", "IMigrationHost.RequireUnclaimed", "IMigrationHost.OpenLeft", "IMigrationHost.Announce",
        "IMigrationHost.Judge", "IMigrationHost.GetLeftBehind", "IMigrationHost.SweepArrivals", "IMigrationHost.HasTakenDown", "IMigrationHost.ForItself", "IMigrationHost.Dispose", "IOutputPlug.HeldCount",
    ];

    private static readonly Lock s_log = new();
    private static readonly int[] s_first = [1];
    private static readonly int[] s_firstAndThird = [1, 3];
    private readonly ConcurrentBag<MatrixOutcome> _outcomes = [];

    /// <summary>Which pairs tests/reliability asks for: "each" for each second fault once in every situation, "all", or how many of all;
    /// null in a normal run.</summary>
    public static string? AskedPairs => Environment.GetEnvironmentVariable("PRERECORD_RELIABILITY_PAIRS");

    public IReadOnlyCollection<MatrixOutcome> Outcomes => _outcomes;

    /// <summary>How many pairs there are, run or not.</summary>
    public int PossiblePairs { get; private set; }

    /// <summary>How many situations recovering from a first fault came to; a point passed in two situations counts twice.</summary>
    public int Situations { get; private set; }

    public IEnumerable<string> Ends => _outcomes.SelectMany(outcome => outcome.Ends).Distinct().Order(StringComparer.Ordinal);

    /// <summary>Runs every single disturbance, and such pairs as are asked for.</summary>
    public static async Task<Matrix> RunAsync(string? pairs)
    {
        Matrix matrix = new();
        List<MatrixOutcome> plain = [];
        foreach (MatrixCase way in MatrixCase.Plain)
        {
            plain.Add(await MatrixRun.RunAsync(way));
        }

        plain.ForEach(matrix._outcomes.Add);
        MatrixOutcome[] singles = await matrix.RunAsync(plain.SelectMany(Firsts));
        (Passage At, MatrixCase[] Cases)[] seconds = [.. singles.Where(outcome => outcome.Come == 1).SelectMany(Seconds)];
        MatrixCase[] all = [.. seconds.SelectMany(second => second.Cases)];
        matrix.PossiblePairs = all.Length;
        MatrixCase[][] each = [.. seconds.DistinctBy(second => (second.Cases[0].Way, second.At)).Select(second => second.Cases)];
        matrix.Situations = each.Length;
        await matrix.RunAsync(pairs switch
        {
            null => [],
            "all" => all,
            "each" => each.SelectMany(cases => cases),
            _ => Evenly(all, int.Parse(pairs, CultureInfo.InvariantCulture)),
        });
        return matrix;
    }

    private static IEnumerable<MatrixCase> Evenly(MatrixCase[] all, int count)
    {
        int step = Math.Max(1, (all.Length + count - 1) / Math.Max(1, count));
        return all.Where((_, i) => i % step == 0);
    }

    /// <summary>The calls and states that no case came to.</summary>
    public static IEnumerable<string> Unreached(Matrix matrix)
    {
        HashSet<string> passed = [.. matrix._outcomes.SelectMany(outcome => outcome.Log).Select(passage => passage.Point).Distinct()];
        HashSet<string> calls = [.. passed.Select(FaultyHost.CallOf)];
        return FaultyHost.Calls.Where(call => !calls.Contains(call)).Concat(
            StatesOf(typeof(SourceState), "source").Concat(StatesOf(typeof(DestinationState), "destination")).Where(state => !passed.Contains(state)));
    }

    private static IEnumerable<string> StatesOf(Type type, string side) =>
        type.GetNestedTypes().Where(nested => nested.IsSubclassOf(type)).Select(nested => $"{side} state {nested.Name}");

    /// <summary>What can go wrong first, each a case of its own: at the first passing of a point, and at the third where there is one.</summary>
    private static IEnumerable<MatrixCase> Firsts(MatrixOutcome plain) =>
        from point in plain.Log.GroupBy(passage => passage.Point).OrderBy(point => point.Key, StringComparer.Ordinal)
        from upset in UpsetsAt(point.Key)
        from occurrence in point.Count() > 2 && upset != Upset.FailsForGood ? s_firstAndThird : s_first
        select plain.Case.With(new Disturbance(point.Key, occurrence, upset));

    /// <summary>What can go wrong after a first fault, where each point is passed first after it.</summary>
    private static IEnumerable<(Passage At, MatrixCase[] Cases)> Seconds(MatrixOutcome outcome) =>
        outcome.Log.Skip(outcome.LogAtLast).DistinctBy(passage => passage.Point).OrderBy(passage => passage.Point, StringComparer.Ordinal)
            .Select(at => (at, UpsetsAt(at.Point).Select(upset => outcome.Case.With(new Disturbance(at.Point, 1, upset))).ToArray()));

    private static IEnumerable<Upset> UpsetsAt(string point) =>
        Enum.GetValues<Upset>().Where(upset => new Disturbance("", 1, upset).IsCall != point.Contains(" state ", StringComparison.Ordinal));

    /// <summary>Reports progress to whoever waits for the whole matrix.</summary>
    private static void Note(MatrixOutcome outcome, TimeSpan time)
    {
        if (Environment.GetEnvironmentVariable("PRERECORD_RELIABILITY_LOG") is { Length: > 0 } path)
        {
            lock (s_log)
            {
                File.AppendAllText(path, FormattableString.Invariant($"{time.TotalMilliseconds:F0} ms {outcome.Case}: {outcome.Fate} {outcome.Problem}\n"));
            }
        }
    }

    private async Task<MatrixOutcome[]> RunAsync(IEnumerable<MatrixCase> cases)
    {
        MatrixCase[] all = [.. cases];
        MatrixOutcome[] outcomes = new MatrixOutcome[all.Length];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, all.Length),
            new ParallelOptions { MaxDegreeOfParallelism = 2 * Environment.ProcessorCount },
            async (i, _) =>
            {
                long start = Stopwatch.GetTimestamp();
                outcomes[i] = await MatrixRun.RunAsync(all[i]);
                Note(outcomes[i], Stopwatch.GetElapsedTime(start));
            });
        foreach (MatrixOutcome outcome in outcomes)
        {
            _outcomes.Add(outcome);
        }

        return outcomes;
    }
}
