namespace PreRecordMigration.Shell.Pester.Should;

/// <summary>The operators by the name of their parameter set.</summary>
internal static class ShouldOperators
{
    private static readonly Dictionary<string, ShouldOperator> ByName = new()
    {
        [nameof(ShouldCommand.Be)] = new EqualityOperator(PowerShellOperator.Equal, ""),
        [nameof(ShouldCommand.BeExactly)] = new EqualityOperator(PowerShellOperator.EqualExactly, "exactly "),
        [nameof(ShouldCommand.BeNullOrEmpty)] = new NullOrEmptyOperator(),
        [nameof(ShouldCommand.BeTrue)] = new TruthOperator(true),
        [nameof(ShouldCommand.BeFalse)] = new TruthOperator(false),
        [nameof(ShouldCommand.BeGreaterThan)] =
            new OrderOperator(PowerShellOperator.LessOrEqual, PowerShellOperator.Greater, "greater than"),
        [nameof(ShouldCommand.BeGreaterOrEqual)] =
            new OrderOperator(PowerShellOperator.Less, PowerShellOperator.GreaterOrEqual, "greater than or equal to"),
        [nameof(ShouldCommand.BeLessThan)] =
            new OrderOperator(PowerShellOperator.GreaterOrEqual, PowerShellOperator.Less, "less than"),
        [nameof(ShouldCommand.BeLessOrEqual)] =
            new OrderOperator(PowerShellOperator.Greater, PowerShellOperator.LessOrEqual, "less than or equal to"),
        [nameof(ShouldCommand.BeLike)] = new LikeOperator(PowerShellOperator.Like, "like"),
        [nameof(ShouldCommand.BeLikeExactly)] = new LikeOperator(PowerShellOperator.LikeExactly, "case sensitively like"),
        [nameof(ShouldCommand.Match)] = new MatchOperator(PowerShellOperator.Match, "match"),
        [nameof(ShouldCommand.MatchExactly)] = new MatchOperator(PowerShellOperator.MatchExactly, "case sensitively match"),
        [nameof(ShouldCommand.BeIn)] = new InOperator(),
        [nameof(ShouldCommand.BeOfType)] = new TypeOperator(),
        [nameof(ShouldCommand.Contain)] = new ContainOperator(),
        [nameof(ShouldCommand.HaveCount)] = new CountOperator(),
        [nameof(ShouldCommand.HaveParameter)] = new ParameterOperator(),
        [nameof(ShouldCommand.Exist)] = new ExistOperator(),
        [nameof(ShouldCommand.Throw)] = new ThrowOperator(),
    };

    /// <summary>The operator of a parameter set.</summary>
    public static ShouldOperator Get(string parameterSet) => ByName[parameterSet];
}
