using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>A migration of another process.</summary>
/// <param name="Process">The process.</param>
/// <param name="Migration">The migration, as it was when the process was asked.</param>
internal sealed record MigrationElsewhere(ProcessElsewhere Process, MigrationInfo Migration);

/// <summary>Finds migrations by what somebody gave, by <see cref="NameRule"/>.</summary>
internal static class MigrationSelection
{
    private static MigrationRegistry Migrations => Workspace.OfProcess.Migrations;

    /// <summary>The migration of this process that a handle, or a copy of one, means: by what tells it from every other one in any process.</summary>
    /// <returns>Null where it is none of this process, or ended long ago.</returns>
    public static MigrationJob? Find(InputRow handle) => InstanceOf(handle) is { } instance ? Migrations.Find(instance) : null;

    /// <summary>As <see cref="Find(InputRow)"/>, of those of other processes.</summary>
    /// <exception cref="CommandException">No process that answers has it, or it ended long ago.</exception>
    public static MigrationElsewhere Get(InputRow handle, IReadOnlyList<ProcessElsewhere> processes) =>
        AllOf(processes).FirstOrDefault(found => found.Migration.InstanceId == InstanceOf(handle)) ?? throw new CommandException(
            nameof(SR.MigrationElsewhere),
            ErrorCategory.ObjectNotFound,
            Text.Format(SR.MigrationElsewhere, handle.TextOf(nameof(MigrationInfo.Id)), handle.Name),
            SR.MigrationElsewhereRemedy,
            handle.Name ?? handle.Label);

    /// <summary>The migrations of this process that a domain's name or a pattern means, oldest first.</summary>
    public static NameMatch<MigrationJob> Find(string name) => NameRule.Find(name, Migrations.All, job => job.Location.Info.Name);

    /// <summary>As <see cref="Find(string)"/>, of those of other processes.</summary>
    public static NameMatch<MigrationElsewhere> FindElsewhere(string name, IReadOnlyList<ProcessElsewhere> processes) =>
        NameRule.Find(name, AllOf(processes), found => found.Migration.Name);

    /// <summary>Those of this process (<see cref="MigrationJob"/>) and then those of others (<see cref="MigrationElsewhere"/>).</summary>
    public static NameMatch<object> FindEverywhere(string name, IReadOnlyList<ProcessElsewhere> processes) => NameRule.Find<object>(
        name, [.. Migrations.All, .. AllOf(processes)], one => (one as MigrationElsewhere)?.Migration.Name ?? ((MigrationJob)one).Location.Info.Name);

    /// <summary>All of them, by process.</summary>
    public static IEnumerable<MigrationElsewhere> AllOf(IEnumerable<ProcessElsewhere> processes) =>
        processes.SelectMany(process => process.Migrations.Select(migration => new MigrationElsewhere(process, migration)));

    /// <summary>The migration of this process that has a number.</summary>
    /// <param name="id">The number.</param>
    /// <param name="processes">The other processes, which are asked where this one has none.</param>
    /// <exception cref="CommandException">Another process has one of that number.</exception>
    /// <exception cref="OperationException">No process has.</exception>
    public static MigrationJob Get(int id, Func<IReadOnlyList<ProcessElsewhere>> processes) =>
        Migrations.All.FirstOrDefault(job => job.Id == id)
        ?? (LikeliestOf(id, processes()) is { } other ? throw HasNumber(other) : Migrations.Get(id));

    /// <summary>The error of who would do something to a migration that another process has.</summary>
    public static CommandException IsElsewhere(MigrationElsewhere found) => new(
        nameof(SR.MigrationElsewhere),
        ErrorCategory.InvalidOperation,
        Text.Format(SR.MigrationInProcess, found.Migration.Id, found.Migration.Name, found.Migration.State, found.Process.Description),
        Text.Format(SR.MigrationInProcessRemedy, EndOf(found.Process), found.Migration.Name),
        found.Migration.Name);

    /// <summary>Of all that have a number, each in its process, the one that is likeliest meant: under way, and begun last.</summary>
    private static MigrationElsewhere? LikeliestOf(int id, IReadOnlyList<ProcessElsewhere> processes) =>
        AllOf(processes).Where(found => found.Migration.Id == id).MaxBy(found => (found.Migration.IsUnderWay(), found.Migration.Started));

    /// <summary>The error of who takes the number of another process' migration for one of this process.</summary>
    private static CommandException HasNumber(MigrationElsewhere found) => new(
        nameof(SR.MigrationElsewhere),
        ErrorCategory.ObjectNotFound,
        Text.Format(SR.MigrationNumberElsewhere, found.Migration.Id, found.Migration.Name, found.Migration.State, found.Process.Description),
        Text.Format(
            SR.MigrationNumberElsewhereRemedy,
            found.Migration.Name,
            Text.Format(SR.MigrationInProcessRemedy, EndOf(found.Process), found.Migration.Name)),
        found.Migration.Id);

    /// <summary>The command that ends a process in order.</summary>
    public static string EndOf(ProcessElsewhere process) =>
        process.Service is { } service ? $"systemctl stop {service}" : Text.Format("kill {0}", process.Id);

    private static Guid? InstanceOf(InputRow handle) =>
        Guid.TryParse(handle.TextOf(nameof(MigrationInfo.InstanceId)), out Guid instance) ? instance : null;
}
