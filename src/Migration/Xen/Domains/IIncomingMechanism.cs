using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Domains;

/// <summary>
/// In what incoming domains differ: how those with nested paging and PV domains get their pages and their core state, and who
/// serves their faults. What is the same is <c>XenIncomingDomain</c>'s, which also keeps the order of the calls.
/// Disposing lets go of everything but the domain.
/// </summary>
internal interface IIncomingMechanism : IDisposable
{
    /// <summary>The domain's memory.</summary>
    IGuestMemory Memory { get; }

    /// <summary>The domain's pages, by what becomes of them.</summary>
    IncomingPages Pages { get; }

    /// <summary>RemotePF on, before the restoration.</summary>
    IRemotePaging EnableRemotePF();

    /// <summary>Places the core state's pages and has the toolstack restore the rest; it ends then.</summary>
    /// <exception cref="MigrationException">The state is malformed, or the toolstack refused it.</exception>
    void Restore(CoreState core, CancellationToken cancellationToken);

    /// <summary>Breaks the toolstack's work off, where it has not ended.</summary>
    void BreakOff();
}
