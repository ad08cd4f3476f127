namespace PreRecordMigration.Hypervisor;

/// <summary>
/// A domain whose host counts how much the guest gets done. A domain of a host that cannot does not have it. It looks, and touches nothing.
/// </summary>
public interface IGuestWork
{
    /// <summary>
    /// How much the guest has done here: operations on a simulated host, seconds in which its vCPUs ran on Xen. It only grows. Null where it cannot be told now.
    /// Cheap, and any thread may ask until the domain's handle is disposed.
    /// </summary>
    double? Work { get; }
}
