using PreRecordMigration.Methods;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Finds receivers by what somebody gave, by <see cref="NameRule"/>.</summary>
internal static class ReceiverSelection
{
    /// <summary>The receivers of the hosts that are meant.</summary>
    /// <param name="pattern">A host's name, which must receive, or a pattern, which may mean none.</param>
    /// <exception cref="OperationException">No host of that name receives.</exception>
    public static IReadOnlyList<MigrationReceiver> Match(string pattern) =>
        Find(pattern).OrNoneOfPattern(() => ReceiverRegistry.NotFound(pattern));

    /// <summary>As <see cref="Match"/> for who does something to them: a pattern that means none is an error too.</summary>
    public static IReadOnlyList<MigrationReceiver> Require(string pattern) => Find(pattern).OrFail(() => ReceiverRegistry.NotFound(pattern));

    private static NameMatch<MigrationReceiver> Find(string pattern) =>
        NameRule.Find(pattern, Workspace.OfProcess.Receivers.All, receiver => receiver.Host.Name);
}
