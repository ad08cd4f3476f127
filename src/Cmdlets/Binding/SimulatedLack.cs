using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Cmdlets;

/// <summary>What a simulated host can be made without. Names and numbers are those of <see cref="MigrationCapability"/>, but for devices and processors.</summary>
public enum SimulatedLack : long
{
    /// <summary>Recording what a domain touches.</summary>
    Recording = MigrationCapability.Recording,

    /// <summary>Putting a domain back to a checkpoint.</summary>
    Rollback = MigrationCapability.Rollback,

    /// <summary>Holding back what a domain sends out.</summary>
    OutputIsolation = MigrationCapability.OutputIsolation,

    /// <summary>Finding out what a domain has written.</summary>
    DirtyTracking = MigrationCapability.DirtyTracking,

    /// <summary>Running a domain of which pages are missing.</summary>
    RemotePF = MigrationCapability.RemotePF,

    /// <summary>Domains with more than one vCPU.</summary>
    SeveralVcpus = MigrationCapability.SeveralVcpus,

    /// <summary>Rolling a domain back where it is, without a fresh one.</summary>
    InPlaceRollback = MigrationCapability.InPlaceRollback,

    /// <summary>The bridge that its domains' network cards are put to.</summary>
    Bridge = 101,

    /// <summary>The disks of domains, which all simulated hosts share.</summary>
    Disk = 102,

    /// <summary>AVX2, which simulated domains have been told that their processors have.</summary>
    Avx2 = 103,
}
