using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Methods;

/// <summary>Captures a suspended domain's core state with its page tables.</summary>
public static class CoreStateCapture
{
    /// <summary>Captures the core state, and adds the page tables where the hypervisor left them out.</summary>
    /// <param name="domain">A suspended domain.</param>
    /// <param name="announced">The populated pages that the destination has prepared for.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainChanged"/>: the domain's memory map has changed
    /// since it was announced (its balloon moved).</exception>
    public static CoreState Capture(ISourceDomain domain, PageBitmap announced)
    {
        PageBitmap populated = domain.GetPopulatedPages();
        if (!populated.HasSameBits(announced))
        {
            throw new MigrationException(
                MigrationErrorId.DomainChanged,
                $"The memory map of {domain.Info.Name} changed during the migration: {announced.Count} pages were announced, {populated.Count} are populated now.",
                "Wait until the domain's balloon has settled, and migrate again.",
                domain.Info.Name);
        }

        CoreState core = domain.CaptureCoreState(populated);
        return core.PageTablePageCount > 0 ? core : PageTableWalker.AddPageTables(core, domain.Memory, populated);
    }
}
