using PreRecordMigration.Custody;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Custody;

/// <summary>
/// Explores every interleaving of the two sides, as they are in the product, with message delivery, lost connections, calls that fail or
/// fail after they took effect, tools that die and tools that come after them: any two of these faults in one migration. Checks in
/// each reachable state what must never be.
/// </summary>
public sealed class CommitModelTests
{
    private const int MaximumFaults = 2;

    private static readonly StepKind[] s_withCalls =
    [
        StepKind.SourceActs, StepKind.DestinationActs, StepKind.SourceStops, StepKind.SourceCleansUp, StepKind.DestinationCleansUp,
    ];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_that_fails_or_dies_makes_two_runnable_copies_or_loses_the_domain(bool remotePF)
    {
        HashSet<string> visited = [];
        HashSet<string> states = [];
        Queue<(Step[] Trace, int Faults)> frontier = new([([], 0)]);
        int moved = 0;
        while (frontier.TryDequeue(out (Step[] Trace, int Faults) next))
        {
            CommitWorld world = CommitWorld.Replay(remotePF, next.Trace);
            if (!visited.Add($"{next.Faults} {world.Key}"))
            {
                continue;
            }

            states.Add(world.States);
            StepKind[] possible = [.. world.PossibleSteps()];
            Check(world, possible, next.Trace);
            moved += world.IsWholeThere && world.Source.IsGone ? 1 : 0;
            foreach (Step step in possible.SelectMany(Variants))
            {
                int faults = next.Faults + (step.IsFault ? 1 : 0);
                if (faults <= MaximumFaults)
                {
                    frontier.Enqueue(([.. next.Trace, step], faults));
                }
            }
        }

        Assert.True(moved > 0, "The good end was never reached.");

        // Every state of both sessions is reached: none can be forgotten here.
        Assert.All(StatesOf(typeof(SourceState)), name => Assert.Contains(states, pair => pair.StartsWith($"{name} /", StringComparison.Ordinal)));
        Assert.All(StatesOf(typeof(DestinationState)), name => Assert.Contains(states, pair => pair.EndsWith($"/ {name}", StringComparison.Ordinal)));
    }

    /// <summary>What lets a domain run again, or go, can be made by the protocol's session alone.</summary>
    [Fact]
    public void Only_the_session_makes_the_words_that_change_hands()
    {
        Type[] types = [.. typeof(SourceSession).Assembly.GetTypes().Where(type =>
            type.BaseType == typeof(WhollyThere) || type.BaseType == typeof(NeverRanThere))];
        Assert.Equal(2, types.Length);
        Assert.All(types, type => Assert.Contains("SourceSession", type.Name, StringComparison.Ordinal));
    }

    private static IEnumerable<Step> Variants(StepKind kind) => s_withCalls.Contains(kind)
        ? Enum.GetValues<Outcome>().Select(outcome => new Step(kind, outcome))
        : [new Step(kind)];

    private static void Check(CommitWorld world, StepKind[] possible, Step[] trace)
    {
        string context = $"after {string.Join(", ", trace)}: {world.Key}";
        Assert.False(world.Source.Runs && world.Destination.Runs, "Two runnable copies " + context);
        Assert.False(world.Source.Runs && world.Destination.HasEverRun, "The source runs what has run elsewhere " + context);
        Assert.False(world.Source.IsGone && !world.Destination.Exists, "The domain is lost " + context);
        Assert.False(world.Source.IsGone && world.Destination.Paging.Missing.Count > 0, "Memory is lost " + context);

        // Where nothing but faults can happen any more, somebody has the domain.
        if (possible.All(kind => new Step(kind).IsFault || kind is StepKind.SourceOpens or StepKind.DestinationOpens or StepKind.Resume)
            && !possible.Contains(StepKind.SourceOpens))
        {
            Assert.True(
                world.Source.Runs || world.IsWholeThere || world.IsKept || (world.Source.IsGone && world.Destination.Exists), "Nobody has the domain " + context);
        }
    }

    private static IEnumerable<string> StatesOf(Type type) =>
        type.GetNestedTypes().Where(nested => nested.BaseType == type).Select(nested => nested.Name);
}
