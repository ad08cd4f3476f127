using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Finds migrations by what somebody gave, by <see cref="NameRule"/>.</summary>
internal static class MigrationSelection
{
    private static MigrationRegistry Migrations => Workspace.OfProcess.Migrations;

    /// <summary>Finds the migration that a handle, or a copy of one, means: by what tells it from every other one in any process.</summary>
    /// <exception cref="CommandException">It is not one of this process, or it ended long ago.</exception>
    public static MigrationJob Get(InputRow handle) =>
        Guid.TryParse(handle.TextOf(nameof(MigrationInfo.InstanceId)), out Guid instance) && Migrations.Find(instance) is { } found
            ? found
            : throw new CommandException(
                nameof(SR.MigrationElsewhere),
                ErrorCategory.ObjectNotFound,
                Text.Format(SR.MigrationElsewhere, handle.TextOf(nameof(MigrationInfo.Id)), handle.Name),
                SR.MigrationElsewhereRemedy,
                handle.Name ?? handle.Label);

    /// <summary>The migrations of the domains that are meant, oldest first.</summary>
    /// <param name="name">A domain's name, which must have moved, or a pattern, which may mean none.</param>
    /// <exception cref="OperationException">None is of a domain of that name.</exception>
    public static IReadOnlyList<MigrationJob> Match(string name) => Find(name).OrNoneOfPattern(() => MigrationRegistry.NoneOf(name));

    /// <summary>As <see cref="Match"/> for who does something to them: a pattern that means none is an error too.</summary>
    public static IReadOnlyList<MigrationJob> Require(string name) => Find(name).OrFail(() => MigrationRegistry.NoneOf(name));

    private static NameMatch<MigrationJob> Find(string name) => NameRule.Find(name, Migrations.All, job => job.Location.Info.Name);
}
