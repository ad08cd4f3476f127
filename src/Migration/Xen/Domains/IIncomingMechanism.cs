using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Domains;

/// <summary>
/// What differs between the kinds of incoming domains: how HVM and PV domains get their pages and their core state, and who serves their
/// faults. <c>XenIncomingDomain</c> does what is the same for all, and keeps the order of the calls.
/// Disposing lets go of everything but the domain.
/// </summary>
internal interface IIncomingMechanism : IDisposable
{
    /// <summary>The domain's memory.</summary>
    IGuestMemory Memory { get; }

    /// <summary>The domain's pages, by what becomes of them.</summary>
    IncomingPages Pages { get; }

    /// <summary>How long the restoration waited for the toolstack's child; zero before that has ended.</summary>
    TimeSpan ToolstackTime { get; }

    /// <summary>RemotePF on, before the restoration.</summary>
    IRemotePaging EnableRemotePF();

    /// <summary>Places the core state's pages and has the toolstack's child restore the rest, which ends then.</summary>
    /// <exception cref="MigrationException">The state is malformed, or the toolstack refused it.</exception>
    void Restore(CoreState core, CancellationToken cancellationToken);

    /// <summary>As <see cref="IPageUse.TakeUsedPages"/>.</summary>
    PageBitmap? TakeUsedPages();

    /// <summary>Breaks the toolstack's work off, where it has not ended.</summary>
    void BreakOff();
}
