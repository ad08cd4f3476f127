using PreRecordMigration.CoreStates;

namespace PreRecordMigration.Hypervisor;

/// <summary>
/// A source domain that can go back to its own checkpoint on its own host. Not every hypervisor's can: the far ends of a
/// guest's devices must go back with it.
/// </summary>
public interface ICheckpointedDomain : ISourceDomain
{
    /// <summary>
    /// Puts the vCPUs of the paused domain back to where they stood at a checkpoint; the caller puts the memory back.
    /// </summary>
    /// <param name="checkpoint">What <see cref="ISourceDomain.CaptureCoreState"/> returned for this domain.</param>
    void RestoreCoreState(CoreState checkpoint);
}
