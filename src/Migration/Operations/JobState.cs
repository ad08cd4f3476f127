using PreRecordMigration.Methods;

namespace PreRecordMigration.Operations;

/// <summary>Where a migration of this process stands, as it is shown.</summary>
public enum MigrationState : long
{
    /// <summary>Under way.</summary>
    Running,

    /// <summary>Asked to stop, and not at its end yet.</summary>
    Stopping,

    /// <summary>The domain runs at the destination, wholly.</summary>
    Completed,

    /// <summary>It failed before the commit: the domain runs on at the source.</summary>
    Failed,

    /// <summary>It was stopped before the commit: the domain runs on at the source.</summary>
    Stopped,

    /// <summary>The connection was lost after the commit: both sides keep what they have, and wait to be resumed.</summary>
    Interrupted,
}

/// <summary>
/// Where a migration of this process stands, with what there is of it there. Which state may follow which is said in one table; to go
/// another way is a defect, and throws.
/// </summary>
/// <param name="Shown">What is shown of it.</param>
/// <param name="Error">Why it ended or was interrupted; null where it did not, or ended well.</param>
internal abstract record JobState(MigrationState Shown, Exception? Error)
{
    private static readonly Dictionary<Type, Type[]> Successors = new()
    {
        [typeof(Running)] = [typeof(Stopping), typeof(Completed), typeof(Failed), typeof(Stopped), typeof(Interrupted)],

        // After the commit a migration is finished although it was asked to stop, or is interrupted where the destination does nothing more.
        [typeof(Stopping)] = [typeof(Completed), typeof(Failed), typeof(Stopped), typeof(Interrupted)],
        [typeof(Interrupted)] = [typeof(Running), typeof(GivingUp), typeof(Relinquished)],
        [typeof(GivingUp)] = [typeof(GivenUp), typeof(NotGivenUp)],
        [typeof(Completed)] = [],
        [typeof(Failed)] = [],
        [typeof(Stopped)] = [],
        [typeof(GivenUp)] = [],
        [typeof(Relinquished)] = [],
        [typeof(NotGivenUp)] = [],
    };

    /// <summary>Whether it is under way.</summary>
    public bool IsActive => this is Running or Stopping;

    /// <summary>Whether the migration has something of its domain: it is under way, or may be resumed.</summary>
    public bool HoldsDomain => IsActive || this is Interrupted;

    /// <summary>The state that follows.</summary>
    /// <param name="next">The state.</param>
    /// <returns>The state.</returns>
    /// <exception cref="InvalidOperationException">It cannot follow this one.</exception>
    public JobState Enter(JobState next) => Successors[GetType()].Contains(next.GetType())
        ? next
        : throw new InvalidOperationException($"A migration that is {GetType().Name} cannot become {next.GetType().Name}.");

    /// <summary>Under way.</summary>
    public sealed record Running() : JobState(MigrationState.Running, null);

    /// <summary>Asked to stop, and not at its end yet.</summary>
    public sealed record Stopping() : JobState(MigrationState.Stopping, null);

    /// <summary>The domain runs at the destination, wholly.</summary>
    /// <param name="Outcome">What was done.</param>
    public sealed record Completed(MigrationOutcome Outcome) : JobState(MigrationState.Completed, null);

    /// <summary>It failed before the commit.</summary>
    /// <param name="Reason">Why.</param>
    public sealed record Failed(Exception Reason) : JobState(MigrationState.Failed, Reason);

    /// <summary>It was stopped before the commit.</summary>
    /// <param name="Reason">How that reached it.</param>
    public sealed record Stopped(OperationCanceledException Reason) : JobState(MigrationState.Stopped, Reason);

    /// <summary>The connection was lost after the commit.</summary>
    /// <param name="Migration">Goes on with it.</param>
    /// <param name="Reason">Why it was interrupted.</param>
    public sealed record Interrupted(InterruptedMigration Migration, Exception Reason) : JobState(MigrationState.Interrupted, Reason);

    /// <summary>It is another process' to take over.</summary>
    /// <param name="Reason">Why it was interrupted.</param>
    public sealed record Relinquished(Exception Reason) : JobState(MigrationState.Interrupted, Reason);

    /// <summary>An administrator is giving it up.</summary>
    /// <param name="Reason">Why it was interrupted.</param>
    public sealed record GivingUp(Exception Reason) : JobState(MigrationState.Failed, Reason);

    /// <summary>An administrator gave it up: what this process had of the domain was destroyed.</summary>
    /// <param name="Reason">Why it was interrupted.</param>
    public sealed record GivenUp(Exception Reason) : JobState(MigrationState.Failed, Reason);

    /// <summary>It was given up, and something of the domain could not be destroyed.</summary>
    /// <param name="Reason">Why it was interrupted.</param>
    /// <param name="Left">Why not all of it was.</param>
    public sealed record NotGivenUp(Exception Reason, Exception Left) : JobState(MigrationState.Failed, Reason);
}
