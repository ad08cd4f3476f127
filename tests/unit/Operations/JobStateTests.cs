using System.Reflection;
using PreRecordMigration.Errors;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Tests.Operations;

/// <summary>Which state of a migration may follow which: every pair is either in this list or refused.</summary>
public sealed class JobStateTests
{
    private static readonly string[] s_legal =
    [
        "Running > Stopping", "Running > Completed", "Running > Failed", "Running > Stopped", "Running > Interrupted",
        "Stopping > Completed", "Stopping > Failed", "Stopping > Stopped", "Stopping > Interrupted",
        "Interrupted > Running", "Interrupted > GivingUp", "Interrupted > Relinquished",
        "GivingUp > GivenUp", "GivingUp > NotGivenUp",
    ];

    private static readonly Exception s_reason = new MigrationException(MigrationErrorId.ConnectionLost, "Lost.", "Again.");

    /// <summary>One of each; what is not looked at is null.</summary>
    private static readonly JobState[] s_states =
    [
        new JobState.Running(),
        new JobState.Stopping(),
        new JobState.Completed(null!),
        new JobState.Failed(s_reason),
        new JobState.Stopped(new OperationCanceledException()),
        new JobState.Interrupted(null!, s_reason),
        new JobState.Relinquished(s_reason),
        new JobState.GivingUp(s_reason),
        new JobState.GivenUp(s_reason),
        new JobState.NotGivenUp(s_reason, s_reason),
    ];

    [Fact]
    public void Every_kind_of_state_is_looked_at_here() => Assert.Equal(
        typeof(JobState).GetNestedTypes(BindingFlags.Public).Select(kind => kind.Name).Order(StringComparer.Ordinal),
        s_states.Select(Kind).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_pair_is_legal_or_refused()
    {
        List<string> legal = [];
        foreach (JobState from in s_states)
        {
            foreach (JobState to in s_states)
            {
                if (Record.Exception(() => from.Enter(to)) is { } refused)
                {
                    Assert.Equal(
                        $"A migration that is {Kind(from)} cannot become {Kind(to)}.", Assert.IsType<InvalidOperationException>(refused).Message);
                }
                else
                {
                    Assert.Same(to, from.Enter(to));
                    legal.Add($"{Kind(from)} > {Kind(to)}");
                }
            }
        }

        Assert.Equal(s_legal.Order(StringComparer.Ordinal), legal.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_has_ended_can_become_nothing_else() => Assert.All(
        s_states.Where(state => !state.HoldsDomain && state is not JobState.GivingUp),
        ended => Assert.All(s_states, next => Assert.Throws<InvalidOperationException>(() => ended.Enter(next))));

    [Theory]
    [InlineData(nameof(JobState.Running), MigrationState.Running, true, true, false)]
    [InlineData(nameof(JobState.Stopping), MigrationState.Stopping, true, true, false)]
    [InlineData(nameof(JobState.Completed), MigrationState.Completed, false, false, false)]
    [InlineData(nameof(JobState.Failed), MigrationState.Failed, false, false, true)]
    [InlineData(nameof(JobState.Stopped), MigrationState.Stopped, false, false, true)]
    [InlineData(nameof(JobState.Interrupted), MigrationState.Interrupted, false, true, true)]
    [InlineData(nameof(JobState.Relinquished), MigrationState.Interrupted, false, false, true)]
    [InlineData(nameof(JobState.GivingUp), MigrationState.Failed, false, false, true)]
    [InlineData(nameof(JobState.GivenUp), MigrationState.Failed, false, false, true)]
    [InlineData(nameof(JobState.NotGivenUp), MigrationState.Failed, false, false, true)]
    public void A_state_says_what_is_shown_and_what_holds(string kind, MigrationState shown, bool isActive, bool holdsDomain, bool hasError)
    {
        JobState state = s_states.Single(state => Kind(state) == kind);
        Assert.Equal((shown, isActive, holdsDomain, hasError), (state.Shown, state.IsActive, state.HoldsDomain, state.Error is not null));
    }

    private static string Kind(JobState state) => state.GetType().Name;
}
