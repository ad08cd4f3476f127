using PreRecordMigration.Options;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>The bounds of a migration, which may change while it goes on.</summary>
public sealed partial class MigrationJob
{
    /// <summary>Changes bounds; what is being sent at this moment goes by them, too. Of one that is interrupted they hold once it is resumed.</summary>
    /// <param name="change">What is to change; all of it does, or nothing.</param>
    /// <exception cref="OperationException">As <see cref="RequireChangeable"/>.</exception>
    /// <exception cref="Errors.MigrationException"><see cref="Errors.MigrationErrorId.InvalidOption"/>.</exception>
    public void ChangeLimits(LimitChange change)
    {
        RequireChangeable(change);
        _limits.Change(change.ApplyTo);
    }

    /// <summary>Refuses to change a bound that means nothing to the migration any more, or never did.</summary>
    /// <param name="change">What is to change.</param>
    /// <exception cref="OperationException">It has ended, or a bound has nothing to bound; the message says why.</exception>
    /// <exception cref="Errors.MigrationException"><see cref="Errors.MigrationErrorId.InvalidOption"/>.</exception>
    public void RequireChangeable(LimitChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        JobState state = _state;
        if (!state.HoldsDomain)
        {
            throw new OperationException(
                nameof(SR.MigrationNotChangeable),
                OperationProblem.State,
                Text.Format(SR.MigrationNotChangeable, Id, Location.Info.Name, state.Shown, ExplainHolder()),
                Text.Format(SR.MigrationEndedRemedy, Id),
                Location.Info.Name);
        }

        change.ApplyTo(_limits.Now).Validate();
        MigrationOptions options = _move.Options;
        if (change.MaximumDowntime is not null && (!options.HasLastRound || HasLeft))
        {
            throw NothingToBound(
                nameof(change.MaximumDowntime), options.HasLastRound ? Text.Format(SR.LeftAlready, Location.Info.Name) : Text.Format(SR.NoLastRound, _move.MethodText));
        }

        if ((change.MaximumExposure is not null || change.LiftsMaximumExposure) && !options.IsSplit)
        {
            throw NothingToBound(nameof(change.MaximumExposure), Text.Format(SR.NeverSplit, _move.MethodText));
        }
    }

    private OperationException NothingToBound(string bound, string why) => new(
        nameof(SR.NothingToBound),
        OperationProblem.State,
        Text.Format(SR.NothingToBound, bound, Id, Location.Info.Name, why),
        Text.Format(SR.NothingToBoundRemedy, bound, Id),
        Location.Info.Name);
}
