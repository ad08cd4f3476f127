using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Reliability;

/// <summary>The cases, and what came of them.</summary>
internal sealed class Matrix
{
    /// <summary>Calls of the boundary that no migration makes: whoever looks at a host does.</summary>
    public static readonly string[] NotOfAMigration =
    [
        "IMigrationHost.GetCapabilities", "IMigrationHost.Examine", "IMigrationHost.GetDomains", "IMigrationHost.FreeMemoryBytes",
        "IMigrationHost.RequireIsolableOutputs", "IMigrationHost.RequireUnclaimed", "IMigrationHost.OpenLeft", "IMigrationHost.Announce",
        "IMigrationHost.Judge", "IMigrationHost.ForItself", "IMigrationHost.Dispose", "IOutputPlug.HeldCount",
    ];

    private static readonly Lock s_log = new();
    private readonly ConcurrentBag<MatrixOutcome> _outcomes = [];

    /// <summary>How many pairs tests/reliability asks for; null in a normal run.</summary>
    public static int? AskedPairs =>
        int.TryParse(Environment.GetEnvironmentVariable("PRERECORD_RELIABILITY_PAIRS"), CultureInfo.InvariantCulture, out int pairs) ? pairs : null;

    public IReadOnlyCollection<MatrixOutcome> Outcomes => _outcomes;

    /// <summary>How many pairs there are, run or not.</summary>
    public int PossiblePairs { get; private set; }

    public IEnumerable<string> Ends => _outcomes.SelectMany(outcome => outcome.Ends).Distinct().Order(StringComparer.Ordinal);

    /// <summary>Runs every single disturbance, and as many pairs as asked for, taken evenly.</summary>
    public static async Task<Matrix> RunAsync(int pairs)
    {
        Matrix matrix = new();
        List<MatrixOutcome> plain = [];
        foreach (MatrixCase way in MatrixCase.Plain)
        {
            plain.Add(await MatrixRun.RunAsync(way));
        }

        plain.ForEach(matrix._outcomes.Add);
        MatrixOutcome[] singles = await matrix.RunAsync(plain.SelectMany(outcome => Next(outcome, isFirst: true)));
        MatrixCase[] all = [.. singles.Where(outcome => outcome.Come == 1).SelectMany(outcome => Next(outcome, isFirst: false))];
        matrix.PossiblePairs = all.Length;
        if (pairs > 0)
        {
            int step = Math.Max(1, (all.Length + pairs - 1) / pairs);
            await matrix.RunAsync(all.Where((_, i) => i % step == 0));
        }

        return matrix;
    }

    /// <summary>The calls and states that no case came to.</summary>
    public static IEnumerable<string> Unreached(Matrix matrix)
    {
        HashSet<string> passed = [.. matrix._outcomes.SelectMany(outcome => outcome.Log).Distinct()];
        HashSet<string> calls = [.. passed.Select(FaultyHost.CallOf)];
        return FaultyHost.Calls.Where(call => !calls.Contains(call)).Concat(
            StatesOf(typeof(SourceState), "source").Concat(StatesOf(typeof(DestinationState), "destination")).Where(state => !passed.Contains(state)));
    }

    private static IEnumerable<string> StatesOf(Type type, string side) =>
        type.GetNestedTypes().Where(nested => nested.IsSubclassOf(type)).Select(nested => $"{side} state {nested.Name}");

    /// <summary>What can go wrong next in a case that came to its end, each a case of its own.</summary>
    private static IEnumerable<MatrixCase> Next(MatrixOutcome outcome, bool isFirst)
    {
        Upset[] calls = [.. Enum.GetValues<Upset>().Where(upset => new Disturbance("", 1, upset).IsCall)];
        Upset[] onTheWay = [.. Enum.GetValues<Upset>().Except(calls)];
        foreach (IGrouping<string, string> point in outcome.Log.Skip(isFirst ? 0 : outcome.LogAtLast).GroupBy(point => point).OrderBy(point => point.Key, StringComparer.Ordinal))
        {
            bool isState = point.Key.Contains(" state ", StringComparison.Ordinal);
            foreach (Upset upset in isState ? onTheWay : calls)
            {
                yield return outcome.Case.With(new Disturbance(point.Key, 1, upset));
                if (isFirst && point.Count() > 2 && upset != Upset.FailsForGood)
                {
                    yield return outcome.Case.With(new Disturbance(point.Key, 3, upset));
                }
            }
        }
    }

    /// <summary>Tells whoever waits for the whole of it.</summary>
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
