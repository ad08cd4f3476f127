using System.Management.Automation;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>A receiver of another process.</summary>
/// <param name="Process">The process.</param>
/// <param name="Receiver">The receiver, as it was when the process was asked.</param>
internal sealed record ReceiverElsewhere(ProcessElsewhere Process, MigrationReceiverInfo Receiver);

/// <summary>Finds receivers by what somebody gave, by <see cref="NameRule"/>.</summary>
internal static class ReceiverSelection
{
    /// <summary>The receivers of this process whose hosts are meant, for who does something to them: a pattern that means none is an error too.</summary>
    /// <exception cref="OperationException">No host of that name receives here or elsewhere.</exception>
    /// <exception cref="CommandException">Another process has the receiver.</exception>
    public static IReadOnlyList<MigrationReceiver> Require(string pattern, Func<IReadOnlyList<ProcessElsewhere>> processes) =>
        Find(pattern).OrFail(() => Find(pattern, processes()).Found is [var first, ..] ? IsElsewhere(first) : ReceiverRegistry.NotFound(pattern));

    /// <summary>The receivers of this process whose hosts are meant.</summary>
    public static NameMatch<MigrationReceiver> Find(string pattern) =>
        NameRule.Find(pattern, Workspace.OfProcess.Receivers.All, receiver => receiver.Host.Name);

    /// <summary>As <see cref="Find(string)"/>, of those of other processes.</summary>
    public static NameMatch<ReceiverElsewhere> Find(string pattern, IReadOnlyList<ProcessElsewhere> processes) =>
        NameRule.Find(pattern, AllOf(processes), found => found.Receiver.HostName);

    /// <summary>All of them, by process.</summary>
    public static IEnumerable<ReceiverElsewhere> AllOf(IEnumerable<ProcessElsewhere> processes) =>
        processes.SelectMany(process => process.Receivers.Select(receiver => new ReceiverElsewhere(process, receiver)));

    private static CommandException IsElsewhere(ReceiverElsewhere found) => new(
        nameof(SR.ReceiverElsewhere),
        ErrorCategory.InvalidOperation,
        Text.Format(SR.ReceiverElsewhere, found.Receiver.HostName, found.Receiver.Endpoint, found.Process.Description),
        Text.Format(SR.ReceiverElsewhereRemedy, MigrationSelection.EndOf(found.Process)),
        found.Receiver.HostName);
}
