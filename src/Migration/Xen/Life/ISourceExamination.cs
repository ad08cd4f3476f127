using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Domains;

namespace PreRecordMigration.Xen.Life;

/// <summary>What is found out about a domain before it is opened as a source, whatever its kind, and what mends it.</summary>
internal interface ISourceExamination
{
    /// <summary>The domain as it is.</summary>
    DomainInfo Info { get; }

    /// <summary>Removes what a killed process left in the hypervisor: ring, traps, waiting vCPUs, the tracking of written pages. The domain is paused meanwhile.</summary>
    void RemoveTraps();

    /// <summary>Lets the devices of the domain's emulator go on; does nothing where it has none.</summary>
    void ContinueEmulator();

    /// <summary>Chooses how the domain is recorded, and finds out now what the hypervisor would refuse later.</summary>
    ISourceMechanism Build();
}
