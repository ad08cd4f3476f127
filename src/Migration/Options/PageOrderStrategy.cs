using PreRecordMigration.Errors;

namespace PreRecordMigration.Options;

/// <summary>How a page order is made. Several together compose: recorded pages, windows, neighbourhoods, the rest.</summary>
public enum PageOrderStrategy : long
{
    /// <summary>Ascending page frame numbers; takes no notice of a recording.</summary>
    Sequential,

    /// <summary>Recorded pages by first touch, then ascending.</summary>
    RecordedFirst,

    /// <summary>Recorded pages, then what straight lines through them predict, then ascending.</summary>
    LinearRegression,

    /// <summary>Recorded pages, then what lies around dense clusters of them, then ascending.</summary>
    IssDbscan,

    /// <summary><see cref="LinearRegression"/> or <see cref="IssDbscan"/>, whichever suits the recording.</summary>
    Auto,
}

/// <summary>Which strategies go together.</summary>
public static class PageOrderStrategies
{
    /// <summary>Checks that strategies compose.</summary>
    /// <param name="strategies">At least one; <see cref="PageOrderStrategy.Sequential"/> and
    /// <see cref="PageOrderStrategy.Auto"/> only alone. Repetitions do not matter.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    public static void Validate(IReadOnlyList<PageOrderStrategy> strategies)
    {
        string given = string.Join(", ", strategies);
        string names = string.Join(", ", Enum.GetNames<PageOrderStrategy>());
        if (strategies.Count == 0 || !strategies.All(Enum.IsDefined))
        {
            throw Invalid($"({given}) names no strategy, or one that does not exist", $"Use one or more of {names}.");
        }

        PageOrderStrategy[] distinct = [.. strategies.Distinct()];
        PageOrderStrategy? loner = distinct.Cast<PageOrderStrategy?>().FirstOrDefault(
            strategy => strategy is PageOrderStrategy.Sequential or PageOrderStrategy.Auto);
        if (distinct.Length > 1 && loner is not null)
        {
            throw Invalid(
                $"({given}) combines {loner} with others",
                $"Give {loner} alone, or combine {PageOrderStrategy.LinearRegression} and {PageOrderStrategy.IssDbscan}.");
        }
    }

    private static MigrationException Invalid(string problem, string remedy) =>
        new(MigrationErrorId.InvalidOption, $"The option Order {problem}.", remedy, "Order");
}
