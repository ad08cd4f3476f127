using PreRecordMigration.Custody;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Custody;

/// <summary>
/// Explores every interleaving of the two sides, as they are in the product, with message delivery, lost connections, each of the
/// hypervisor's calls failing or failing after it took effect, once or for good, tools that die and tools that come after them, and
/// administrators who give up: any two of these in one migration. Checks in each reachable state what must never be, and wherever nothing
/// more happens by itself, that the domain runs once it is looked after.
/// </summary>
public sealed class CommitModelTests
{
    private const int MaximumFaults = 2;

    [Theory]
    [InlineData(PageArrival.BeforeRun)]
    [InlineData(PageArrival.AfterRun)]
    [InlineData(PageArrival.Both)]
    public void Nothing_that_fails_or_dies_makes_two_runnable_copies_or_loses_the_domain(PageArrival arrival)
    {
        HashSet<string> visited = [];
        HashSet<string> states = [];
        Queue<Step[]>[] frontiers = [.. Enumerable.Range(0, MaximumFaults + 1).Select(_ => new Queue<Step[]>())];
        frontiers[0].Enqueue([]);
        int moved = 0;

        // States with the fewest faults come first: from there everything can still happen that can happen after more faults.
        for (int faults = 0; faults <= MaximumFaults; faults++)
        {
            while (frontiers[faults].TryDequeue(out Step[]? trace))
            {
                CommitWorld world = CommitWorld.Replay(arrival, trace);
                if (trace.Length > 0 && trace[^1].Outcome.At == 0 && faults < MaximumFaults && !trace[^1].IsFault)
                {
                    foreach (Outcome outcome in Outcome.Of(world.LastCalls))
                    {
                        frontiers[faults + 1].Enqueue([.. trace[..^1], trace[^1] with { Outcome = outcome }]);
                    }
                }

                if (!visited.Add(world.Key))
                {
                    continue;
                }

                states.Add(world.States);
                StepKind[] possible = [.. world.PossibleSteps()];
                CheckNever(world, trace);
                moved += world.IsWholeThere && world.Source.IsGone ? 1 : 0;
                foreach (Step step in possible.Select(kind => new Step(kind)))
                {
                    int next = faults + (step.IsFault ? 1 : 0);
                    if (next <= MaximumFaults)
                    {
                        frontiers[next].Enqueue([.. trace, step]);
                    }
                }

                if (possible.Select(kind => new Step(kind)).All(step => step.IsFault || step.IsMending))
                {
                    CheckLookedAfter(world, trace);
                }
            }
        }

        Assert.True(moved > 0, "The good end was never reached.");

        // Every state of both sessions is reached: none can be forgotten here.
        Assert.All(StatesOf(typeof(SourceState)), name => Assert.Contains(states, pair => pair.StartsWith($"{name} /", StringComparison.Ordinal)));
        Assert.All(StatesOf(typeof(DestinationState)), name => Assert.Contains(states, pair => pair.EndsWith($"/ {name}", StringComparison.Ordinal)));
        TestContext.Current.SendDiagnosticMessage($"{visited.Count} states");
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

    /// <summary>Checks what must be true in every state.</summary>
    private static void CheckNever(CommitWorld world, Step[] trace)
    {
        string context = $"after {string.Join(", ", trace)}: {world.Key}";
        Assert.False(world.Source.Runs && world.Destination.Runs, "Two runnable copies " + context);
        Assert.False(world.Source.Runs && world.Destination.HasEverRun, "The source runs what has run elsewhere " + context);
        if (!world.IsGivenUp)
        {
            Assert.False(world.Source.IsGone && !world.Destination.Exists, "The domain is lost " + context);
            Assert.False(world.Source.IsGone && world.Destination.Paging.Missing.Count > 0, "Memory is lost " + context);
        }
    }

    /// <summary>Checks a state in which nothing more happens by itself: once everybody has done what there is left to do, the domain runs
    /// in one place, or a killed tool had a half of it and the other half is kept.</summary>
    private static void CheckLookedAfter(CommitWorld world, Step[] trace)
    {
        string before = world.Key;
        Assert.True(world.ComeToRest(), $"It does not come to rest after {string.Join(", ", trace)}: {before}");
        string context = $"after {string.Join(", ", trace)}: {before}, and then {world.Key}";
        CheckNever(world, trace);
        if (world.IsGivenUp)
        {
            return;
        }

        if (world.Source.Runs)
        {
            Assert.True(!world.Destination.Exists, "What never ran is left at the destination " + context);
        }
        else if (world.Destination.Runs)
        {
            Assert.True(world.Destination.Paging.Missing.Count == 0 || world.HasToolDied, "It waits for pages that nobody brings " + context);
            Assert.True(world.Destination.IsNamed || world.HasToolDied, "It has no final name " + context);
        }
        else
        {
            Assert.True(world.HasToolDied && world.IsKeptAtSource, "Nobody has the domain " + context);
        }
    }

    private static IEnumerable<string> StatesOf(Type type) =>
        type.GetNestedTypes().Where(nested => nested.BaseType == type).Select(nested => nested.Name);
}
